/*
 * Wraps and unwraps what a sealed header carries: HKDF-SHA384 over root secret, salt and identity
 * gives a key that is used once, AES-256-GCM wraps with every earlier byte of the header as
 * additional data. Keys never outlive the call.
 */
#include "measure/seal_wrap.h"

#include "base/bytes.h"
#include "measure/crypto.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#define PURPOSE "cloister seal 1"
#define KEY_SIZE 32
#define AUTHENTICATED ((int)offsetof(struct clo_seal_header, wrapped))
#define INFO_MAX 512

/* What the derivation covers: each field as length u32 || bytes, so that no two lists of fields
   give the same bytes. */
struct info {
    uint8_t bytes[INFO_MAX];
    size_t size;
};

static void add(struct info *info, const void *field, uint32_t size)
{
    memcpy(info->bytes + info->size, &size, sizeof size);
    memcpy(info->bytes + info->size + sizeof size, field, size);
    info->size += sizeof size + size;
}

static_assert(sizeof PURPOSE + 3 * 4 + sizeof(struct seal_identity) + 9 * 4 <= INFO_MAX,
              "all fields with their lengths fit");

/* Every policy holds data to its author: a copy that another author signed is that author's. */
static void fill(struct info *info, const struct seal_identity *identity)
{
    uint32_t policy = identity->policy;
    uint32_t debug = identity->debug;
    uint32_t root_version = SEAL_ROOT_VERSION;
    info->size = 0;
    add(info, PURPOSE, sizeof PURPOSE - 1);
    add(info, &policy, sizeof policy);
    add(info, &debug, sizeof debug);
    add(info, &root_version, sizeof root_version);
    add(info, identity->author, CLO_AUTHOR_SIZE);
    if (policy == CLO_POLICY_EXACT_CODE || policy == CLO_POLICY_EXACT_SET)
        add(info, identity->measurement, CLO_DIGEST_SIZE);
    if (policy == CLO_POLICY_SAME_IMAGE || policy == CLO_POLICY_SAME_FAMILY)
        add(info, identity->family_id, CLO_ID_SIZE);
    if (policy == CLO_POLICY_SAME_IMAGE)
        add(info, identity->image_id, CLO_ID_SIZE);
    if (policy == CLO_POLICY_EXACT_SET)
        add(info, identity->set_digest, CLO_DIGEST_SIZE);
}

static OSSL_PARAM octets(const char *name, const void *bytes, size_t size)
{
    /* OSSL_PARAM serves both directions; this one is only read. */
    return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)bytes, size);
}

static bool derive(const struct platform *platform, const struct seal_identity *identity,
                   const struct clo_seal_header *header, uint8_t key[KEY_SIZE])
{
    struct info info;
    fill(&info, identity);
    char digest[] = "SHA2-384";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        octets(OSSL_KDF_PARAM_KEY, platform->root, sizeof platform->root),
        octets(OSSL_KDF_PARAM_SALT, header->salt, sizeof header->salt),
        octets(OSSL_KDF_PARAM_INFO, info.bytes, info.size),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF *hkdf = EVP_KDF_fetch(crypto_context(), "HKDF", NULL);
    EVP_KDF_CTX *deriver = hkdf ? EVP_KDF_CTX_new(hkdf) : NULL;
    bool done = deriver && EVP_KDF_derive(deriver, key, KEY_SIZE, parameters) == 1;
    EVP_KDF_CTX_free(deriver);
    EVP_KDF_free(hkdf);
    return done;
}

/* The cipher, set up with the derived key; NULL if OpenSSL fails. Freeing it wipes the key. */
static EVP_CIPHER_CTX *cipher_for(const struct platform *platform,
                                  const struct seal_identity *identity,
                                  const struct clo_seal_header *header, int encrypt)
{
    uint8_t key[KEY_SIZE];
    int size = 0;
    EVP_CIPHER *gcm = EVP_CIPHER_fetch(crypto_context(), "AES-256-GCM", NULL);
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    bool ready = gcm && cipher && derive(platform, identity, header, key) &&
                 EVP_CipherInit_ex2(cipher, gcm, key, header->nonce, encrypt, NULL) == 1 &&
                 EVP_CipherUpdate(cipher, NULL, &size, (const uint8_t *)header, AUTHENTICATED) == 1;
    bytes_wipe(key, sizeof key);
    EVP_CIPHER_free(gcm);
    if (ready)
        return cipher;
    EVP_CIPHER_CTX_free(cipher);
    return NULL;
}

cloister_status seal_wrap(const struct platform *platform, const struct seal_identity *identity,
                          const uint8_t plain[SEAL_WRAPPED_SIZE], struct clo_seal_header *header)
{
    EVP_CIPHER_CTX *cipher = cipher_for(platform, identity, header, 1);
    int size = 0;
    int rest = 0;
    bool done =
        cipher &&
        EVP_EncryptUpdate(cipher, header->wrapped, &size, plain, SEAL_WRAPPED_SIZE) == 1 &&
        size == SEAL_WRAPPED_SIZE &&
        EVP_EncryptFinal_ex(cipher, header->wrapped + size, &rest) == 1 &&
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, sizeof header->tag, header->tag) == 1;
    EVP_CIPHER_CTX_free(cipher);
    return done ? CLOISTER_OK : CLOISTER_INTERNAL;
}

static bool open_with(EVP_CIPHER_CTX *cipher, const struct clo_seal_header *header,
                      uint8_t plain[SEAL_WRAPPED_SIZE])
{
    uint8_t tag[sizeof header->tag];
    memcpy(tag, header->tag, sizeof tag);
    int size = 0;
    int rest = 0;
    return EVP_DecryptUpdate(cipher, plain, &size, header->wrapped, SEAL_WRAPPED_SIZE) == 1 &&
           size == SEAL_WRAPPED_SIZE &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) == 1 &&
           EVP_DecryptFinal_ex(cipher, plain + size, &rest) == 1;
}

cloister_status seal_unwrap(const struct platform *platform, const struct seal_identity *identity,
                            const struct clo_seal_header *header, uint8_t plain[SEAL_WRAPPED_SIZE])
{
    EVP_CIPHER_CTX *cipher = cipher_for(platform, identity, header, 0);
    if (!cipher)
        return CLOISTER_INTERNAL;
    bool done = open_with(cipher, header, plain);
    EVP_CIPHER_CTX_free(cipher);
    if (done)
        return CLOISTER_OK;
    bytes_wipe(plain, SEAL_WRAPPED_SIZE);
    (void)crypto_error(); /* nothing of it may show up in a later reason */
    return CLOISTER_CORRUPT;
}

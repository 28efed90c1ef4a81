/*
 * Whole payloads sealed and opened: AES-256-GCM under the key that the keeper made for this one
 * payload, with the sealed header as additional data (abi/seal.h). Each key encrypts once, so the
 * nonce is zero. No plaintext and no payload leaves the module; only headers do.
 */
#include "cloister/module.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define TAG_SIZE 16
#define PART_SIZE ((size_t)1 << 30) /* EVP counts in int */

static const uint8_t zero_nonce[12];

/* Before anything else of the library, or it looks for a configuration file. */
static int prepare(void)
{
    return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
}

static int digest_of(const void *payload, size_t size, uint8_t digest[CLO_DIGEST_SIZE])
{
    return EVP_Digest(payload, size, digest, NULL, EVP_sha384(), NULL);
}

/* Runs all of a message through the cipher, in parts. */
static int update(EVP_CIPHER_CTX *context, uint8_t *out, const uint8_t *in, size_t size)
{
    while (size > 0) {
        int done;
        int part = (int)(size < PART_SIZE ? size : PART_SIZE);
        if (!EVP_CipherUpdate(context, out, &done, in, part) || done != part)
            return 0;
        in += part;
        out += part;
        size -= (size_t)part;
    }
    return 1;
}

static int start(EVP_CIPHER_CTX *context, const uint8_t *key, const struct clo_seal_header *header,
                 int encrypt)
{
    int done;
    return EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, key, zero_nonce, encrypt) &&
           EVP_CipherUpdate(context, NULL, &done, (const uint8_t *)header, sizeof *header);
}

static int encrypt(const struct clo_seal_reply *reply, const uint8_t *payload, size_t size,
                   uint8_t *out)
{
    int done;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int good = context && start(context, reply->key, &reply->header, 1) &&
               update(context, out, payload, size) &&
               EVP_CipherFinal_ex(context, out + size, &done) &&
               EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, out + size);
    EVP_CIPHER_CTX_free(context);
    return good;
}

cloister_status cloister_seal(unsigned policy, const void *label, size_t label_size,
                              const void *payload, size_t size, uint8_t *blob, size_t *blob_size)
{
    struct clo_seal_reply reply;
    uint8_t digest[CLO_DIGEST_SIZE];
    if (!prepare() || !digest_of(payload, size, digest))
        return CLOISTER_INTERNAL;
    cloister_status status = cloister_seal_key(policy, label, label_size, digest, &reply);
    if (status != CLOISTER_OK)
        return status;
    memcpy(blob, &reply.header, sizeof reply.header);
    int good = encrypt(&reply, payload, size, blob + sizeof reply.header);
    OPENSSL_cleanse(&reply, sizeof reply);
    if (!good)
        return CLOISTER_INTERNAL;
    *blob_size = size + CLOISTER_SEAL_OVERHEAD;
    return CLOISTER_OK;
}

static int decrypt(const struct clo_unseal_reply *reply, const struct clo_seal_header *header,
                   const uint8_t *in, size_t size, uint8_t *payload)
{
    int done;
    uint8_t tag[TAG_SIZE];
    uint8_t digest[CLO_DIGEST_SIZE];
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    memcpy(tag, in + size, TAG_SIZE);
    int good =
        context && start(context, reply->key, header, 0) && update(context, payload, in, size) &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) &&
        EVP_CipherFinal_ex(context, payload + size, &done) && digest_of(payload, size, digest) &&
        CRYPTO_memcmp(digest, reply->payload_digest, sizeof digest) == 0;
    EVP_CIPHER_CTX_free(context);
    return good;
}

cloister_status cloister_unseal(const uint8_t *blob, size_t blob_size, uint8_t *payload,
                                size_t *size)
{
    struct clo_seal_header header;
    struct clo_unseal_reply reply;
    if (blob_size < CLOISTER_SEAL_OVERHEAD)
        return CLOISTER_CORRUPT;
    memcpy(&header, blob, sizeof header);
    if (header.magic != CLO_SEAL_MAGIC)
        return CLOISTER_CORRUPT;
    if (!prepare())
        return CLOISTER_INTERNAL;
    cloister_status status = cloister_unseal_key(&header, &reply);
    if (status != CLOISTER_OK)
        return status;
    size_t plain_size = blob_size - CLOISTER_SEAL_OVERHEAD;
    int good = decrypt(&reply, &header, blob + sizeof header, plain_size, payload);
    OPENSSL_cleanse(&reply, sizeof reply);
    if (!good) {
        OPENSSL_cleanse(payload, plain_size);
        return CLOISTER_CORRUPT;
    }
    *size = plain_size;
    return CLOISTER_OK;
}

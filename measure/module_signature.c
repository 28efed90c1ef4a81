/*
 * Signs and verifies modules: COSE_Sign1 over ["cloister-module", 1, measurement, manifest].
 */
#include "measure/module_signature.h"

#include "base/bytes.h"
#include "base/scope.h"
#include "measure/cbor_write.h"
#include "measure/cose.h"
#include "measure/ecdsa.h"
#include "measure/openssl_scope.h"

#include <openssl/sha.h>
#include <openssl/x509.h>

#define SIGNATURE_TAG "cloister-module"
#define SIGNATURE_VERSION 1u
#define SIGNED_SIZE_MAX (sizeof(struct clo_manifest) + 128u)

static_assert(CLO_DIGEST_SIZE == SHA384_DIGEST_LENGTH, "digests are SHA-384");

/* What a SubjectPublicKeyInfo of an uncompressed point on the named curve P-256 starts with. Only
   this form is accepted: otherwise one key would have several author identities. */
static const uint8_t spki_start[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                     0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                     0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
#define SPKI_SIZE (sizeof spki_start + ECDSA_POINT_SIZE)

static bool spki_is_canonical(const struct cbor_view *spki)
{
    return spki->size == SPKI_SIZE && memcmp(spki->bytes, spki_start, sizeof spki_start) == 0;
}

/* Writes the key's SubjectPublicKeyInfo. */
static cloister_status spki_of_key(EVP_PKEY *key, uint8_t der[SPKI_SIZE], struct cbor_view *spki,
                                   struct reason *why)
{
    int size = key ? i2d_PUBKEY(key, NULL) : 0;
    unsigned char *at = der;
    if (size == SPKI_SIZE && i2d_PUBKEY(key, &at) == size) {
        *spki = (struct cbor_view){der, SPKI_SIZE};
        if (spki_is_canonical(spki))
            return CLOISTER_OK;
    }
    return refuse(why, CLOISTER_BAD_ARGUMENT,
                  "the author's key is no EC key on the named curve P-256, point uncompressed");
}

static void author_of_spki(const struct cbor_view *spki, uint8_t author[CLO_AUTHOR_SIZE])
{
    author[0] = CLO_AUTHOR_KEY;
    (void)SHA384(spki->bytes, spki->size, author + 1);
}

cloister_status author_of_key(EVP_PKEY *key, uint8_t author[CLO_AUTHOR_SIZE], struct reason *why)
{
    uint8_t der[SPKI_SIZE];
    struct cbor_view spki;
    cloister_status status = spki_of_key(key, der, &spki, why);
    if (status == CLOISTER_OK)
        author_of_spki(&spki, author);
    return status;
}

static size_t signed_payload(const uint8_t measurement[CLO_DIGEST_SIZE],
                             const struct clo_manifest *manifest, uint8_t payload[SIGNED_SIZE_MAX])
{
    struct cbor_writer writer;
    size_t size = 0;
    cbor_write_start(&writer, payload, SIGNED_SIZE_MAX);
    cbor_write_array(&writer, 4);
    cbor_write_text(&writer, SIGNATURE_TAG);
    cbor_write_uint(&writer, SIGNATURE_VERSION);
    cbor_write_bytes(&writer, measurement, CLO_DIGEST_SIZE);
    cbor_write_bytes(&writer, manifest, sizeof *manifest);
    return cbor_write_end(&writer, &size) ? size : 0;
}

cloister_status module_signature_make(EVP_PKEY *key, const uint8_t measurement[CLO_DIGEST_SIZE],
                                      const struct clo_manifest *manifest, uint8_t *signature,
                                      size_t capacity, size_t *size, struct reason *why)
{
    uint8_t der[SPKI_SIZE];
    struct cose_header header = {0};
    cloister_status status = spki_of_key(key, der, &header.spki, why);
    if (status != CLOISTER_OK)
        return status;
    uint8_t payload[SIGNED_SIZE_MAX];
    size_t payload_size = signed_payload(measurement, manifest, payload);
    return cose_sign(key, &header, payload, payload_size, signature, capacity, size, why);
}

/* NULL: no key in the one form that is accepted. Its point is where that form says; OpenSSL's
   decoder would look for other forms too, for longer than the check of the signature takes. */
static EVP_PKEY *key_of_spki(const struct cbor_view *spki)
{
    return spki_is_canonical(spki) ? ecdsa_key_of_point(spki->bytes + sizeof spki_start) : NULL;
}

cloister_status module_signature_verify(const uint8_t *signature, size_t size,
                                        const uint8_t measurement[CLO_DIGEST_SIZE],
                                        const struct clo_manifest *manifest,
                                        uint8_t author[CLO_AUTHOR_SIZE], struct reason *why)
{
    struct cose_message message;
    cloister_status status = cose_parse(signature, size, COSE_ALLOW_ES256, &message, why);
    if (status != CLOISTER_OK)
        return CLOISTER_BAD_FORMAT;
    if (message.header.type || message.header.certificates || !message.header.spki.size)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "the module signature's header is not algorithm and public key alone");
    AUTO_EVP_PKEY EVP_PKEY *key = key_of_spki(&message.header.spki);
    if (!key)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "the module signature's public key is no uncompressed EC key on P-256");
    status = cose_verify(&message, key, why);
    if (status != CLOISTER_OK)
        return status;
    uint8_t payload[SIGNED_SIZE_MAX];
    size_t payload_size = signed_payload(measurement, manifest, payload);
    if (message.payload.size != payload_size ||
        !bytes_equal(message.payload.bytes, payload, payload_size))
        return refuse(why, CLOISTER_CORRUPT,
                      "the module signature is over another measurement or manifest");
    author_of_spki(&message.header.spki, author);
    return CLOISTER_OK;
}

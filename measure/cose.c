/*
 * Makes, takes apart and verifies COSE_Sign1.
 */
#include "measure/cose.h"

#include "base/scope.h"
#include "measure/cose_header.h"

#define TAG_SIGN1 18
#define PROTECTED_SIZE_MAX 16384u
#define SIGN1_OVERHEAD 64u /* heads and the context string of a Sig_structure, rounded up */

/* The bytes that are signed (RFC 9052, 4.4), in fresh memory; NULL: no memory. */
static uint8_t *signed_bytes(const struct cbor_view *protected_bytes,
                             const struct cbor_view *payload, size_t *size)
{
    size_t capacity = protected_bytes->size + payload->size + SIGN1_OVERHEAD;
    AUTO_FREE uint8_t *bytes = malloc(capacity);
    if (!bytes)
        return NULL;
    struct cbor_writer writer;
    cbor_write_start(&writer, bytes, capacity);
    cbor_write_array(&writer, 4);
    cbor_write_text(&writer, "Signature1");
    cbor_write_bytes(&writer, protected_bytes->bytes, protected_bytes->size);
    cbor_write_bytes(&writer, NULL, 0);
    cbor_write_bytes(&writer, payload->bytes, payload->size);
    return cbor_write_end(&writer, size) ? take_pointer(&bytes) : NULL;
}

cloister_status cose_parse(const void *bytes, size_t size, unsigned allowed,
                           struct cose_message *message, struct reason *why)
{
    struct cbor_reader reader;
    uint64_t number;
    memset(message, 0, sizeof *message);
    cloister_status status = cbor_read_start(&reader, bytes, size, "the COSE message", why);
    if (status != CLOISTER_OK)
        return status;
    if (!cbor_read_tag(&reader, &number) || number != TAG_SIGN1)
        return refuse(why, CLOISTER_BAD_FORMAT, "the message has not CBOR tag %d (COSE_Sign1)",
                      TAG_SIGN1);
    if (!cbor_read_array(&reader, &number) || number != 4 ||
        !cbor_read_bytes(&reader, &message->protected_bytes))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "COSE_Sign1 is no array of 4 that starts with a protected header");
    if (!cbor_read_map(&reader, &number) || number != 0)
        return refuse(why, CLOISTER_BAD_FORMAT, "the unprotected header is not empty");
    if (!cbor_read_bytes(&reader, &message->payload) ||
        !cbor_read_bytes(&reader, &message->signature))
        return refuse(why, CLOISTER_BAD_FORMAT, "payload or signature is no byte string");
    return cose_header_read(&message->protected_bytes, allowed, &message->header, why);
}

cloister_status cose_verify(const struct cose_message *message, EVP_PKEY *key, struct reason *why)
{
    if (ecdsa_algorithm(key) != message->header.algorithm)
        return refuse(why, CLOISTER_CORRUPT,
                      "the key is not one for algorithm %lld, which the header names",
                      (long long)message->header.algorithm);
    size_t size;
    AUTO_FREE uint8_t *bytes = signed_bytes(&message->protected_bytes, &message->payload, &size);
    if (!bytes)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory to check a signature");
    return ecdsa_verify(key, bytes, size, message->signature.bytes, message->signature.size, why);
}

static cloister_status write_message(EVP_PKEY *key, const struct cbor_view *protected_bytes,
                                     const struct cbor_view *payload, uint8_t *out, size_t capacity,
                                     size_t *size, struct reason *why)
{
    uint8_t signature[ECDSA_SIZE_MAX];
    size_t signed_size;
    AUTO_FREE uint8_t *bytes = signed_bytes(protected_bytes, payload, &signed_size);
    if (!bytes)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory to sign");
    cloister_status status = ecdsa_sign(key, bytes, signed_size, signature, why);
    if (status != CLOISTER_OK)
        return status;
    struct cbor_writer writer;
    cbor_write_start(&writer, out, capacity);
    cbor_write_tag(&writer, TAG_SIGN1);
    cbor_write_array(&writer, 4);
    cbor_write_bytes(&writer, protected_bytes->bytes, protected_bytes->size);
    cbor_write_map(&writer, 0);
    cbor_write_bytes(&writer, payload->bytes, payload->size);
    cbor_write_bytes(&writer, signature, ecdsa_size(ecdsa_algorithm(key)));
    if (!cbor_write_end(&writer, size))
        return refuse(why, CLOISTER_TOO_BIG, "the signed message is larger than %zu bytes",
                      capacity);
    return CLOISTER_OK;
}

cloister_status cose_sign(EVP_PKEY *key, const struct cose_header *header, const void *payload,
                          size_t payload_size, uint8_t *out, size_t capacity, size_t *size,
                          struct reason *why)
{
    struct cose_header complete = *header;
    complete.algorithm = ecdsa_algorithm(key);
    if (complete.algorithm == 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "the signing key is no EC key on P-256 or P-384");
    AUTO_FREE uint8_t *protected = malloc(PROTECTED_SIZE_MAX);
    if (!protected)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory to sign");
    struct cbor_writer writer;
    struct cbor_view protected_bytes = {.bytes = protected};
    cbor_write_start(&writer, protected, PROTECTED_SIZE_MAX);
    cose_header_write(&writer, &complete);
    if (!cbor_write_end(&writer, &protected_bytes.size))
        return refuse(why, CLOISTER_TOO_BIG, "the protected header is larger than %u bytes",
                      PROTECTED_SIZE_MAX);
    struct cbor_view body = {payload, payload_size};
    return write_message(key, &protected_bytes, &body, out, capacity, size, why);
}

/*
 * COSE_Sign1 (RFC 9052) in the one shape this project uses: tag 18, all headers protected, payload
 * inside, ES256 or ES384. What a header says is believed only after cose_verify with a key that the
 * caller trusts.
 */
#ifndef MEASURE_COSE_H
#define MEASURE_COSE_H

#include "abi/report.h"
#include "measure/cbor_read.h"
#include "measure/ecdsa.h"

#define COSE_ALLOW_ES256 1u
#define COSE_ALLOW_ES384 2u

/* The protected header. Labels other than these are refused. */
struct cose_header {
    int64_t algorithm;                                  /* 1; filled in by cose_sign */
    uint64_t type;                                      /* 16; 0: none */
    unsigned certificates;                              /* 33: how many */
    struct cbor_view certificate[CLO_REPORT_CHAIN_MAX]; /* DER; the first has the signing key */
    struct cbor_view spki;                              /* CLO_COSE_SPKI; size 0: none */
};

struct cose_message {
    struct cose_header header;
    struct cbor_view protected_bytes; /* the header as it was signed */
    struct cbor_view payload;
    struct cbor_view signature;
};

/* Takes a message apart; the views point into `bytes`. `allowed`: COSE_ALLOW_… of the algorithms
   that the caller accepts. BAD_FORMAT, TOO_BIG; REFUSED: another algorithm, or a critical header
   that is not understood. */
CLOISTER_MUST_USE cloister_status cose_parse(const void *bytes, size_t size, unsigned allowed,
                                             struct cose_message *message, struct reason *why);

/* Does `key` belong to the message's algorithm, and is the signature its own? CORRUPT. */
CLOISTER_MUST_USE cloister_status cose_verify(const struct cose_message *message, EVP_PKEY *key,
                                              struct reason *why);

/* Makes a message. The algorithm is the one that belongs to the key; the rest of `header` is
   written as it is. Sets *size. TOO_BIG: `capacity` is too small; BAD_ARGUMENT. */
CLOISTER_MUST_USE cloister_status cose_sign(EVP_PKEY *key, const struct cose_header *header,
                                            const void *payload, size_t payload_size, uint8_t *out,
                                            size_t capacity, size_t *size, struct reason *why);

#endif

/*
 * The author's signature on a module: COSE_Sign1 (ES256) whose payload is the deterministic CBOR
 * array ["cloister-module", 1, measurement, manifest], and whose protected header carries the
 * author's SubjectPublicKeyInfo. docs/measurement.md.
 */
#ifndef MEASURE_MODULE_SIGNATURE_H
#define MEASURE_MODULE_SIGNATURE_H

#include "abi/manifest.h"
#include "base/reason.h"

#include <openssl/evp.h>

/* Signs; `key` is a P-256 private key, else BAD_ARGUMENT. Sets *size to at most `capacity`. */
CLOISTER_MUST_USE cloister_status module_signature_make(EVP_PKEY *key,
                                                        const uint8_t measurement[CLO_DIGEST_SIZE],
                                                        const struct clo_manifest *manifest,
                                                        uint8_t *signature, size_t capacity,
                                                        size_t *size, struct reason *why);

/* Verifies, and says whose key it was. CORRUPT: not over these; BAD_FORMAT: no such signature. */
CLOISTER_MUST_USE cloister_status module_signature_verify(
    const uint8_t *signature, size_t size, const uint8_t measurement[CLO_DIGEST_SIZE],
    const struct clo_manifest *manifest, uint8_t author[CLO_AUTHOR_SIZE], struct reason *why);

/* The author identity of a public key. */
CLOISTER_MUST_USE cloister_status author_of_key(EVP_PKEY *key, uint8_t author[CLO_AUTHOR_SIZE],
                                                struct reason *why);

#endif

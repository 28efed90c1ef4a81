/*
 * ECDSA signatures as COSE has them: r || s, each as long as the curve's order (RFC 9053, 2.1).
 */
#ifndef MEASURE_ECDSA_H
#define MEASURE_ECDSA_H

#include "base/reason.h"

#include <openssl/evp.h>

#include <stddef.h>
#include <stdint.h>

#define ECDSA_ES256 (-7)  /* P-256 with SHA-256 */
#define ECDSA_ES384 (-35) /* P-384 with SHA-384 */
#define ECDSA_SIZE_MAX 96u
#define ECDSA_POINT_SIZE 64u /* x || y on P-256 */

/* The P-256 public key, of the caller; NULL: no point of the curve, or no memory. */
EVP_PKEY *ecdsa_key_of_point(const uint8_t point[ECDSA_POINT_SIZE]);

/* The algorithm that belongs to an EC key on P-256 or P-384, 0 for any other key. */
int64_t ecdsa_algorithm(const EVP_PKEY *key);

/* Bytes of a signature, 0 for an unknown algorithm. */
size_t ecdsa_size(int64_t algorithm);

/* Signs; writes ecdsa_size(ecdsa_algorithm(key)) bytes. BAD_ARGUMENT: no such key. */
CLOISTER_MUST_USE cloister_status ecdsa_sign(EVP_PKEY *key, const void *message, size_t size,
                                             uint8_t signature[ECDSA_SIZE_MAX], struct reason *why);

/* CORRUPT: not this key's signature over the message, or of the wrong size. */
CLOISTER_MUST_USE cloister_status ecdsa_verify(EVP_PKEY *key, const void *message, size_t size,
                                               const uint8_t *signature, size_t signature_size,
                                               struct reason *why);

#endif

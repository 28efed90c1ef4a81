/*
 * Checks size and value of a confirmation key: a P-256 point must be on the curve, an X25519 value
 * must not be all zero (it would give a shared secret that everybody knows).
 */
#include "measure/confirmation_key.h"

#include "base/bytes.h"
#include "measure/ecdsa.h"
#include "measure/openssl_scope.h"

#define X25519_SIZE 32u

static bool point_is_on_curve(const uint8_t point[ECDSA_POINT_SIZE])
{
    AUTO_EVP_PKEY EVP_PKEY *key = ecdsa_key_of_point(point);
    return key;
}

bool confirmation_key_is_valid(uint32_t kind, const uint8_t *key, size_t size)
{
    switch (kind) {
    case CLO_CNF_NONE:
        return size == 0;
    case CLO_CNF_X25519:
        return size == X25519_SIZE && !bytes_are_zero(key, size);
    case CLO_CNF_P256:
        return size == ECDSA_POINT_SIZE && point_is_on_curve(key);
    default:
        return false;
    }
}

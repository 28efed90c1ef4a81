/*
 * Checks size and value of a confirmation key: a P-256 point must be on the curve, an X25519 value
 * must not be all zero (it would give a shared secret that everybody knows).
 */
#include "measure/confirmation_key.h"

#include "base/bytes.h"
#include "measure/openssl_scope.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <string.h>

#define X25519_SIZE 32u
#define P256_SIZE 64u

static bool point_is_on_curve(const uint8_t point[P256_SIZE])
{
    uint8_t encoded[1 + P256_SIZE] = {4};
    memcpy(encoded + 1, point, P256_SIZE);
    char group[] = "P-256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, encoded, sizeof encoded),
        OSSL_PARAM_construct_end(),
    };
    AUTO_EVP_PKEY_CTX EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    AUTO_EVP_PKEY EVP_PKEY *key = NULL;
    return context && EVP_PKEY_fromdata_init(context) == 1 &&
           EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)parameters) == 1;
}

bool confirmation_key_is_valid(uint32_t kind, const uint8_t *key, size_t size)
{
    switch (kind) {
    case CLO_CNF_NONE:
        return size == 0;
    case CLO_CNF_X25519:
        return size == X25519_SIZE && !bytes_are_zero(key, size);
    case CLO_CNF_P256:
        return size == P256_SIZE && point_is_on_curve(key);
    default:
        return false;
    }
}

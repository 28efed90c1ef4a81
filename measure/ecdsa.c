/*
 * ECDSA over OpenSSL, with raw signatures instead of DER.
 */
#include "measure/ecdsa.h"

#include "measure/openssl_scope.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <string.h>

#define DER_SIZE_MAX 128

int64_t ecdsa_algorithm(const EVP_PKEY *key)
{
    char group[32];
    if (!key || !EVP_PKEY_is_a(key, "EC") ||
        EVP_PKEY_get_group_name(key, group, sizeof group, NULL) != 1)
        return 0;
    if (strcmp(group, "prime256v1") == 0)
        return ECDSA_ES256;
    if (strcmp(group, "secp384r1") == 0)
        return ECDSA_ES384;
    return 0;
}

size_t ecdsa_size(int64_t algorithm)
{
    switch (algorithm) {
    case ECDSA_ES256:
        return 64;
    case ECDSA_ES384:
        return 96;
    default:
        return 0;
    }
}

EVP_PKEY *ecdsa_key_of_point(const uint8_t point[ECDSA_POINT_SIZE])
{
    uint8_t encoded[1 + ECDSA_POINT_SIZE] = {4};
    memcpy(encoded + 1, point, ECDSA_POINT_SIZE);
    char group[] = "P-256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, encoded, sizeof encoded),
        OSSL_PARAM_construct_end(),
    };
    AUTO_EVP_PKEY_CTX EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    if (!context || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        return NULL;
    return key;
}

static const EVP_MD *hash_of(int64_t algorithm)
{
    return algorithm == ECDSA_ES256 ? EVP_sha256() : EVP_sha384();
}

static bool raw_from_der(const uint8_t *der, size_t der_size, uint8_t *raw, size_t raw_size)
{
    AUTO_ECDSA_SIG ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &der, (long)der_size);
    int half = (int)(raw_size / 2);
    return parts && BN_bn2binpad(ECDSA_SIG_get0_r(parts), raw, half) == half &&
           BN_bn2binpad(ECDSA_SIG_get0_s(parts), raw + half, half) == half;
}

/* Returns the size of the DER form, 0 if there is no memory. */
static size_t der_from_raw(const uint8_t *raw, size_t raw_size, uint8_t der[DER_SIZE_MAX])
{
    AUTO_ECDSA_SIG ECDSA_SIG *parts = ECDSA_SIG_new();
    int half = (int)(raw_size / 2);
    BIGNUM *r = BN_bin2bn(raw, half, NULL);
    BIGNUM *s = BN_bin2bn(raw + half, half, NULL);
    if (!parts || !r || !s || ECDSA_SIG_set0(parts, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return 0;
    }
    uint8_t *at = der;
    int size = i2d_ECDSA_SIG(parts, NULL) <= DER_SIZE_MAX ? i2d_ECDSA_SIG(parts, &at) : 0;
    return size > 0 ? (size_t)size : 0;
}

cloister_status ecdsa_sign(EVP_PKEY *key, const void *message, size_t size,
                           uint8_t signature[ECDSA_SIZE_MAX], struct reason *why)
{
    int64_t algorithm = ecdsa_algorithm(key);
    if (algorithm == 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "the signing key is no EC key on P-256 or P-384");
    uint8_t der[DER_SIZE_MAX];
    size_t der_size = sizeof der;
    AUTO_EVP_MD_CTX EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestSignInit(context, NULL, hash_of(algorithm), NULL, key) != 1 ||
        EVP_DigestSign(context, der, &der_size, message, size) != 1 ||
        !raw_from_der(der, der_size, signature, ecdsa_size(algorithm)))
        return refuse(why, CLOISTER_INTERNAL, "signing failed; is the key a private one?");
    return CLOISTER_OK;
}

cloister_status ecdsa_verify(EVP_PKEY *key, const void *message, size_t size,
                             const uint8_t *signature, size_t signature_size, struct reason *why)
{
    int64_t algorithm = ecdsa_algorithm(key);
    if (algorithm == 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "the verification key is no EC key on P-256 or P-384");
    if (signature_size != ecdsa_size(algorithm))
        return refuse(why, CLOISTER_CORRUPT, "the signature has %zu bytes; this key makes %zu",
                      signature_size, ecdsa_size(algorithm));
    uint8_t der[DER_SIZE_MAX];
    size_t der_size = der_from_raw(signature, signature_size, der);
    AUTO_EVP_MD_CTX EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (der_size == 0 || !context ||
        EVP_DigestVerifyInit(context, NULL, hash_of(algorithm), NULL, key) != 1)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory to check a signature");
    if (EVP_DigestVerify(context, der, der_size, message, size) != 1)
        return refuse(why, CLOISTER_CORRUPT, "the signature is not this key's over these bytes");
    return CLOISTER_OK;
}

/*
 * OpenSSL objects that release themselves when their scope ends; as base/scope.h.
 *
 *   AUTO_EVP_MD_CTX EVP_MD_CTX *context = EVP_MD_CTX_new();
 */
#ifndef MEASURE_OPENSSL_SCOPE_H
#define MEASURE_OPENSSL_SCOPE_H

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>

static inline void scope_certificates_free(STACK_OF(X509) * certificates)
{
    sk_X509_pop_free(certificates, X509_free);
}

#define OPENSSL_SCOPE_(name, type, release)                                                        \
    static inline void scope_##name(type **object)                                                 \
    {                                                                                              \
        release(*object);                                                                          \
    }

OPENSSL_SCOPE_(bio, BIO, BIO_vfree)
OPENSSL_SCOPE_(ecdsa_sig, ECDSA_SIG, ECDSA_SIG_free)
OPENSSL_SCOPE_(evp_md_ctx, EVP_MD_CTX, EVP_MD_CTX_free)
OPENSSL_SCOPE_(evp_pkey, EVP_PKEY, EVP_PKEY_free)
OPENSSL_SCOPE_(evp_pkey_ctx, EVP_PKEY_CTX, EVP_PKEY_CTX_free)
OPENSSL_SCOPE_(x509, X509, X509_free)
OPENSSL_SCOPE_(x509_stack, STACK_OF(X509), scope_certificates_free)
OPENSSL_SCOPE_(x509_store, X509_STORE, X509_STORE_free)
OPENSSL_SCOPE_(x509_store_ctx, X509_STORE_CTX, X509_STORE_CTX_free)

#define AUTO_BIO __attribute__((cleanup(scope_bio)))
#define AUTO_ECDSA_SIG __attribute__((cleanup(scope_ecdsa_sig)))
#define AUTO_EVP_MD_CTX __attribute__((cleanup(scope_evp_md_ctx)))
#define AUTO_EVP_PKEY __attribute__((cleanup(scope_evp_pkey)))
#define AUTO_EVP_PKEY_CTX __attribute__((cleanup(scope_evp_pkey_ctx)))
#define AUTO_X509 __attribute__((cleanup(scope_x509)))
#define AUTO_X509_STACK __attribute__((cleanup(scope_x509_stack)))
#define AUTO_X509_STORE __attribute__((cleanup(scope_x509_store)))
#define AUTO_X509_STORE_CTX __attribute__((cleanup(scope_x509_store_ctx)))

#endif

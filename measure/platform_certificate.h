/*
 * The platform's identity: a P-384 CA, and the attestation key with the certificate that the CA
 * issues for it. abi/report.h says what the certificates hold.
 */
#ifndef MEASURE_PLATFORM_CERTIFICATE_H
#define MEASURE_PLATFORM_CERTIFICATE_H

#include "base/reason.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

struct platform_identity {
    EVP_PKEY *ca_key;
    X509 *ca;
    EVP_PKEY *attestation_key;
    X509 *attestation;
};

/* Makes fresh keys and certificates. crypto_start has succeeded. The caller ends with
   platform_identity_free. */
CLOISTER_MUST_USE cloister_status platform_identity_make(struct platform_identity *identity,
                                                         struct reason *why);

void platform_identity_free(struct platform_identity *identity);

#endif

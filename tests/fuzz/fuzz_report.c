/*
 * Fuzzes all that reads reports and module signatures. The claims are read whether or not anybody
 * signed them; a whole report must never be accepted, for no input is signed under the pinned CA.
 */
#include "cloister/verify.h"
#include "measure/module_signature.h"
#include "measure/report_read.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A CA whose key nobody has any more. */
static const char ca[] = "-----BEGIN CERTIFICATE-----\n"
                         "MIIBvjCCAUSgAwIBAgIQRnRDcXndL2q9NU9SavwH4DAKBggqhkjOPQQDAzAfMR0w\n"
                         "GwYDVQQDDBRDbG9pc3RlciBwbGF0Zm9ybSBDQTAeFw0yNjExMjQwMTM5MjRaFw0z\n"
                         "NjExMjEwMjM5MjRaMB8xHTAbBgNVBAMMFENsb2lzdGVyIHBsYXRmb3JtIENBMHYw\n"
                         "EAYHKoZIzj0CAQYFK4EEACIDYgAEnHyfnKzP9LWEAnmsxyNvEFog95E+zujwaSY+\n"
                         "JrMMPSjVZPVvwOAAWz0fE8m1Wc3DZYj2URJM0muOvrr3+hfsUZKC96EhLmIhHjld\n"
                         "GKHV3NeI4uBMSDohWmEjM4NdXuQ9o0UwQzASBgNVHRMBAf8ECDAGAQH/AgEAMA4G\n"
                         "A1UdDwEB/wQEAwICBDAdBgNVHQ4EFgQUk/3iEP/dZo2t9iUW8hjh5224IQgwCgYI\n"
                         "KoZIzj0EAwMDaAAwZQIwanXRIq+xUjAX/EBqzA0aLbtdIe+yoISCOmVnydbD0E8A\n"
                         "V4lHlbeXo/t0KwIE/d37AjEAq9pZaMBSzD9J6m8Iil+I1LmXJBsvt8M3Gipl/E93\n"
                         "ixbHHIoH5LyoUvi+asUkwO3F\n"
                         "-----END CERTIFICATE-----\n";

static void read_claims(const uint8_t *bytes, size_t size)
{
    static struct report_claims claims;
    struct reason why;
    struct cbor_view payload = {bytes, size};
    if (report_read_claims(&payload, &claims, &why) != CLOISTER_OK)
        return;
    if (!claims.subject || claims.module_count < 1 || claims.module_count > CLO_MODULES_MAX ||
        claims.nonce.size < CLO_NONCE_MIN || claims.nonce.size > CLO_NONCE_MAX)
        abort();
}

static void read_signature(const uint8_t *bytes, size_t size)
{
    static const uint8_t measurement[CLO_DIGEST_SIZE];
    static const struct clo_manifest manifest;
    uint8_t author[CLO_AUTHOR_SIZE];
    struct reason why;
    if (module_signature_verify(bytes, size, measurement, &manifest, author, &why) == CLOISTER_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const uint8_t nonce[CLO_NONCE_MIN];
    const cloister_expectation expectation = {
        .nonce = nonce,
        .nonce_size = sizeof nonce,
        .ca_pem = ca,
        .ca_pem_size = sizeof ca - 1,
        .allow_debug = 1,
        .now = 1800000000,
    };
    cloister_verdict verdict;
    char why[CLOISTER_REASON_SIZE];
    char *json = NULL;
    if (cloister_report_verify(bytes, size, &expectation, &verdict) != CLOISTER_OK ||
        verdict.accepted || verdict.reason_count == 0)
        abort();
    if (cloister_report_json(bytes, size, &json, why) == CLOISTER_OK)
        free(json);
    read_claims(bytes, size);
    read_signature(bytes, size);
    return 0;
}

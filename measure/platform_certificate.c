/*
 * Makes the platform's keys and the two certificates of abi/report.h.
 */
#include "measure/platform_certificate.h"

#include "abi/report.h"
#include "measure/crypto.h"

#include <openssl/ec.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <time.h>

#define VALID_DAYS 3650
#define CLOCK_SLACK 3600 /* s: a verifier's clock may be behind ours */
#define SERIAL_SIZE 16

struct extension {
    int nid;
    const char *value;
};

/* Ends with nid 0. */
static const struct extension ca_extensions[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign"},
    {NID_subject_key_identifier, "hash"},
    {0, NULL},
};

static const struct extension attestation_extensions[] = {
    {NID_basic_constraints, "CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "critical," CLO_REPORT_EKU_OID},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid:always"},
    {0, NULL},
};

static EVP_PKEY *make_key(void)
{
    return EVP_PKEY_Q_keygen(crypto_context(), NULL, "EC", "P-384");
}

static bool set_serial(X509 *certificate)
{
    uint8_t random[SERIAL_SIZE];
    if (crypto_random(random, sizeof random) != CLOISTER_OK)
        return false;
    random[0] = (uint8_t)((random[0] & 0x7f) | 0x40); /* positive, and never shorter */
    BIGNUM *number = BN_bin2bn(random, sizeof random, NULL);
    bool done = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return done;
}

static bool set_name(X509_NAME *name, const char *text)
{
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)text, -1, -1,
                                      0) == 1;
}

static bool set_dates(X509 *certificate)
{
    time_t now = time(NULL);
    return X509_time_adj_ex(X509_getm_notBefore(certificate), 0, -CLOCK_SLACK, &now) &&
           X509_time_adj_ex(X509_getm_notAfter(certificate), VALID_DAYS, 0, &now);
}

static bool add_extensions(X509 *certificate, X509 *issuer, const struct extension *extensions)
{
    X509V3_CTX names;
    X509V3_set_ctx_nodb(&names);
    X509V3_set_ctx(&names, issuer, certificate, NULL, NULL, 0);
    for (const struct extension *each = extensions; each->nid; each++) {
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &names, each->nid, each->value);
        bool added = extension && X509_add_ext(certificate, extension, -1) == 1;
        X509_EXTENSION_free(extension);
        if (!added)
            return false;
    }
    return true;
}

static bool fill(X509 *certificate, const char *name, EVP_PKEY *key, X509 *issuer,
                 const struct extension *extensions)
{
    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
           set_name(X509_get_subject_name(certificate), name) &&
           X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
           set_dates(certificate) && X509_set_pubkey(certificate, key) == 1 &&
           add_extensions(certificate, issuer, extensions);
}

/* `issuer` NULL: the certificate issues itself. */
static X509 *make_certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
                              const struct extension *extensions)
{
    X509 *certificate = X509_new_ex(crypto_context(), NULL);
    EVP_MD *digest = EVP_MD_fetch(crypto_context(), "SHA2-384", NULL);
    bool made = certificate && digest &&
                fill(certificate, name, key, issuer ? issuer : certificate, extensions) &&
                X509_sign(certificate, issuer_key, digest) > 0;
    EVP_MD_free(digest);
    if (made)
        return certificate;
    X509_free(certificate);
    return NULL;
}

cloister_status platform_identity_make(struct platform_identity *identity, struct reason *why)
{
    *identity = (struct platform_identity){.ca = NULL};
    identity->ca_key = make_key();
    identity->attestation_key = make_key();
    if (identity->ca_key && identity->attestation_key)
        identity->ca = make_certificate("Cloister platform CA", identity->ca_key, NULL,
                                        identity->ca_key, ca_extensions);
    if (identity->ca)
        identity->attestation =
            make_certificate("Cloister attestation", identity->attestation_key, identity->ca,
                             identity->ca_key, attestation_extensions);
    if (identity->attestation)
        return CLOISTER_OK;
    platform_identity_free(identity);
    return refuse(why, CLOISTER_INTERNAL, "cannot make keys and certificates: %s", crypto_error());
}

void platform_identity_free(struct platform_identity *identity)
{
    EVP_PKEY_free(identity->ca_key);
    X509_free(identity->ca);
    EVP_PKEY_free(identity->attestation_key);
    X509_free(identity->attestation);
    *identity = (struct platform_identity){.ca = NULL};
}

/*
 * Checks the certificate chain of a report against pinned CA certificates. No network, no trust
 * store of the system, no clock but the caller's.
 */
#include "base/scope.h"
#include "measure/openssl_scope.h"
#include "measure/verify_parts.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define ROOTS_MAX 16
#define SECURITY_LEVEL 3 /* 128 bits: P-256, SHA-256 and better */

cloister_status verify_roots(const char *pem, size_t size, STACK_OF(X509) * *roots,
                             struct reason *why)
{
    if (size > INT32_MAX)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "the CA certificates have %zu bytes", size);
    AUTO_BIO BIO *in = BIO_new_mem_buf(pem, (int)size);
    AUTO_X509_STACK STACK_OF(X509) *list = sk_X509_new_null();
    if (!in || !list)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for CA certificates");
    X509 *root;
    while ((root = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
        if (sk_X509_num(list) == ROOTS_MAX || sk_X509_push(list, root) <= 0) {
            X509_free(root);
            return refuse(why, CLOISTER_BAD_ARGUMENT, "more than %d CA certificates", ROOTS_MAX);
        }
        if (X509_check_ca(root) != 1)
            return refuse(why, CLOISTER_BAD_ARGUMENT,
                          "CA certificate %d is not one of a CA (basicConstraints CA:TRUE)",
                          sk_X509_num(list));
    }
    if (sk_X509_num(list) == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "the CA is no certificate in PEM form");
    *roots = take_pointer(&list);
    return CLOISTER_OK;
}

/* The certificates of x5chain, in order. */
static cloister_status parse_chain(const struct cose_header *header, STACK_OF(X509) * chain,
                                   struct reason *why)
{
    for (unsigned i = 0; i < header->certificates; i++) {
        const unsigned char *at = header->certificate[i].bytes;
        AUTO_X509 X509 *certificate = d2i_X509(NULL, &at, (long)header->certificate[i].size);
        if (!certificate || at != header->certificate[i].bytes + header->certificate[i].size)
            return refuse(why, CLOISTER_REFUSED,
                          "certificate %u of x5chain is no X.509 certificate", i + 1);
        if (sk_X509_push(chain, certificate) <= 0)
            return refuse(why, CLOISTER_NO_MEMORY, "no memory for certificates");
        certificate = NULL;
    }
    return CLOISTER_OK;
}

/* Exactly one extended key usage, critical: signing reports. */
static bool has_report_usage(const X509 *leaf)
{
    int critical = 0;
    char oid[64];
    EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(leaf, NID_ext_key_usage, &critical, NULL);
    bool good = usages && critical == 1 && sk_ASN1_OBJECT_num(usages) == 1 &&
                OBJ_obj2txt(oid, sizeof oid, sk_ASN1_OBJECT_value(usages, 0), 1) > 0 &&
                strcmp(oid, CLO_REPORT_EKU_OID) == 0;
    sk_ASN1_OBJECT_pop_free(usages, ASN1_OBJECT_free);
    return good;
}

static cloister_status check_leaf(X509 *leaf, struct reason *why)
{
    if (X509_check_ca(leaf) != 0 || X509_get_ext_by_NID(leaf, NID_basic_constraints, -1) < 0)
        return refuse(why, CLOISTER_REFUSED,
                      "the attestation certificate is not marked as no CA (CA:FALSE)");
    if (!(X509_get_extension_flags(leaf) & EXFLAG_KUSAGE) ||
        X509_get_key_usage(leaf) != KU_DIGITAL_SIGNATURE)
        return refuse(why, CLOISTER_REFUSED,
                      "the attestation certificate's key usage is not digitalSignature alone");
    if (!has_report_usage(leaf))
        return refuse(why, CLOISTER_REFUSED,
                      "the attestation certificate's extended key usage is not %s alone, critical",
                      CLO_REPORT_EKU_OID);
    if (ecdsa_algorithm(X509_get0_pubkey(leaf)) == 0)
        return refuse(why, CLOISTER_REFUSED,
                      "the attestation certificate's key is no EC key on P-256 or P-384");
    return CLOISTER_OK;
}

/* The path that was found must be x5chain as it stands and one root: nothing unused, nothing twice,
   no root inside. */
static bool path_is_chain(X509_STORE_CTX *context, STACK_OF(X509) * chain)
{
    STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(context);
    if (sk_X509_num(path) != sk_X509_num(chain) + 1)
        return false;
    for (int i = 0; i < sk_X509_num(chain); i++)
        if (X509_cmp(sk_X509_value(path, i), sk_X509_value(chain, i)) != 0)
            return false;
    return true;
}

static cloister_status check_path(STACK_OF(X509) * chain, STACK_OF(X509) * roots, uint64_t now,
                                  struct reason *why)
{
    AUTO_X509_STORE X509_STORE *store = X509_STORE_new();
    AUTO_X509_STORE_CTX X509_STORE_CTX *context = X509_STORE_CTX_new();
    if (!store || !context)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory to check certificates");
    for (int i = 0; i < sk_X509_num(roots); i++)
        if (X509_STORE_add_cert(store, sk_X509_value(roots, i)) != 1)
            return refuse(why, CLOISTER_NO_MEMORY, "no memory to check certificates");
    if (X509_STORE_CTX_init(context, store, sk_X509_value(chain, 0), chain) != 1)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory to check certificates");
    X509_VERIFY_PARAM *rules = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(rules, (time_t)now);
    X509_VERIFY_PARAM_set_depth(rules, (int)CLO_REPORT_CHAIN_MAX);
    X509_VERIFY_PARAM_set_auth_level(rules, SECURITY_LEVEL);
    (void)X509_VERIFY_PARAM_set_flags(rules,
                                      X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
    if (X509_verify_cert(context) != 1)
        return refuse(why, CLOISTER_REFUSED, "the certificate chain: %s (certificate %d)",
                      X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)),
                      X509_STORE_CTX_get_error_depth(context) + 1);
    if (!path_is_chain(context, chain))
        return refuse(
            why, CLOISTER_REFUSED,
            "x5chain is not just the path from the attestation certificate to a pinned CA, "
            "in order and without the CA");
    return CLOISTER_OK;
}

cloister_status verify_chain(const struct cose_header *header, STACK_OF(X509) * roots, uint64_t now,
                             EVP_PKEY **key, struct reason *why)
{
    AUTO_X509_STACK STACK_OF(X509) *chain = sk_X509_new_null();
    if (!chain)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for certificates");
    cloister_status status = parse_chain(header, chain, why);
    if (status == CLOISTER_OK)
        status = check_path(chain, roots, now, why);
    if (status == CLOISTER_OK)
        status = check_leaf(sk_X509_value(chain, 0), why);
    if (status != CLOISTER_OK)
        return status;
    *key = X509_get_pubkey(sk_X509_value(chain, 0));
    return *key ? CLOISTER_OK : refuse(why, CLOISTER_NO_MEMORY, "no memory for a key");
}

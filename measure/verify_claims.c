/*
 * Holds the claims of an authentic report against what the relying party expects.
 */
#include "base/bytes.h"
#include "measure/verify_parts.h"

#include <openssl/sha.h>

static void check_nonce(const struct report_claims *claims, const cloister_expectation *expected,
                        cloister_verdict *verdict)
{
    if (claims->nonce.size == expected->nonce_size &&
        bytes_equal(claims->nonce.bytes, expected->nonce, expected->nonce_size))
        return;
    char found[2 * CLO_NONCE_MAX + 1];
    hex_encode(claims->nonce.bytes, claims->nonce.size, found);
    verify_refuse(verdict, "eat_nonce is %.32s…, not the expected nonce: the report is not fresh",
                  found);
}

static void check_debug(const struct report_claims *claims, const cloister_expectation *expected,
                        cloister_verdict *verdict)
{
    if (!claims->debug || expected->allow_debug)
        return;
    verify_refuse(verdict, "dbgstat: the world is a debug world, and debug worlds are not allowed");
}

/* 16 hexadecimal digits of each side: enough to see which code it was. */
static void add_difference(cloister_verdict *verdict, const char *what,
                           const struct cbor_view *module, const uint8_t *found,
                           const uint8_t *expected)
{
    char found_text[17];
    char expected_text[17];
    hex_encode(found, 8, found_text);
    hex_encode(expected, 8, expected_text);
    verify_refuse(verdict, "%s of module %.*s is %s…, expected %s…", what, (int)module->size,
                  (const char *)module->bytes, found_text, expected_text);
}

static void check_measurement(const struct report_submodule *module,
                              const cloister_expectation *expected, cloister_verdict *verdict)
{
    if (expected->measurement &&
        !bytes_equal(module->component.digest.bytes, expected->measurement, CLO_DIGEST_SIZE))
        add_difference(verdict, "measurement", &module->name, module->component.digest.bytes,
                       expected->measurement);
}

static void check_author(const struct report_submodule *module,
                         const cloister_expectation *expected, cloister_verdict *verdict)
{
    if (!expected->author)
        return;
    uint8_t author[CLO_AUTHOR_SIZE] = {CLO_AUTHOR_NONE};
    if (module->component.signer.size) {
        author[0] = CLO_AUTHOR_KEY;
        memcpy(author + 1, module->component.signer.bytes, CLO_DIGEST_SIZE);
    }
    if (author[0] == CLO_AUTHOR_NONE)
        verify_refuse(verdict, "module %.*s is not signed by any author", (int)module->name.size,
                      (const char *)module->name.bytes);
    else if (!bytes_equal(author, expected->author, sizeof author))
        add_difference(verdict, "author", &module->name, author, expected->author);
}

/* ueid must be the identity of the very key that signed. */
static void check_ueid(const struct report_claims *claims, EVP_PKEY *key, cloister_verdict *verdict)
{
    uint8_t digest[SHA256_DIGEST_LENGTH] = {0};
    unsigned char *der = NULL;
    int size = i2d_PUBKEY(key, &der);
    bool same = size > 0 && SHA256(der, (size_t)size, digest) &&
                bytes_equal(claims->ueid.bytes + 1, digest, sizeof digest);
    OPENSSL_free(der);
    if (same)
        return;
    verify_refuse(verdict, "ueid is not that of the attestation key");
}

void verify_claims(const struct report_claims *claims, const cloister_expectation *expectation,
                   EVP_PKEY *key, cloister_verdict *verdict)
{
    check_nonce(claims, expectation, verdict);
    check_ueid(claims, key, verdict);
    check_debug(claims, expectation, verdict);
    check_measurement(claims->subject, expectation, verdict);
    check_author(claims->subject, expectation, verdict);
}

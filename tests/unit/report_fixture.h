/*
 * A platform, a launch record and a report for tests, with certificates and claims that can be bent
 * one at a time. Every function fails the test, or ends the program, when it cannot do its work.
 */
#ifndef TESTS_REPORT_FIXTURE_H
#define TESTS_REPORT_FIXTURE_H

#include "cloister/verify.h"
#include "measure/cose.h"
#include "measure/report.h"

#define FIXTURE_NOW 1800000000u /* the verifier's clock */

struct report_fixture {
    EVP_PKEY *ca_key;
    X509 *ca;
    struct platform platform;
    struct launch launch; /* modules "vault" (0, signed), "echo" (1, unsigned) */
    struct clo_keeper_report request;
    char *ca_pem;
    cloister_expectation expectation; /* of exactly this report */
    uint8_t report[REPORT_SIZE_MAX];
    size_t size;
};

/* What a certificate says; NULL: the extension is absent. */
struct certificate_plan {
    const char *name;
    const char *basic;
    const char *usage;
    const char *extended;
    long from; /* s from FIXTURE_NOW */
    long to;
};

extern const struct certificate_plan fixture_ca_plan;
extern const struct certificate_plan fixture_leaf_plan;

/* `curve` of all keys: "P-384" or "P-256". The report is made. */
struct report_fixture *report_fixture_new(const char *curve);
void report_fixture_free(struct report_fixture *fixture);

/* The launch record alone. */
void report_fixture_launch(struct launch *launch);

/* Makes the report anew from platform, launch and request; about module 0. */
void report_fixture_make(struct report_fixture *fixture);

/* A fresh key: "P-384", "P-256", "P-521", "RSA". */
EVP_PKEY *fixture_key(const char *kind);

/* issuer NULL: the certificate issues itself. */
X509 *fixture_certificate(const struct certificate_plan *plan, EVP_PKEY *key, X509 *issuer,
                          EVP_PKEY *issuer_key);

/* PEM text that the caller frees. */
char *fixture_pem(X509 *certificate);

/* Signs the report's claims again under other certificates; the first has the public part of
   `key`. */
void report_fixture_rechain(struct report_fixture *fixture, EVP_PKEY *key, X509 *const *chain,
                            unsigned count);

/* Signs another payload under the same header. */
void report_fixture_resign(struct report_fixture *fixture, const uint8_t *payload, size_t size);

/* Replaces the value of a claim by CBOR in hexadecimal, adds it (sorted in) if it is absent, or
   removes it (NULL), and signs again. */
void report_fixture_edit(struct report_fixture *fixture, int64_t label, const char *value);

/* Replaces the first occurrence of bytes in the claims, and signs again. */
void report_fixture_replace(struct report_fixture *fixture, const void *from, const void *to,
                            size_t size);

#endif

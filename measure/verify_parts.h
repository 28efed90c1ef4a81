/*
 * Steps of a verdict; used by verify*.c only.
 */
#ifndef MEASURE_VERIFY_PARTS_H
#define MEASURE_VERIFY_PARTS_H

#include "cloister/verify.h"
#include "measure/report_read.h"

#include <openssl/x509.h>

/* Reads the pinned CA certificates, PEM. BAD_ARGUMENT: not one certificate, or one that is no CA.
   The caller frees *roots with its certificates. */
CLOISTER_MUST_USE cloister_status verify_roots(const char *pem, size_t size,
                                               STACK_OF(X509) * *roots, struct reason *why);

/* Does x5chain lead, in its order and with nothing to spare, to one of `roots`, and is its first
   certificate one for signing reports, all at the time `now`? On success the caller frees *key.
   REFUSED. */
CLOISTER_MUST_USE cloister_status verify_chain(const struct cose_header *header,
                                               STACK_OF(X509) * roots, uint64_t now, EVP_PKEY **key,
                                               struct reason *why);

/* One more line of the verdict. */
__attribute__((format(printf, 2, 3))) void verify_refuse(cloister_verdict *verdict,
                                                         const char *format, ...);

/* Holds claims against what is expected; a reason for each that does not fit. `key` made the
   signature. */
void verify_claims(const struct report_claims *claims, const cloister_expectation *expectation,
                   EVP_PKEY *key, cloister_verdict *verdict);

#endif

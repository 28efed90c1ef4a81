/*
 * libcloister-verify: judge a report. No network, no secrets, no KVM.
 */
#ifndef CLOISTER_VERIFY_H
#define CLOISTER_VERIFY_H

#include "cloister/abi/layout.h"
#include "cloister/status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a relying party asks of a report. Pointers that are NULL ask nothing, apart from nonce and
   ca, which are mandatory. */
typedef struct cloister_expectation {
    const void *nonce; /* the very bytes that the verifier chose */
    size_t nonce_size;
    const char *ca_pem; /* one or more pinned CA certificates, PEM */
    size_t ca_pem_size;
    const uint8_t *measurement; /* CLO_DIGEST_SIZE */
    const uint8_t *author;      /* CLO_AUTHOR_SIZE */
    int allow_debug;            /* 0: a debug world is refused */
    uint64_t now;               /* the verifier's clock, seconds since 1970 */
} cloister_expectation;

#define CLOISTER_REASONS_MAX 8
#define CLOISTER_REASON_SIZE 200

/* The verdict: accepted, or why not, a line of plain text each: no control or invisible characters,
   whatever the report says. */
typedef struct cloister_verdict {
    int accepted;
    unsigned reason_count;
    char reason[CLOISTER_REASONS_MAX][CLOISTER_REASON_SIZE];
} cloister_verdict;

/* Judges. OK whenever a verdict was reached, also a refusing one; BAD_ARGUMENT for an expectation
   without nonce or CA, or a CA that is no certificate. docs/report.md, RFC 9711, RFC 9052. */
CLOISTER_MUST_USE cloister_status cloister_report_verify(const void *report, size_t size,
                                                         const cloister_expectation *expectation,
                                                         cloister_verdict *verdict);

/* The report's claims as JSON, without judging anything; fresh text that the caller frees.
   BAD_FORMAT: no report by docs/report.md, with the reason in `why` (CLOISTER_REASON_SIZE). */
CLOISTER_MUST_USE cloister_status cloister_report_json(const void *report, size_t size, char **json,
                                                       char *why);

#ifdef __cplusplus
}
#endif
#endif

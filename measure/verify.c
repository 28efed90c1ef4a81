/*
 * Judges a report. Nothing is accepted that has not passed every step; each step that can look at
 * what it needs adds its own reason.
 */
#include "base/scope.h"
#include "base/utf8.h"
#include "measure/openssl_scope.h"
#include "measure/verify_parts.h"

#include <openssl/err.h>

#include <stdarg.h>
#include <stdio.h>

/* A time that X.509 dates can be held against: years up to 9999. */
#define LATEST_TIME 253402300799ull

void verify_refuse(cloister_verdict *verdict, const char *format, ...)
{
    if (verdict->reason_count == CLOISTER_REASONS_MAX)
        return;
    va_list arguments;
    va_start(arguments, format);
    char *reason = verdict->reason[verdict->reason_count++];
    (void)vsnprintf(reason, CLOISTER_REASON_SIZE, format, arguments);
    va_end(arguments);
    utf8_make_plain(reason);
}

static cloister_status check_expectation(const cloister_expectation *expectation,
                                         struct reason *why)
{
    if (!expectation->nonce || expectation->nonce_size < CLO_NONCE_MIN ||
        expectation->nonce_size > CLO_NONCE_MAX)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "the nonce has %zu bytes; allowed are %u to %u",
                      expectation->nonce ? expectation->nonce_size : (size_t)0, CLO_NONCE_MIN,
                      CLO_NONCE_MAX);
    if (!expectation->ca_pem || expectation->ca_pem_size == 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "no CA certificate is given");
    if (expectation->now > LATEST_TIME)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "the time is %llu; the latest is %llu",
                      (unsigned long long)expectation->now, LATEST_TIME);
    return CLOISTER_OK;
}

/* Chain and signature: does a platform of the pinned CA say this at all? */
static cloister_status authenticate(const struct cose_message *message, STACK_OF(X509) * roots,
                                    uint64_t now, EVP_PKEY **key, struct reason *why)
{
    cloister_status status = verify_chain(&message->header, roots, now, key, why);
    return status == CLOISTER_OK ? cose_verify(message, *key, why) : status;
}

static void judge(const void *report, size_t size, const cloister_expectation *expectation,
                  STACK_OF(X509) * roots, cloister_verdict *verdict)
{
    struct reason why = {""};
    struct cose_message message;
    AUTO_EVP_PKEY EVP_PKEY *key = NULL;
    AUTO_FREE struct report_claims *claims = malloc(sizeof *claims);
    cloister_status status = claims
                                 ? report_read_message(report, size, &message, &why)
                                 : refuse(&why, CLOISTER_NO_MEMORY, "no memory to judge a report");
    if (status == CLOISTER_OK)
        status = authenticate(&message, roots, expectation->now, &key, &why);
    if (status == CLOISTER_OK)
        status = report_read_claims(&message.payload, claims, &why);
    if (status != CLOISTER_OK) {
        verify_refuse(verdict, "%s", why.text);
        return;
    }
    verify_claims(claims, expectation, key, verdict);
    verdict->accepted = verdict->reason_count == 0;
}

cloister_status cloister_report_verify(const void *report, size_t size,
                                       const cloister_expectation *expectation,
                                       cloister_verdict *verdict)
{
    struct reason why;
    AUTO_X509_STACK STACK_OF(X509) *roots = NULL;
    memset(verdict, 0, sizeof *verdict);
    (void)ERR_set_mark();
    cloister_status status = check_expectation(expectation, &why);
    if (status == CLOISTER_OK)
        status = verify_roots(expectation->ca_pem, expectation->ca_pem_size, &roots, &why);
    if (status == CLOISTER_OK)
        judge(report, size, expectation, roots, verdict);
    else
        verify_refuse(verdict, "%s", why.text);
    (void)ERR_pop_to_mark();
    return status;
}

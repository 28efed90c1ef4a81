/*
 * Status of an operation, and who decided it. The numbers are those of abi/status.h.
 */
#ifndef CLOISTER_STATUS_H
#define CLOISTER_STATUS_H

#include "cloister/abi/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLOISTER_STATUS_ENUM_(name, number, text) CLOISTER_##name = number,
#define CLOISTER_ORIGIN_ENUM_(name, number, text) CLOISTER_ORIGIN_##name = number,

enum cloister_status_number { CLO_STATUS_LIST(CLOISTER_STATUS_ENUM_) };
enum cloister_origin { CLO_ORIGIN_LIST(CLOISTER_ORIGIN_ENUM_) };

/* One of enum cloister_status_number, or a module's own from CLO_STATUS_MODULE_FIRST on. */
typedef int cloister_status;

/* What a call came to. `origin` says who decided (enum cloister_origin). */
typedef struct cloister_result {
    cloister_status status;
    int origin;
} cloister_result;

#if defined(__GNUC__)
#define CLOISTER_MUST_USE __attribute__((warn_unused_result))
#else
#define CLOISTER_MUST_USE
#endif

/* The status's name ("BAD_FORMAT"); "MODULE" for a module's own, "UNKNOWN" else. Static text. */
const char *cloister_status_name(cloister_status status);

/* One line that explains the status. Static text. */
const char *cloister_status_text(cloister_status status);

/* The origin's name ("client"). Static text. */
const char *cloister_origin_name(int origin);

#ifdef __cplusplus
}
#endif
#endif

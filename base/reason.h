/*
 * Why something was refused: one line for a person, naming the thing, the value, and what would
 * have been right. Library code fills it and returns a status; only tools print it.
 */
#ifndef BASE_REASON_H
#define BASE_REASON_H

#include "cloister/status.h"

#define REASON_SIZE 320

struct reason {
    char text[REASON_SIZE];
};

/* Fills `why` (may be NULL; cut to fit, made plain: base/utf8.h) and returns `status`, so that a
   check reads: return refuse(why, CLOISTER_TOO_BIG, "stack is %lu bytes; …", n); */
__attribute__((format(printf, 3, 4), warn_unused_result)) cloister_status
refuse(struct reason *why, cloister_status status, const char *format, ...);

/* The same with ": " and the text of errno at the end; returns CLOISTER_DENIED for EACCES and
   EPERM, NOT_FOUND for ENOENT, BAD_ARGUMENT for a path that cannot be right (ENOTDIR, EISDIR,
   ENAMETOOLONG, ELOOP), NO_MEMORY for ENOMEM, CLOISTER_IO for the rest. */
__attribute__((format(printf, 2, 3), warn_unused_result)) cloister_status
refuse_errno(struct reason *why, const char *format, ...);

#endif

/*
 * cloister call of a method that is a stream: from a file to a file, of any length.
 */
#ifndef TOOLS_CALL_STREAM_H
#define TOOLS_CALL_STREAM_H

#include "base/reason.h"
#include "cloister/client.h"

/* `in` and `out` are paths; "-" is standard input and output. `out` is replaced only when the
   stream has succeeded. What the call came to is in *result; the status says whether the files were
   well. */
CLOISTER_MUST_USE cloister_status call_stream(cloister_session *session, const char *method,
                                              const char *in, const char *out, uint64_t deadline_us,
                                              uint64_t value[2], cloister_result *result,
                                              struct reason *why);

#endif

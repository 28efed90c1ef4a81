/*
 * A snapshot as Prometheus text, exposition format 0.0.4.
 */
#ifndef TOOLS_METRICS_TEXT_H
#define TOOLS_METRICS_TEXT_H

#include "tools/show/snapshot.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Fresh text of *size bytes that the caller frees; NO_MEMORY. */
CLOISTER_MUST_USE cloister_status metrics_text(const struct snapshot *snapshot, char **text,
                                               size_t *size);

#endif

/*
 * Answers metrics clients, a few at a time, each for a short time.
 */
#ifndef TOOLS_METRICS_SERVER_H
#define TOOLS_METRICS_SERVER_H

#include "tools/metrics/listen.h"

#include <stddef.h>

/* Serves until `signals` (a signalfd) is readable. `names`: the worlds to ask; none: all that
   run. */
CLOISTER_MUST_USE cloister_status metrics_serve(const struct listening *listening, int signals,
                                                char *const *names, size_t count,
                                                struct reason *why);

#endif

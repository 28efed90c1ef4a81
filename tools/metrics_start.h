/*
 * Starts the metrics server of a world that this process is about to become the keeper of.
 */
#ifndef TOOLS_METRICS_START_H
#define TOOLS_METRICS_START_H

#include "base/reason.h"

#include <stdbool.h>

/* Starts it for world `name` and waits until it listens at `where`. It ends when this process ends.
   Not OK: it did not start; it has said why on standard error; *exit_status is its own. */
CLOISTER_MUST_USE cloister_status metrics_start(const char *name, const char *where,
                                                int *exit_status);

#endif

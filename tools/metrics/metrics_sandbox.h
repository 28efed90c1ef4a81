/*
 * Shuts the metrics server in.
 */
#ifndef TOOLS_METRICS_SANDBOX_H
#define TOOLS_METRICS_SANDBOX_H

#include "base/reason.h"

/* Gives up capabilities; leaves of the file system the runtime folder's list and /proc, for
   reading, and removal in `folder` (-1: none) where the kernel has Landlock; allows the system
   calls that asking worlds and answering clients takes, and kills at any other. */
CLOISTER_MUST_USE cloister_status metrics_sandbox_enter(int folder, struct reason *why);

#endif

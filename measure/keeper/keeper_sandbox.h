/*
 * What the keeper takes away from itself: first what nobody may do to it, in the end nearly every
 * system call.
 */
#ifndef MEASURE_KEEPER_KEEPER_SANDBOX_H
#define MEASURE_KEEPER_KEEPER_SANDBOX_H

#include "base/reason.h"

#include <stddef.h>

/* Not dumpable (so that others of the same user cannot trace it or read its memory), no core files,
   no new privileges. First thing in main. */
CLOISTER_MUST_USE cloister_status keeper_sandbox_harden(struct reason *why);

/* Zeroed memory for secrets: never swapped, never in a dump. Lives as long as the process. */
CLOISTER_MUST_USE cloister_status keeper_sandbox_secret_memory(size_t size, void **memory,
                                                               struct reason *why);

/* Leaves only the system calls that serving needs. Before the first byte of the world host is read.
   Any other ends the process. */
CLOISTER_MUST_USE cloister_status keeper_sandbox_close(struct reason *why);

#endif

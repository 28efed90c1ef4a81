/*
 * Seccomp allow-lists of the world host's threads. Whatever is not on a thread's list kills the
 * process.
 */
#ifndef VMM_SANDBOX_H
#define VMM_SANDBOX_H

#include "base/reason.h"

enum sandbox_kind {
    SANDBOX_VCPU, /* a module thread */
    SANDBOX_MAIN, /* the thread that serves the world socket */
    SANDBOX_EXEC, /* the only thread of cloister exec */
};

/* Process-wide, first of all: not dumpable, no core file, no new privileges. */
CLOISTER_MUST_USE cloister_status sandbox_prepare(struct reason *why);

/* Loads the calling thread's list, for good. `folder`: descriptor of the runtime folder, from which
   the main thread removes its own socket in the end; else -1. */
CLOISTER_MUST_USE cloister_status sandbox_enter(enum sandbox_kind kind, int folder,
                                                struct reason *why);

#endif

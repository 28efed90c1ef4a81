/*
 * Seccomp allow-lists of the guest VMM's two threads, and Landlock: no file may be opened any more.
 * Whatever is not on a thread's list kills the process.
 */
#ifndef GUEST_SANDBOX_H
#define GUEST_SANDBOX_H

#include "base/reason.h"

enum guest_sandbox_kind {
    GUEST_SANDBOX_VCPU,      /* runs the guest and its devices */
    GUEST_SANDBOX_ATTENDANT, /* input, signals, the world's hang-up */
};

/* Process-wide, first of all: not dumpable, no core file, no new privileges. */
CLOISTER_MUST_USE cloister_status guest_sandbox_prepare(struct reason *why);

/* Forbids every file to this thread and those it starts. Where the kernel has no Landlock the lists
   alone do it: none has a call that opens a file. */
void guest_sandbox_forbid_files(void);

/* Loads the calling thread's list, for good. */
CLOISTER_MUST_USE cloister_status guest_sandbox_enter(enum guest_sandbox_kind kind,
                                                      struct reason *why);

#endif

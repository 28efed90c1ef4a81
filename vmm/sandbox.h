/*
 * Seccomp allow-lists of the world host's threads. Whatever is not on a thread's list kills the
 * process.
 */
#ifndef VMM_SANDBOX_H
#define VMM_SANDBOX_H

#include "base/reason.h"

enum sandbox_kind {
    SANDBOX_VCPU,  /* a module thread */
    SANDBOX_HEART, /* the heartbeat for guests */
    SANDBOX_MAIN,  /* the thread that serves the world socket */
    SANDBOX_EXEC,  /* the only thread of cloister exec */
};

/* Process-wide, first of all: not dumpable, no core file, no new privileges. */
CLOISTER_MUST_USE cloister_status sandbox_prepare(struct reason *why);

/* Descriptors that the main thread's list names. */
struct sandbox_files {
    int folder; /* the runtime folder, from which the main thread removes its socket in the end */
    int processes;    /* /proc, where it reads since when a client runs */
    int guest_folder; /* from which it removes the guest socket; -1: there is none */
};

/* Opens /proc and forbids this thread, and those that it starts, every other file, the removal of
   files but from the folders of `files`, and what a debugger may do to other processes (Landlock).
   -1 where the kernel cannot: then no file at all may be opened, and nobody's start is known. */
int sandbox_open_processes(const struct sandbox_files *files);

/* Loads the calling thread's list, for good. `files`: for SANDBOX_MAIN only, else NULL. */
CLOISTER_MUST_USE cloister_status sandbox_enter(enum sandbox_kind kind,
                                                const struct sandbox_files *files,
                                                struct reason *why);

#endif

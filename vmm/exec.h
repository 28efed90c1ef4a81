/*
 * `cloister exec`: one static Linux program in a debug world of its own, on the calling thread.
 */
#ifndef VMM_EXEC_H
#define VMM_EXEC_H

#include "vmm/options.h"

/* Statuses of a program that could not be started, as shells and env(1) give them. */
enum exec_exit {
    EXEC_FAILED = 125,         /* the world could not be made */
    EXEC_NOT_EXECUTABLE = 126, /* found, but not one that runs here */
    EXEC_NOT_FOUND = 127,
};

/* Runs it and returns what the process exits with: the program's own status, 128 + signal after a
   fault (one line on standard error), or one of enum exec_exit. */
int exec_run(const struct options *options);

#endif

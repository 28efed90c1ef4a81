/*
 * Starts a world in the background and tells whether it came up.
 */
#ifndef TOOLS_WORLD_DETACH_H
#define TOOLS_WORLD_DETACH_H

#include "base/reason.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct detached {
    const char *name;
    const char *log;     /* a file to append to; NULL: NAME.log in the runtime folder */
    const char *metrics; /* PATH|PORT; NULL: none */
    /* Set by detached_prepare. */
    int ready_fd;  /* goes to the world host, which writes one byte when it serves */
    int result_fd; /* our end of it */
    int log_fd;
    char log_path[PATH_MAX];
    char log_temporary[PATH_MAX]; /* empty if the log was given */
};

/* Opens the pipe and the log. The default log is a temporary file until the world serves: the name
   may be that of a world that runs already. */
CLOISTER_MUST_USE cloister_status detached_prepare(struct detached *world, struct reason *why);

/* Starts `program` in a session of its own and waits until it serves, at most a minute. If it does
   not, prints the last line that it logged and returns its exit status. A signal that the caller
   has had kept (interrupt_hold) ends the world, and then the program. */
int detached_start(struct detached *world, const char *program, const char *const *words);

#endif

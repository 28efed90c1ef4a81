/*
 * Exit statuses of the programs that the `cloister` command starts. They are its own, and it passes
 * them on.
 */
#ifndef BASE_EXIT_STATUS_H
#define BASE_EXIT_STATUS_H

#include "cloister/status.h"

enum exit_status {
    EXIT_OK = 0,
    EXIT_FAILED = 1,      /* none of the others */
    EXIT_USAGE = 2,       /* unknown option, missing argument */
    EXIT_REFUSED = 3,     /* refused by policy */
    EXIT_NOT_FOUND = 4,   /* no such file */
    EXIT_DENIED = 5,      /* permission */
    EXIT_UNAVAILABLE = 6, /* the host cannot do it: no usable /dev/kvm, too old a kernel */
    EXIT_BAD_INPUT = 7,   /* a file, argument or value is not acceptable */
    EXIT_DEAD = 8,        /* a module ended before it served */
    EXIT_TIMEOUT = 9,
    EXIT_IO = 10,
};

/* The exit status that stands for a status. */
int exit_status_of(cloister_status status);

#endif

/*
 * Starts the world host from a copy of its binary that nobody can change any more.
 */
#ifndef MEASURE_KEEPER_SPAWN_H
#define MEASURE_KEEPER_SPAWN_H

#include "base/reason.h"

#include <signal.h>

struct spawned {
    int process; /* pidfd */
    int socket;  /* the keeper's end */
    int binary;  /* sealed memfd of what runs: to be measured */
    size_t size; /* of it */
};

/* Copies the binary at `path` into a sealed memfd and runs it with `arguments` (argv[0] included,
   ends with NULL), a socket at CLO_KEEPER_DESCRIPTOR, descriptors 0 to 2, `ready` under its own
   number (-1: none), the signal mask `mask`, and of the environment only what names the runtime
   folder. It gets SIGTERM when this process ends. NOT_FOUND, DENIED, BAD_FORMAT, TOO_BIG, IO. */
CLOISTER_MUST_USE cloister_status spawn_world_host(const char *path, char *const arguments[],
                                                   int ready, const sigset_t *mask,
                                                   struct spawned *spawned, struct reason *why);

#endif

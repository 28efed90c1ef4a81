/*
 * A debug world for a measurement, in folders of its own, ended when the measurement ends, however
 * that happens.
 */
#ifndef BENCH_MEASURED_WORLD_H
#define BENCH_MEASURED_WORLD_H

#include "base/reason.h"
#include "cloister/client.h"

#include <sys/types.h>

#define MEASURED_WORLD_NAME "bench"

struct measured_world {
    char folder[64];
    pid_t run; /* `cloister world run`, which becomes the keeper */
    pid_t host;
    cloister_world *world;
};

/* Path of something in the build that this program is part of: "modules/echo.mod". */
CLOISTER_MUST_USE cloister_status measured_world_path(const char *name, char *path, size_t size,
                                                      struct reason *why);

/* Starts a world with one module of the build ("echo") that polls for `spin_us` before it sleeps,
   its threads pinned to `cpu`, and waits until it serves. The caller ends with measured_world_stop,
   also after a failure. */
CLOISTER_MUST_USE cloister_status measured_world_start(struct measured_world *live,
                                                       const char *module, unsigned spin_us,
                                                       int cpu, struct reason *why);

/* Opens a session to its module. */
CLOISTER_MUST_USE cloister_status measured_world_session(const struct measured_world *live,
                                                         const char *module, size_t arena_size,
                                                         cloister_session **session,
                                                         struct reason *why);

void measured_world_stop(struct measured_world *live);

#endif

/*
 * A debug world for a measurement: both its processes, started as a user starts them, ended when
 * the measurement ends, however that happens.
 */
#ifndef BENCH_MEASURED_WORLD_H
#define BENCH_MEASURED_WORLD_H

#include "base/reason.h"
#include "cloister/client.h"

#include <sys/types.h>

#define MEASURED_ANY_CPU (-1)

struct measured_options {
    const char *name;         /* of the world; NULL: "bench" */
    const char *module;       /* file in the build: "modules/echo.mod" */
    unsigned spin_us;         /* how long the module polls before it sleeps */
    int cpu;                  /* its threads are pinned to it once it serves; or MEASURED_ANY_CPU */
    const char *guest_socket; /* where it serves guests; NULL: nowhere */
};

struct measured_world {
    char name[32];
    pid_t run; /* `cloister world run`, which becomes the keeper */
    pid_t host;
    cloister_world *world;
};

/* Starts a world and waits until it serves. The caller ends with measured_world_stop, also after a
   failure. */
CLOISTER_MUST_USE cloister_status measured_world_start(struct measured_world *live,
                                                       const struct measured_options *options,
                                                       struct reason *why);

/* Opens a session to its module. */
CLOISTER_MUST_USE cloister_status measured_world_session(const struct measured_world *live,
                                                         const char *module, size_t arena_size,
                                                         cloister_session **session,
                                                         struct reason *why);

/* One call of the module's first method, which gives back what it is given. */
CLOISTER_MUST_USE cloister_status measured_world_echo(cloister_session *session, const void *in,
                                                      void *out, size_t size, struct reason *why);

/* Tells it to end. */
void measured_world_end(struct measured_world *live);

/* The same, and waits until it is gone. */
void measured_world_stop(struct measured_world *live);

#endif

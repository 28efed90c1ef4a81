/*
 * A running world for a test: platform state, runtime folder and log of its own.
 */
#ifndef TESTS_E2E_STARTED_WORLD_H
#define TESTS_E2E_STARTED_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct started_world {
    char folder[64];  /* under /tmp; state and runtime folder in it */
    char socket[100]; /* usable as a world's name */
    char log[128];
    pid_t keeper;
    pid_t host;
};

/* "BUILD/PATH", where BUILD is $CLOISTER_BUILD or ./build. */
void started_path(const char *below, char *path, size_t size);

/* Why a world cannot run here, or NULL. Tests skip then. */
const char *started_world_impossible(void);

/* Skips the test, saying why, if a world cannot run here. */
void started_world_or_skip(void);

/* Makes the state and starts the keeper with `options` (NULL-terminated, behind "--name t"), each
   option that starts with "@" being a path below the build folder. Fails the test if it does not
   serve. */
void started_world_start(struct started_world *world, const char *const *options);

/* The same in a folder that a world left; returns the exit status if it does not serve, else -1. */
int started_world_try(struct started_world *world, const char *const *options);

/* Makes the folder and the state only. */
void started_world_prepare(struct started_world *world);

/* Waits for the keeper's end and returns its exit status, or 128 + signal. */
int started_world_wait(struct started_world *world);

/* SIGTERM, and asserts a clean end. Removes the folder. */
void started_world_stop(struct started_world *world);
void started_world_remove(struct started_world *world);

/* The log so far: static text. */
const char *started_world_log(const struct started_world *world);

#endif

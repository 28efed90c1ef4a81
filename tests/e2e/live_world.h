/*
 * A running world for a test: platform state, runtime folder and log of its own.
 */
#ifndef TESTS_E2E_LIVE_WORLD_H
#define TESTS_E2E_LIVE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define LIVE_WORLD_MODULES_MAX 8

struct live_world {
    char folder[64];  /* under /tmp; state and runtime folder in it */
    char socket[100]; /* usable as a world's name */
    char log[128];
    pid_t keeper;
    pid_t host;
};

/* "BUILD/PATH", where BUILD is $CLOISTER_BUILD or ./build. */
void live_path(const char *below, char *path, size_t size);

/* Why a world cannot run here, or NULL. Tests skip then. */
const char *live_world_impossible(void);

/* Makes the state and starts the keeper with `options` (NULL-terminated, behind "--name t"), each
   option that starts with "@" being a path below the build folder. Fails the test if it does not
   serve. */
void live_world_start(struct live_world *world, const char *const *options);

/* The same in a folder that a world left; returns the exit status if it does not serve, else -1. */
int live_world_try(struct live_world *world, const char *const *options);

/* Makes the folder and the state only. */
void live_world_prepare(struct live_world *world);

/* Waits for the keeper's end and returns its exit status, or 128 + signal. */
int live_world_wait(struct live_world *world);

/* SIGTERM, and asserts a clean end. Removes the folder. */
void live_world_stop(struct live_world *world);
void live_world_remove(struct live_world *world);

/* The log so far: static text. */
const char *live_world_log(const struct live_world *world);

#endif

/*
 * One thread of a module that serves: its channels, its private memory for one call at a time.
 * serve.c looks for work, call.c does a call.
 */
#ifndef SDK_SERVER_H
#define SDK_SERVER_H

#include "channel.h"
#include "pair.h"
#include "sdk.h"
#include "service_time.h"

struct server {
    /* What it works on; unit tests put their own memory here. */
    const struct clo_manifest *manifest;
    const cloister_handler *handlers;
    const struct clo_control *control;
    struct clo_mailbox *mailbox;
    uint8_t *window;
    uint64_t window_size;
    uint32_t thread;
    uint32_t spin_us;
    uint64_t spin_ticks;
    struct service_time service;
    struct pair_method pair[CLO_METHODS_MAX];
    struct known_head known;

    uint32_t epoch; /* of the control pages, acted on */
    uint32_t slots; /* of the control pages: ever used */
    uint32_t live_count;
    uint8_t live[CLO_CHANNELS_MAX]; /* slots that this thread serves, ascending */

    /* The call in progress: all private. */
    struct clo_submission in;
    struct clo_completion out;
    bool lean; /* its words came in the line, and go back in it */
    cloister_call call;
    /* Has got a completion, and nobody has looked yet whether its client sleeps; NULL: none. */
    struct channel *owed;
    uint8_t *place[CLO_PARAMETERS_MAX]; /* where each buffer's bytes are; NULL: no buffer */

    uint8_t *scratch; /* copies of arena buffers; zero between calls */
    size_t scratch_size;
    uint32_t scratch_used; /* by the call in progress */
    struct channel channel[CLO_CHANNELS_MAX];
};

/* Odd while a call or a session's beginning or end runs (abi/hypercall.h). */
static inline void server_progress(struct server *server)
{
    uint64_t *progress = &server->mailbox->progress;
    __atomic_store_n(progress, *progress + 1, __ATOMIC_RELAXED);
}

/* Has the world host changed the control pages since serve_refresh? */
static inline bool server_control_changed(const struct server *server)
{
    uint32_t epoch = __atomic_load_n(&server->control->epoch, __ATOMIC_ACQUIRE);
    return __builtin_expect(epoch != server->epoch, 0);
}

/* Wakes the client of the `owed` channel if it sleeps. Before each handler, each hook and each
   sleep: what may take long never keeps a client asleep. */
void server_settle(struct server *server);

/* Makes `pair` from the manifest; before the first call. */
void server_plan(struct server *server);

/* Serves the submission that channel_look found. False: the channel broke, is no longer served. */
bool call_serve(struct server *server, struct channel *channel);

/* Acts on the control pages if their epoch changed: new channels, channels that went. */
void serve_refresh(struct server *server);

/* One look at every channel, at most one call of each; true if there was work. */
bool serve_sweep(struct server *server);

/* Sleeps until something happens, unless there is something already. */
void serve_park(struct server *server);

/* Serves until the world ends the vCPU. */
__attribute__((noreturn)) void serve(struct server *server);

/* run.c. Thread 0 prepares once, then each thread runs. */
void server_prepare(void);
__attribute__((noreturn)) void server_run(uint32_t thread);

#endif

/*
 * The heartbeat of a world in the memories of its guests (abi/guest.h).
 */
#ifndef VMM_GUEST_HEART_H
#define VMM_GUEST_HEART_H

#include "abi/control.h"
#include "base/reason.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum guest_heart_state { HEART_NONE, HEART_STARTING, HEART_BEATS, HEART_FAILED, HEART_ENDS };

/* The thread's and the main thread's, under `lock`. */
struct guest_heart {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* `state`, or a first guest has come */
    enum guest_heart_state state;
    unsigned count;
    uint32_t *beat[CLO_GUESTS_MAX]; /* the first `count`: in headers of guests */
};

void guest_heart_create(struct guest_heart *heart);

/* Starts the thread, which shuts itself in. Until then nothing beats. */
CLOISTER_MUST_USE cloister_status guest_heart_start(struct guest_heart *heart, struct reason *why);

/* Beats there too, at once for the first time; at most CLO_GUESTS_MAX. */
void guest_heart_add(struct guest_heart *heart, uint32_t *beat);

/* No longer: when it returns `beat` is not touched any more. One that was not added is ignored. */
void guest_heart_remove(struct guest_heart *heart, const uint32_t *beat);

/* Ends the thread, if there is one. */
void guest_heart_stop(struct guest_heart *heart);

#endif

/*
 * The same ring as a channel's (abi/channel.h) between two threads of this process: what a
 * switchless call would cost if there were no wall and nobody to distrust. Same lines, same copies:
 * the server copies the entry's line, hands 48 bytes to a handler that copies them, and publishes
 * the line of the completion; the client copies in and out.
 */
#ifndef BENCH_NATIVE_RING_H
#define BENCH_NATIVE_RING_H

#include "abi/channel.h"
#include "base/reason.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

struct native_ring {
    uint8_t *memory;
    struct clo_submission *submissions;
    struct clo_completion *completions;
    uint32_t turn; /* the client's */
    pthread_t server;
    int server_cpu;
    bool started;
    sem_t batch; /* posted by native_ring_serve */
    _Atomic uint32_t wanted;
};

/* Makes the ring and its server thread, which sleeps. The caller ends with native_ring_destroy. */
CLOISTER_MUST_USE cloister_status native_ring_create(struct native_ring *ring, int server_cpu,
                                                     struct reason *why);

/* The server polls for `calls` calls, then sleeps again. */
void native_ring_serve(struct native_ring *ring, uint32_t calls);

/* One call; polls until its reply is there. */
void native_ring_call(struct native_ring *ring, const uint8_t in[CLO_INLINE_SIZE],
                      uint8_t out[CLO_INLINE_SIZE]);

void native_ring_destroy(struct native_ring *ring);

#endif

/*
 * The same ring as a channel's (abi/channel.h) between two threads of this process: what a
 * switchless call would cost if there were no wall and nobody to distrust. Same lines, same copies:
 * the server copies the entry's line, hands 48 bytes to a handler that copies them, and publishes
 * the line of the completion; the client copies in and out. A larger call goes through the arena:
 * the client copies in, the server copies to memory of its own, its handler copies, the server
 * copies out, the client copies out. Nothing is checked and nothing wiped.
 */
#ifndef BENCH_NATIVE_RING_H
#define BENCH_NATIVE_RING_H

#include "abi/channel.h"
#include "base/reason.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#define NATIVE_RING_BYTES_MAX (16u << 10)

struct native_ring {
    uint8_t *memory;
    uint8_t *scratch; /* the server's, two buffers */
    struct clo_submission *submissions;
    struct clo_completion *completions;
    uint32_t turn; /* the client's */
    pthread_t server;
    int server_cpu;
    bool pauses;
    bool started;
    sem_t batch; /* posted by native_ring_serve */
    _Atomic uint32_t wanted;
};

/* Makes the ring and its server thread, which sleeps. `pauses`: both sides poll with PAUSE, which
   is faster but where the processor is emulated: there it leaves the translated code. The caller
   ends with native_ring_destroy. */
CLOISTER_MUST_USE cloister_status native_ring_create(struct native_ring *ring, int server_cpu,
                                                     bool pauses, struct reason *why);

/* The server polls for `calls` calls, then sleeps again. */
void native_ring_serve(struct native_ring *ring, uint32_t calls);

/* One call; polls until its reply is there. */
void native_ring_call(struct native_ring *ring, const uint8_t in[CLO_INLINE_SIZE],
                      uint8_t out[CLO_INLINE_SIZE]);

/* The same with `size` bytes, at most NATIVE_RING_BYTES_MAX, each way through the arena. */
void native_ring_call_large(struct native_ring *ring, const uint8_t *in, uint8_t *out, size_t size);

void native_ring_destroy(struct native_ring *ring);

#endif

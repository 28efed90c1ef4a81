/*
 * Both sides of a switchless measurement: a world whose module polls, and the native ring. Both
 * servers poll on the same processor, so they take turns: a batch of native calls while the module
 * is parked, a batch of calls while the native server sleeps. The first calls of a batch, which
 * wake the server, are not counted.
 */
#ifndef BENCH_POLLED_SIDES_H
#define BENCH_POLLED_SIDES_H

#include "bench/latency.h"
#include "bench/measured_world.h"
#include "bench/native_ring.h"
#include "bench/row.h"

#define POLLED_CALLS 2000u

struct polled_sides {
    struct measured_world live;
    struct native_ring native;
    cloister_session *session;
    const char *module;
    int cpu; /* of both servers */
    uint64_t stamp[POLLED_CALLS + 1];
    double ticks[POLLED_CALLS]; /* of the single calls of the last batch */
    uint8_t in[NATIVE_RING_BYTES_MAX];
    uint8_t out[NATIVE_RING_BYTES_MAX];
};

/* Starts both; this thread is pinned to the caller's processor. UNSUPPORTED: there is only one. The
   caller ends with polled_sides_stop, also after a failure. */
CLOISTER_MUST_USE cloister_status polled_sides_start(struct polled_sides *sides,
                                                     const struct row_plan *plan,
                                                     const char *module_file, const char *module,
                                                     struct reason *why);

/* A new session and a new native ring, each in memory of its own: how fast two processors exchange
   a line depends on which line it is, and one draw would decide a whole run. */
CLOISTER_MUST_USE cloister_status polled_sides_renew(struct polled_sides *sides,
                                                     struct reason *why);

/* A batch of `calls`, at most POLLED_CALLS, with `size` bytes each way; inline up to
   CLO_INLINE_SIZE. Fills sides->ticks and sets *median. */
void polled_native_batch(struct polled_sides *sides, size_t size, unsigned calls, double *median);
CLOISTER_MUST_USE cloister_status polled_our_batch(struct polled_sides *sides, size_t size,
                                                   unsigned calls, double *median,
                                                   struct reason *why);

/* Waits until the module sleeps. */
void polled_sides_settle(void);

void polled_sides_stop(struct polled_sides *sides);

#endif

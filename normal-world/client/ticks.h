/*
 * Time on the call path: the time-stamp counter, without a system call. Good enough for spin
 * budgets and deadlines, not for clocks on the wall.
 */
#ifndef CLIENT_TICKS_H
#define CLIENT_TICKS_H

#include <stdint.h>
#include <time.h>
#include <x86intrin.h>

static inline uint64_t ticks_now(void)
{
    return __rdtsc();
}

/* A moment on both clocks, to measure the counter's frequency with. */
struct ticks_moment {
    uint64_t ticks;
    uint64_t ns;
};

static inline struct ticks_moment ticks_moment_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (struct ticks_moment){
        .ticks = ticks_now(),
        .ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
    };
}

/* Ticks per microsecond, from an earlier moment to now; waits until 20 µs lie between them. */
uint64_t ticks_per_us_since(struct ticks_moment start);

#endif

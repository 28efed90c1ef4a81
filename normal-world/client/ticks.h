/*
 * Time on the call path: the time-stamp counter, without a system call. Good enough for spin
 * budgets and deadlines, not for clocks on the wall.
 */
#ifndef CLIENT_TICKS_H
#define CLIENT_TICKS_H

#include <stdint.h>

static inline uint64_t ticks_now(void)
{
    return __builtin_ia32_rdtsc();
}

/* A moment on both clocks, to measure the counter's frequency with. */
struct ticks_moment {
    uint64_t ticks;
    uint64_t ns;
};

struct ticks_moment ticks_moment_now(void);

/* Ticks per microsecond, from an earlier moment to now; waits until 20 µs lie between them. */
uint64_t ticks_per_us_since(struct ticks_moment start);

#endif

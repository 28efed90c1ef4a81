/*
 * Time of a measurement: the time-stamp counter, which costs a few nanoseconds to read and runs
 * alike on all processors and in ring 3 of a world.
 */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdint.h>
#include <time.h>
#include <x86intrin.h>

static inline uint64_t clock_ticks(void)
{
    return __rdtsc();
}

static inline uint64_t clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline void clock_sleep_us(unsigned us)
{
    struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
    (void)nanosleep(&time, NULL);
}

/* Nanoseconds per tick, measured over 20 ms. */
double clock_ns_per_tick(void);

#endif

/*
 * Measures the frequency of the time-stamp counter while a session opens.
 */
#include "normal-world/client/ticks.h"

#include <time.h>

#define SHORTEST_NS 20000u

struct ticks_moment ticks_moment_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (struct ticks_moment){
        .ticks = ticks_now(),
        .ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
    };
}

uint64_t ticks_per_us_since(struct ticks_moment start)
{
    struct ticks_moment now = ticks_moment_now();
    while (now.ns - start.ns < SHORTEST_NS)
        now = ticks_moment_now();
    uint64_t us = (now.ns - start.ns) / 1000;
    uint64_t rate = (now.ticks - start.ticks) / us;
    return rate > 0 ? rate : 1;
}

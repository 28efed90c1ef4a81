/*
 * Measures the frequency of the time-stamp counter while a session opens.
 */
#include "normal-world/client/ticks.h"

#define SHORTEST_NS 20000u

uint64_t ticks_per_us_since(struct ticks_moment start)
{
    struct ticks_moment now = ticks_moment_now();
    while (now.ns - start.ns < SHORTEST_NS)
        now = ticks_moment_now();
    uint64_t us = (now.ns - start.ns) / 1000;
    uint64_t rate = (now.ticks - start.ticks) / us;
    return rate > 0 ? rate : 1;
}

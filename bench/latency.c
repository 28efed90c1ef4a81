/*
 * One array, taken before the first round.
 */
#include "bench/latency.h"

#include <stdlib.h>
#include <string.h>

struct latency latency_make(void)
{
    return (struct latency){.ticks = calloc(LATENCY_CALLS_MAX, sizeof(double))};
}

void latency_add(struct latency *latency, const double *ticks, size_t count)
{
    size_t room = LATENCY_CALLS_MAX - latency->count;
    size_t taken = count < room ? count : room;
    if (!latency->ticks)
        return;
    memcpy(latency->ticks + latency->count, ticks, taken * sizeof *ticks);
    latency->count += taken;
}

void latency_free(struct latency *latency)
{
    free(latency->ticks);
    *latency = (struct latency){.ticks = NULL};
}

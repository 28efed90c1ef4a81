/*
 * Latency of many calls, in numbers a person can read.
 */
#include "tools/call_latency.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

uint64_t latency_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void latency_print(uint64_t *ns, size_t count)
{
    qsort(ns, count, sizeof *ns, compare);
    (void)fprintf(stderr, "%zu calls: median %" PRIu64 " ns, 99 %% within %" PRIu64 " ns\n", count,
                  ns[count / 2], ns[count * 99 / 100]);
}

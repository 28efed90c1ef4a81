/*
 * Latencies of single calls over all rounds, for the plot of percentiles.
 */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H

#include <stddef.h>
#include <stdint.h>

#define LATENCY_CALLS_MAX (400u << 10)

struct latency {
    double *ticks; /* NULL: there was no memory, and nothing is recorded */
    size_t count;
};

/* The caller ends with latency_free. */
struct latency latency_make(void);

/* Ignored when LATENCY_CALLS_MAX are there. */
void latency_add(struct latency *latency, const double *ticks, size_t count);

void latency_free(struct latency *latency);

#endif

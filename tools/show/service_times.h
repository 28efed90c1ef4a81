/*
 * Histograms of service times (abi/hypercall.h): differences, sums, percentiles.
 */
#ifndef TOOLS_SHOW_SERVICE_TIMES_H
#define TOOLS_SHOW_SERVICE_TIMES_H

#include "abi/control.h"

struct service_times {
    uint64_t bucket[CLO_SERVICE_BUCKETS];
};

/* Adds what was counted between two answers of one module; `before` may be NULL. A bucket that went
   down started anew. */
void service_times_add(struct service_times *times, const struct clo_module_metrics *before,
                       const struct clo_module_metrics *now);

uint64_t service_times_count(const struct service_times *times);

/* The time in ns that `percent` of the samples do not exceed: the upper bound of the bucket where
   that is so, at most 25 % too much. 0: no samples. */
uint64_t service_times_percentile(const struct service_times *times, unsigned percent);

#endif

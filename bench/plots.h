/*
 * The plots of a run, in the build's folder bench: what they show and how their axes are labelled.
 */
#ifndef BENCH_PLOTS_H
#define BENCH_PLOTS_H

#include "bench/latency.h"
#include "bench/row.h"

/* latency.svg: single switchless calls by percentile. Sorts both. */
CLOISTER_MUST_USE cloister_status plots_percentiles(struct latency *ours, struct latency *native,
                                                    double ns_per_tick, struct reason *why);

/* payload.svg: median against bytes; rows[i] is of sizes[i]. */
CLOISTER_MUST_USE cloister_status plots_payload(const struct row *rows, const size_t *sizes,
                                                size_t count, struct reason *why);

#endif

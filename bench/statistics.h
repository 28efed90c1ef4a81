/*
 * Order statistics of samples. No means: one interrupt would decide them.
 */
#ifndef BENCH_STATISTICS_H
#define BENCH_STATISTICS_H

#include <stddef.h>

void statistics_sort(double *samples, size_t count);

/* As below, of samples that are sorted. */
double statistics_quantile_of_sorted(const double *samples, size_t count, double part);

/* The value below which `part` (0 … 1) of the samples lie, between two samples by interpolation.
   Sorts `samples`. No samples: 0. */
double statistics_quantile(double *samples, size_t count, double part);

/* Sorts `samples`. */
double statistics_median(double *samples, size_t count);

/* Distance between the quartiles, as part of the median: 0.02 means that half of the samples lie
   within 2 %. Sorts `samples`. */
double statistics_spread(double *samples, size_t count);

#endif

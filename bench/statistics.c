/*
 * Order statistics by sorting.
 */
#include "bench/statistics.h"

#include <stdlib.h>

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

void statistics_sort(double *samples, size_t count)
{
    if (count > 0)
        qsort(samples, count, sizeof *samples, compare);
}

double statistics_quantile_of_sorted(const double *samples, size_t count, double part)
{
    if (count == 0)
        return 0;
    double place = part * (double)(count - 1);
    size_t below = (size_t)place;
    if (below + 1 >= count)
        return samples[count - 1];
    double weight = place - (double)below;
    return samples[below] * (1 - weight) + samples[below + 1] * weight;
}

double statistics_quantile(double *samples, size_t count, double part)
{
    statistics_sort(samples, count);
    return statistics_quantile_of_sorted(samples, count, part);
}

double statistics_median(double *samples, size_t count)
{
    return statistics_quantile(samples, count, 0.5);
}

double statistics_spread(double *samples, size_t count)
{
    statistics_sort(samples, count);
    double median = statistics_quantile_of_sorted(samples, count, 0.5);
    if (median <= 0)
        return 0;
    double quartiles = statistics_quantile_of_sorted(samples, count, 0.75) -
                       statistics_quantile_of_sorted(samples, count, 0.25);
    return quartiles / median;
}

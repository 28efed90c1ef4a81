/*
 * A line chart as plain SVG, readable on light and on dark ground. The caller has transformed x; y
 * is logarithmic, with ticks at 1, 2 and 5 times the powers of ten.
 */
#ifndef BENCH_PLOT_H
#define BENCH_PLOT_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>

#define PLOT_SERIES_MAX 3u

struct plot_series {
    const char *name;
    const double *x;
    const double *y; /* above 0 */
    size_t count;
    bool points; /* mark each */
};

struct plot_tick {
    double at;
    const char *text;
};

/* Texts are ours: no character that means something in XML. */
struct plot {
    const char *title;
    const char *note; /* second line: the machine, the day */
    const char *x_label;
    const char *y_label;
    const struct plot_tick *ticks; /* of x, the first and the last at its ends */
    size_t tick_count;
    struct plot_series series[PLOT_SERIES_MAX];
    size_t series_count;
};

/* Writes the chart to a file, whole or not at all. BAD_ARGUMENT: nothing to draw. */
CLOISTER_MUST_USE cloister_status plot_write(const struct plot *plot, const char *path,
                                             struct reason *why);

#endif

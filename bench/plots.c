/*
 * Samples to points.
 */
#include "bench/plots.h"

#include "base/scope.h"
#include "bench/host.h"
#include "bench/plot.h"
#include "bench/statistics.h"
#include "bench/workplace.h"

#include <limits.h>
#include <math.h>
#include <time.h>

#define OURS "call of a module in a secure world"
#define NATIVE "same ring, two threads of one process"
#define NOTE_SIZE 320
#define POINTS 81u
#define NINES 4.0 /* the axis ends at 99.99 % */
#define SIZES_MAX 16u

static void describe(char note[NOTE_SIZE])
{
    char machine[HOST_TEXT_SIZE];
    char day[16];
    time_t now = time(NULL);
    struct tm parts;
    host_describe(machine, sizeof machine);
    (void)strftime(day, sizeof day, "%Y-%m-%d", gmtime_r(&now, &parts));
    (void)snprintf(note, NOTE_SIZE, "%s, %s", machine, day);
}

/* x: 0 is 0 %, 1 is 90 %, 2 is 99 %. */
static void percentiles(struct latency *latency, double ns_per_tick, double x[POINTS],
                        double y[POINTS])
{
    statistics_sort(latency->ticks, latency->count);
    for (unsigned i = 0; i < POINTS; i++) {
        x[i] = NINES * i / (POINTS - 1);
        y[i] = ns_per_tick *
               statistics_quantile_of_sorted(latency->ticks, latency->count, 1 - pow(10, -x[i]));
    }
}

cloister_status plots_percentiles(struct latency *ours, struct latency *native, double ns_per_tick,
                                  struct reason *why)
{
    static const struct plot_tick ticks[] = {{0, "fastest"}, {0.30103, "50 %"}, {1, "90 %"},
                                             {2, "99 %"},    {3, "99.9 %"},     {4, "99.99 %"}};
    double x[POINTS];
    double our_y[POINTS];
    double native_y[POINTS];
    char note[NOTE_SIZE];
    char path[PATH_MAX];
    if (ours->count == 0 || native->count == 0)
        return CLOISTER_OK;
    percentiles(ours, ns_per_tick, x, our_y);
    percentiles(native, ns_per_tick, x, native_y);
    describe(note);
    struct plot plot = {.title = "Switchless call, 48 bytes each way: latency by percentile",
                        .note = note,
                        .x_label = "part of the calls that are not slower",
                        .y_label = "latency, ns",
                        .ticks = ticks,
                        .tick_count = ARRAY_SIZE(ticks),
                        .series = {{.name = OURS, .x = x, .y = our_y, .count = POINTS},
                                   {.name = NATIVE, .x = x, .y = native_y, .count = POINTS}},
                        .series_count = 2};
    cloister_status status = workplace_result("latency.svg", path, sizeof path, why);
    return status == CLOISTER_OK ? plot_write(&plot, path, why) : status;
}

cloister_status plots_payload(const struct row *rows, const size_t *sizes, size_t count,
                              struct reason *why)
{
    static const struct plot_tick ticks[] = {
        {6, "64 B"}, {8, "256 B"}, {10, "1 KiB"}, {12, "4 KiB"}, {14, "16 KiB"}};
    double x[SIZES_MAX];
    double our_y[SIZES_MAX];
    double native_y[SIZES_MAX];
    char note[NOTE_SIZE];
    char path[PATH_MAX];
    size_t points = count < SIZES_MAX ? count : SIZES_MAX;
    for (size_t i = 0; i < points; i++) {
        x[i] = log2((double)sizes[i]);
        our_y[i] = rows[i].ours;
        native_y[i] = rows[i].reference;
    }
    describe(note);
    struct plot plot = {
        .title = "Switchless call: median latency by payload",
        .note = note,
        .x_label = "bytes copied in, and out again",
        .y_label = "median latency, ns",
        .ticks = ticks,
        .tick_count = ARRAY_SIZE(ticks),
        .series = {{.name = OURS, .x = x, .y = our_y, .count = points, .points = true},
                   {.name = NATIVE, .x = x, .y = native_y, .count = points, .points = true}},
        .series_count = 2};
    cloister_status status = workplace_result("payload.svg", path, sizeof path, why);
    return status == CLOISTER_OK ? plot_write(&plot, path, why) : status;
}

/*
 * Switchless call with 48 bytes in and out, against two threads of one process with the same ring;
 * and the percentiles of single calls of both, as a plot. The sample of a batch is the median of
 * its calls.
 */
#include "bench/row.h"

#include "bench/plots.h"
#include "bench/polled_sides.h"

#define ROUNDS 60u

static const struct row_head head = {
    .name = "switchless",
    .ours = "call of echo, 48 bytes inline each way, p50",
    .reference = "the same ring between two threads of one process",
    .unit = "ns",
    .aim = ROW_AT_MOST,
    .target = 1.15,
};

struct both {
    struct latency ours, native;
};

static cloister_status measure(const struct row_plan *plan, struct polled_sides *sides,
                               struct both *all, struct row_samples *samples, struct reason *why)
{
    unsigned rounds = row_rounds(plan, ROUNDS);
    cloister_status status = CLOISTER_OK;
    for (unsigned i = 0; i < rounds && status == CLOISTER_OK && !row_interrupted(); i++) {
        double ours = 0;
        double native = 0;
        status = polled_sides_renew(sides, why);
        if (status != CLOISTER_OK)
            break;
        polled_native_batch(sides, CLO_INLINE_SIZE, POLLED_CALLS, &native);
        latency_add(&all->native, sides->ticks, POLLED_CALLS);
        status = polled_our_batch(sides, CLO_INLINE_SIZE, POLLED_CALLS, &ours, why);
        if (status != CLOISTER_OK)
            break;
        latency_add(&all->ours, sides->ticks, POLLED_CALLS);
        row_add_ticks(plan, samples, ours, native, 1);
    }
    return status;
}

cloister_status bench_switchless(const struct row_plan *plan, struct row *rows, unsigned *count,
                                 struct reason *why)
{
    static struct row_samples samples;
    static struct polled_sides sides;
    struct both all = {.ours = latency_make(), .native = latency_make()};
    cloister_status status = polled_sides_start(&sides, plan, "modules/echo.mod", "echo", why);
    if (status == CLOISTER_OK)
        status = measure(plan, &sides, &all, &samples, why);
    polled_sides_stop(&sides);
    if (status == CLOISTER_OK && !row_interrupted())
        status = plots_percentiles(&all.ours, &all.native, plan->ns_per_tick, why);
    latency_free(&all.ours);
    latency_free(&all.native);
    row_finish(&rows[0], &head, &samples);
    *count = 1;
    return status;
}

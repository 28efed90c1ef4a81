/*
 * Switchless call with 64 B to 16 KiB in and out, against the native ring with the same copies. One
 * row a size for information, one for the worst of them, and a plot.
 */
#include "bench/row.h"

#include "bench/plots.h"
#include "bench/polled_sides.h"

#include "base/scope.h"

#define ROUNDS 30u
#define CALLS 500u

#define HEAD(label, size)                                                                          \
    {                                                                                              \
        .name = "payload_" label, .ours = "call of load, " size " each way, p50",                  \
        .reference = "the same ring and copies between two threads of one process", .unit = "ns",  \
        .aim = ROW_AT_MOST                                                                         \
    }

static const size_t sizes[] = {64, 256, 1024, 4096, 16384};
static const struct row_head heads[] = {HEAD("64", "64 B"), HEAD("256", "256 B"),
                                        HEAD("1k", "1 KiB"), HEAD("4k", "4 KiB"),
                                        HEAD("16k", "16 KiB")};

/* The worst of the above. */
static const struct row_head worst_head = {
    .name = "payload",
    .ours = "call with 64 B to 16 KiB each way, p50: the size with the worst ratio",
    .reference = "the same ring and copies between two threads of one process",
    .unit = "ns",
    .aim = ROW_AT_MOST,
    .target = 1.10,
};

static cloister_status one_round(const struct row_plan *plan, struct polled_sides *sides,
                                 struct row_samples samples[], struct reason *why)
{
    cloister_status status = polled_sides_renew(sides, why);
    for (size_t k = 0; k < ARRAY_SIZE(sizes) && status == CLOISTER_OK; k++) {
        double ours = 0;
        double native = 0;
        polled_native_batch(sides, sizes[k], CALLS, &native);
        status = polled_our_batch(sides, sizes[k], CALLS, &ours, why);
        if (status == CLOISTER_OK)
            row_add_ticks(plan, &samples[k], ours, native, 1);
    }
    return status;
}

static void finish(struct row_samples samples[], struct row rows[])
{
    struct row *worst = &rows[ARRAY_SIZE(sizes)];
    for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
        row_finish(&rows[k], &heads[k], &samples[k]);
        if (k == 0 || rows[k].ratio > worst->ratio)
            *worst = rows[k];
    }
    worst->head = &worst_head;
    worst->holds = row_holds(worst);
}

cloister_status bench_payload(const struct row_plan *plan, struct row *rows, unsigned *count,
                              struct reason *why)
{
    static struct row_samples samples[ARRAY_SIZE(sizes)];
    static struct polled_sides sides;
    unsigned rounds = row_rounds(plan, ROUNDS);
    cloister_status status =
        polled_sides_start(&sides, plan, "bench/modules/load.mod", "load", why);
    for (unsigned i = 0; i < rounds && status == CLOISTER_OK && !row_interrupted(); i++)
        status = one_round(plan, &sides, samples, why);
    polled_sides_stop(&sides);
    finish(samples, rows);
    *count = ARRAY_SIZE(sizes) + 1;
    if (status == CLOISTER_OK && !row_interrupted())
        status = plots_payload(rows, sizes, ARRAY_SIZE(sizes), why);
    return status;
}

/*
 * The code of both ends of a channel, the client library's and the SDK's, between two threads of
 * this process, against the native ring: what checking, wiping and parking cost, and nothing of
 * what the wall does. Needs no KVM.
 */
#include "bench/row.h"

#include "bench/clock.h"
#include "bench/native_ring.h"
#include "bench/pin.h"
#include "bench/statistics.h"
#include "bench/timed_calls.h"
#include "bench/unwalled_world.h"

#include <string.h>

#define ROUNDS 30u
#define BATCHES 20u
#define MODULE_SPIN_US 500u
#define CALLER_SPIN_US 100000u
#define PARK_US 2000u
#define ARENA (64u << 10)
#define SIZES 6u

#define HEAD(label, size)                                                                          \
    {                                                                                              \
        .name = "ends_" label, .ours = "both ends' code without a wall, " size " each way, p50",   \
        .reference = "the native ring with the same copies", .unit = "ns", .aim = ROW_AT_MOST      \
    }

static const size_t sizes[SIZES] = {48, 64, 256, 1024, 4096, 16384};
static const struct row_head heads[SIZES] = {HEAD("48", "48 B"),   HEAD("64", "64 B"),
                                             HEAD("256", "256 B"), HEAD("1k", "1 KiB"),
                                             HEAD("4k", "4 KiB"),  HEAD("16k", "16 KiB")};
static const struct row_head batched_head = {
    .name = "ends_batched",
    .ours = "both ends' code without a wall, 48 B, 64 in flight, per call",
    .reference = "one call at a time",
    .unit = "ns",
    .aim = ROW_AT_LEAST,
};

static struct {
    cloister_world *world;
    cloister_session *session;
    struct native_ring native;
    uint8_t in[NATIVE_RING_BYTES_MAX], out[NATIVE_RING_BYTES_MAX];
} ends;

static cloister_status connect(const struct row_plan *plan, struct reason *why)
{
    /* Fresh in each round, like the native ring's memory: which pages one gets matters. */
    cloister_status status = cloister_session_open(ends.world, "echo", ARENA, &ends.session);
    if (status != CLOISTER_OK)
        return refuse(why, status, "a channel within this process does not open: %s",
                      cloister_status_text(status));
    cloister_session_set_spin(ends.session, CALLER_SPIN_US);
    return native_ring_create(&ends.native, plan->server_cpu, true, why);
}

static void disconnect(void)
{
    native_ring_destroy(&ends.native);
    cloister_session_close(ends.session);
}

/* Calls */

static bool our_call(void *context)
{
    size_t size = *(const size_t *)context;
    cloister_parameter p[4] = {cloister_in(ends.in, size), cloister_out(ends.out, size)};
    return cloister_call_number(ends.session, 0, p, 0).status == CLOISTER_OK;
}

static bool native_call(void *context)
{
    size_t size = *(const size_t *)context;
    if (size <= CLO_INLINE_SIZE)
        native_ring_call(&ends.native, ends.in, ends.out);
    else
        native_ring_call_large(&ends.native, ends.in, ends.out, size);
    return true;
}

static double measure_batches(void)
{
    static uint8_t out[CLO_RING_SIZE][CLO_INLINE_SIZE];
    static cloister_parameter p[CLO_RING_SIZE][4];
    cloister_ticket tickets[CLO_RING_SIZE];
    double batches[BATCHES];
    bool fine = true;
    for (unsigned b = 0; b < BATCHES; b++) {
        uint64_t began = clock_ticks();
        for (unsigned i = 0; i < CLO_RING_SIZE; i++) {
            p[i][0] = cloister_in(ends.in, CLO_INLINE_SIZE);
            p[i][1] = cloister_out(out[i], CLO_INLINE_SIZE);
            fine = cloister_submit_number(ends.session, 0, p[i], 0, &tickets[i]).status ==
                       CLOISTER_OK &&
                   fine;
        }
        fine =
            cloister_wait_all(ends.session, tickets, CLO_RING_SIZE, NULL).status == CLOISTER_OK &&
            fine;
        batches[b] = (double)(clock_ticks() - began) / CLO_RING_SIZE;
    }
    return fine ? statistics_median(batches, BATCHES) : 0;
}

static cloister_status one_round(const struct row_plan *plan, struct row_samples samples[],
                                 struct reason *why)
{
    cloister_status status = connect(plan, why);
    if (status != CLOISTER_OK)
        return status;
    for (unsigned k = 0; k < SIZES; k++) {
        size_t size = sizes[k];
        clock_sleep_us(PARK_US);
        native_ring_serve(&ends.native, TIMED_CALLS);
        double native = timed_calls(native_call, &size);
        double ours = timed_calls(our_call, &size);
        row_add_ticks(plan, &samples[k], ours, native, 1);
        if (k == 0)
            row_add_ticks(plan, &samples[SIZES], measure_batches(), ours, 1);
        if (ours == 0)
            status = refuse(why, CLOISTER_INTERNAL, "a call of %zu bytes failed", size);
    }
    disconnect();
    return status;
}

static cloister_status prepare(const struct row_plan *plan, struct reason *why)
{
    memset(ends.in, 'c', sizeof ends.in);
    cloister_status status = unwalled_world_start(plan, MODULE_SPIN_US, NULL, &ends.world, why);
    return status == CLOISTER_OK ? pin_self(plan->caller_cpu, why) : status;
}

cloister_status bench_ends(const struct row_plan *plan, struct row *rows, unsigned *count,
                           struct reason *why)
{
    static struct row_samples samples[SIZES + 1];
    if (plan->caller_cpu == plan->server_cpu)
        return refuse(why, CLOISTER_UNSUPPORTED, "two processors are needed");
    cloister_status status = prepare(plan, why);
    for (unsigned i = 0; i < row_rounds(plan, ROUNDS) && status == CLOISTER_OK; i++) {
        if (row_interrupted())
            break;
        status = one_round(plan, samples, why);
    }
    unwalled_world_stop();
    for (unsigned k = 0; k < SIZES; k++)
        row_finish(&rows[k], &heads[k], &samples[k]);
    row_finish(&rows[SIZES], &batched_head, &samples[SIZES]);
    *count = SIZES + 1;
    return status;
}

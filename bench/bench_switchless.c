/*
 * Switchless call with 48 bytes in and out, against two threads of one process with the same ring.
 *
 * Both servers poll on the same processor, so they take turns: a batch of native calls while the
 * module is parked, a batch of calls while the native server sleeps. The sample of a batch is the
 * median of its calls; the first calls of a batch, which wake the server, are not counted.
 */
#include "bench/row.h"

#include "bench/clock.h"
#include "bench/measured_world.h"
#include "bench/native_ring.h"
#include "bench/pin.h"
#include "bench/statistics.h"

#include <string.h>

#define ROUNDS 60u
#define CALLS 2000u
#define WARM_UP 200u
#define MODULE_SPIN_US 500u
#define PARK_US 2000u /* after which the module is parked for sure */
#define CALLER_SPIN_US 100000u

static const struct row_head head = {
    .name = "switchless",
    .ours = "call of echo, 48 bytes inline each way, p50",
    .reference = "the same ring between two threads of one process",
    .unit = "ns",
    .aim = ROW_AT_MOST,
    .target = 1.3,
};

struct sides {
    struct native_ring native;
    cloister_session *session;
    double ticks[CALLS];
    uint8_t in[CLO_INLINE_SIZE];
    uint8_t out[CLO_INLINE_SIZE];
};

static double native_batch(struct sides *sides)
{
    clock_sleep_us(PARK_US);
    native_ring_serve(&sides->native, WARM_UP + CALLS);
    for (unsigned i = 0; i < WARM_UP; i++)
        native_ring_call(&sides->native, sides->in, sides->out);
    for (unsigned i = 0; i < CALLS; i++) {
        uint64_t start = clock_ticks();
        native_ring_call(&sides->native, sides->in, sides->out);
        sides->ticks[i] = (double)(clock_ticks() - start);
    }
    return statistics_median(sides->ticks, CALLS);
}

static cloister_result call(struct sides *sides)
{
    cloister_parameter parameters[4] = {cloister_in(sides->in, sizeof sides->in),
                                        cloister_out(sides->out, sizeof sides->out)};
    return cloister_call_number(sides->session, 0, parameters, 0);
}

static cloister_status our_batch(struct sides *sides, double *median, struct reason *why)
{
    for (unsigned i = 0; i < WARM_UP + CALLS; i++) {
        uint64_t start = clock_ticks();
        cloister_result result = call(sides);
        uint64_t end = clock_ticks();
        if (result.status != CLOISTER_OK)
            return refuse(why, result.status, "a call of echo failed: %s",
                          cloister_status_text(result.status));
        if (i >= WARM_UP)
            sides->ticks[i - WARM_UP] = (double)(end - start);
    }
    *median = statistics_median(sides->ticks, CALLS);
    return CLOISTER_OK;
}

static cloister_status measure(const struct row_plan *plan, struct sides *sides,
                               struct row_samples *samples, struct reason *why)
{
    unsigned rounds = row_rounds(plan, ROUNDS);
    cloister_status status = CLOISTER_OK;
    for (unsigned i = 0; i < rounds && status == CLOISTER_OK && !row_interrupted(); i++) {
        double ours = 0;
        double native = native_batch(sides);
        status = our_batch(sides, &ours, why);
        if (status == CLOISTER_OK)
            row_add_ticks(plan, samples, ours, native, 1);
    }
    return status;
}

static cloister_status with_session(const struct row_plan *plan, const struct measured_world *live,
                                    struct row_samples *samples, struct reason *why)
{
    static struct sides sides;
    memset(&sides, 0, sizeof sides);
    cloister_status status = measured_world_session(live, "echo", 0, &sides.session, why);
    if (status != CLOISTER_OK)
        return status;
    cloister_session_set_spin(sides.session, CALLER_SPIN_US);
    status = native_ring_create(&sides.native, plan->server_cpu, why);
    if (status == CLOISTER_OK)
        status = pin_self(plan->caller_cpu, why);
    if (status == CLOISTER_OK)
        status = measure(plan, &sides, samples, why);
    native_ring_destroy(&sides.native);
    cloister_session_close(sides.session);
    return status;
}

cloister_status bench_switchless(const struct row_plan *plan, struct row *rows, unsigned *count,
                                 struct reason *why)
{
    static struct row_samples samples;
    struct measured_world live;
    if (plan->caller_cpu == plan->server_cpu)
        return refuse(why, CLOISTER_UNSUPPORTED, "two processors are needed");
    cloister_status status =
        measured_world_start(&live, "echo", MODULE_SPIN_US, plan->server_cpu, why);
    if (status == CLOISTER_OK)
        status = with_session(plan, &live, &samples, why);
    measured_world_stop(&live);
    if (status != CLOISTER_OK)
        return status;
    row_finish(&rows[0], &head, &samples);
    *count = 1;
    return CLOISTER_OK;
}

/*
 * Batches of calls whose server polls.
 */
#include "bench/polled_sides.h"

#include "bench/clock.h"
#include "bench/pin.h"
#include "bench/statistics.h"

#include <string.h>

#define BLOCK 20u
#define WARM_UP 200u
#define MODULE_SPIN_US 500u
#define PARK_US 2000u /* after which the module is parked for sure */
#define CALLER_SPIN_US 100000u

static cloister_status connect(struct polled_sides *sides, struct reason *why)
{
    cloister_status status =
        measured_world_session(&sides->live, sides->module, 0, &sides->session, why);
    if (status != CLOISTER_OK)
        return status;
    cloister_session_set_spin(sides->session, CALLER_SPIN_US);
    return native_ring_create(&sides->native, sides->cpu, true, why);
}

static void disconnect(struct polled_sides *sides)
{
    native_ring_destroy(&sides->native);
    cloister_session_close(sides->session);
    sides->native = (struct native_ring){.started = false};
    sides->session = NULL;
}

cloister_status polled_sides_renew(struct polled_sides *sides, struct reason *why)
{
    disconnect(sides);
    return connect(sides, why);
}

cloister_status polled_sides_start(struct polled_sides *sides, const struct row_plan *plan,
                                   const char *module_file, const char *module, struct reason *why)
{
    struct measured_options options = {
        .module = module_file, .spin_us = MODULE_SPIN_US, .cpu = plan->server_cpu};
    memset(sides, 0, sizeof *sides);
    memset(sides->in, 'c', sizeof sides->in);
    sides->module = module;
    sides->cpu = plan->server_cpu;
    if (plan->caller_cpu == plan->server_cpu)
        return refuse(why, CLOISTER_UNSUPPORTED, "two processors are needed");
    cloister_status status = measured_world_start(&sides->live, &options, why);
    if (status == CLOISTER_OK)
        status = connect(sides, why);
    return status == CLOISTER_OK ? pin_self(plan->caller_cpu, why) : status;
}

static void native_call(struct polled_sides *sides, size_t size)
{
    if (size <= CLO_INLINE_SIZE)
        native_ring_call(&sides->native, sides->in, sides->out);
    else
        native_ring_call_large(&sides->native, sides->in, sides->out, size);
}

void polled_sides_settle(void)
{
    clock_sleep_us(PARK_US);
}

/* From the clock's values before the first call and after each. The clock may advance in steps that
   are large beside one call, so the median is of blocks of calls. */
static double evaluate(struct polled_sides *sides, unsigned calls)
{
    double blocks[POLLED_CALLS / BLOCK];
    for (unsigned i = 0; i < calls; i++)
        sides->ticks[i] = (double)(sides->stamp[i + 1] - sides->stamp[i]);
    for (unsigned i = 0; i < calls / BLOCK; i++)
        blocks[i] = (double)(sides->stamp[(i + 1) * BLOCK] - sides->stamp[i * BLOCK]) / BLOCK;
    return statistics_median(blocks, calls / BLOCK);
}

void polled_native_batch(struct polled_sides *sides, size_t size, unsigned calls, double *median)
{
    polled_sides_settle();
    native_ring_serve(&sides->native, WARM_UP + calls);
    for (unsigned i = 0; i < WARM_UP; i++)
        native_call(sides, size);
    sides->stamp[0] = clock_ticks();
    for (unsigned i = 0; i < calls; i++) {
        native_call(sides, size);
        sides->stamp[i + 1] = clock_ticks();
    }
    *median = evaluate(sides, calls);
}

cloister_status polled_our_batch(struct polled_sides *sides, size_t size, unsigned calls,
                                 double *median, struct reason *why)
{
    cloister_status status = CLOISTER_OK;
    for (unsigned i = 0; i < WARM_UP && status == CLOISTER_OK; i++)
        status = measured_world_echo(sides->session, sides->in, sides->out, size, why);
    sides->stamp[0] = clock_ticks();
    for (unsigned i = 0; i < calls && status == CLOISTER_OK; i++) {
        status = measured_world_echo(sides->session, sides->in, sides->out, size, why);
        sides->stamp[i + 1] = clock_ticks();
    }
    *median = evaluate(sides, calls);
    return status;
}

void polled_sides_stop(struct polled_sides *sides)
{
    disconnect(sides);
    measured_world_stop(&sides->live);
}

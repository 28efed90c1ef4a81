/*
 * 64 calls in flight against one at a time, on the same session: time per call of each. Two rows: a
 * module that polls, where calls in flight save waiting for each reply; and, for information, one
 * that sleeps when the work comes, where they save all wake-ups but one.
 */
#include "bench/row.h"

#include "bench/clock.h"
#include "bench/measured_world.h"
#include "bench/pin.h"

#define ROUNDS 40u
#define CALLER_SPIN_US 100000u

static const struct row_head polling_head = {
    .name = "batched",
    .ours = "call of 48 bytes with 64 in flight, module polls, time per call",
    .reference = "one call at a time on the same session: so many times the calls per second",
    .unit = "ns",
    .aim = ROW_AT_LEAST,
    .target = 5,
};

static const struct row_head sleeping_head = {
    .name = "batched_sleeping",
    .ours = "call of 48 bytes with 64 in flight, the module sleeps before each 64, time per call",
    .reference = "one call, the module sleeps before each: so many times the calls per second",
    .unit = "ns",
    .aim = ROW_AT_LEAST,
};

struct flight {
    cloister_session *session;
    unsigned settle_us; /* rest before each, in which the module falls asleep; 0: none */
    cloister_ticket ticket[CLO_RING_SIZE];
    uint8_t in[CLO_INLINE_SIZE];
    uint8_t out[CLO_RING_SIZE][CLO_INLINE_SIZE];
    cloister_parameter parameters[CLO_RING_SIZE][CLO_PARAMETERS_MAX];
};

static cloister_status fly(struct flight *flight, struct reason *why)
{
    cloister_result result = {.status = CLOISTER_OK};
    for (unsigned i = 0; i < CLO_RING_SIZE && result.status == CLOISTER_OK; i++) {
        cloister_parameter *parameters = flight->parameters[i];
        parameters[0] = cloister_in(flight->in, sizeof flight->in);
        parameters[1] = cloister_out(flight->out[i], sizeof flight->out[i]);
        result = cloister_submit_number(flight->session, 0, parameters, 0, &flight->ticket[i]);
    }
    if (result.status == CLOISTER_OK)
        result = cloister_wait_all(flight->session, flight->ticket, CLO_RING_SIZE, NULL);
    if (result.status != CLOISTER_OK)
        return refuse(why, result.status, "calls in flight failed: %s",
                      cloister_status_text(result.status));
    return CLOISTER_OK;
}

static cloister_status call(struct flight *flight, struct reason *why)
{
    return measured_world_echo(flight->session, flight->in, flight->out[0], sizeof flight->in, why);
}

/* Time per call of `count` flights or calls. The first one, before it, is for the caches. */
static cloister_status repeat(struct flight *flight, unsigned count, bool many, double *per_call,
                              struct reason *why)
{
    cloister_status (*once)(struct flight *, struct reason *) = many ? fly : call;
    uint64_t taken = 0;
    cloister_status status = once(flight, why);
    for (unsigned i = 0; i < count && status == CLOISTER_OK; i++) {
        if (flight->settle_us > 0)
            clock_sleep_us(flight->settle_us);
        uint64_t begin = clock_ticks();
        status = once(flight, why);
        taken += clock_ticks() - begin;
    }
    *per_call = (double)taken / (many ? count * CLO_RING_SIZE : count);
    return status;
}

/* A row: how long the module polls, how long both rest before each flight or call, and how many of
   them make a round. */
struct variant {
    const struct row_head *head;
    unsigned spin_us, settle_us;
    unsigned calls, flights;
};

static cloister_status measure(const struct row_plan *plan, struct flight *flight,
                               const struct variant *variant, struct row *row, struct reason *why)
{
    static struct row_samples samples;
    unsigned rounds = row_rounds(plan, ROUNDS);
    cloister_status status = CLOISTER_OK;
    samples.count = 0;
    for (unsigned i = 0; i < rounds && status == CLOISTER_OK && !row_interrupted(); i++) {
        double many = 0;
        double one = 0;
        status = repeat(flight, variant->calls, false, &one, why);
        if (status == CLOISTER_OK)
            status = repeat(flight, variant->flights, true, &many, why);
        if (status == CLOISTER_OK)
            row_add_ticks(plan, &samples, many, one, 1);
    }
    row_finish(row, variant->head, &samples);
    return status;
}

static cloister_status with_world(const struct row_plan *plan, const struct variant *variant,
                                  struct row *row, struct reason *why)
{
    static struct flight flight;
    struct measured_world live;
    struct measured_options options = {
        .module = "modules/echo.mod", .spin_us = variant->spin_us, .cpu = plan->server_cpu};
    cloister_status status = measured_world_start(&live, &options, why);
    flight.session = NULL;
    flight.settle_us = variant->settle_us;
    if (status == CLOISTER_OK)
        status = measured_world_session(&live, "echo", 0, &flight.session, why);
    if (status == CLOISTER_OK)
        status = pin_self(plan->caller_cpu, why);
    if (status == CLOISTER_OK) {
        cloister_session_set_spin(flight.session, CALLER_SPIN_US);
        status = measure(plan, &flight, variant, row, why);
    }
    cloister_session_close(flight.session);
    measured_world_stop(&live);
    return status;
}

cloister_status bench_batched(const struct row_plan *plan, struct row *rows, unsigned *count,
                              struct reason *why)
{
    static const struct variant polling = {
        .head = &polling_head, .spin_us = 500, .calls = 2048, .flights = 32};
    static const struct variant sleeping = {
        .head = &sleeping_head, .settle_us = 150, .calls = 16, .flights = 4};
    if (plan->caller_cpu == plan->server_cpu)
        return refuse(why, CLOISTER_UNSUPPORTED, "two processors are needed");
    cloister_status status = with_world(plan, &polling, &rows[0], why);
    if (status == CLOISTER_OK)
        status = with_world(plan, &sleeping, &rows[1], why);
    *count = 2;
    return status;
}

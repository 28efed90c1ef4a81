/*
 * A call out of a guest whose processor is emulated, by polling, against the sum of its two halves:
 * two threads of that guest on the native ring, and the host client's own call. All three in each
 * round. Two rows: beside a world, and beside a world without a wall, which needs no KVM.
 */
#include "bench/row.h"

#include "bench/measured_world.h"
#include "bench/measuring_guest.h"
#include "bench/pin.h"
#include "bench/timed_calls.h"
#include "bench/unwalled_world.h"
#include "bench/workplace.h"

#include <limits.h>
#include <string.h>

#define ROUNDS 40u
#define MODULE_SPIN_US 500u
#define CALLER_SPIN_US 100000u

#define SUM "the sum of both halves"
#define PARTS                                                                                      \
    {                                                                                              \
        "the native ring between two threads of the guest", "the host client's call"               \
    }

static const struct row_head guest_head = {
    .name = "guest",
    .ours = "call of echo out of a QEMU guest (TCG), 48 bytes, by polling, p50",
    .reference = SUM,
    .part = PARTS,
    .unit = "ns",
    .aim = ROW_AT_MOST,
    .target = 1.5,
};

static const struct row_head ends_head = {
    .name = "ends_guest",
    .ours = "the same to both ends' code without a wall",
    .reference = SUM,
    .part = PARTS,
    .unit = "ns",
    .aim = ROW_AT_MOST,
    .target = 1.5,
};

/* Where the echo is. */
struct side {
    const struct row_head *head;
    cloister_status (*start)(const struct row_plan *plan, const char *guest_socket,
                             cloister_world **world, struct reason *why);
    void (*stop)(void);
};

static struct measured_world live;

static cloister_status start_world(const struct row_plan *plan, const char *guest_socket,
                                   cloister_world **world, struct reason *why)
{
    const struct measured_options options = {.module = "modules/echo.mod",
                                             .spin_us = MODULE_SPIN_US,
                                             .cpu = plan->server_cpu,
                                             .guest_socket = guest_socket};
    cloister_status status = measured_world_start(&live, &options, why);
    *world = live.world;
    return status;
}

static void stop_world(void)
{
    measured_world_stop(&live);
}

static cloister_status start_unwalled(const struct row_plan *plan, const char *guest_socket,
                                      cloister_world **world, struct reason *why)
{
    return unwalled_world_start(plan, MODULE_SPIN_US, guest_socket, world, why);
}

/* The host's own call */

static bool host_call(void *context)
{
    static uint8_t in[CLO_INLINE_SIZE], out[CLO_INLINE_SIZE];
    cloister_parameter p[4] = {cloister_in(in, sizeof in), cloister_out(out, sizeof out)};
    return cloister_call_number(context, 0, p, 0).status == CLOISTER_OK;
}

static cloister_status measure_host(cloister_world *world, double *ticks, struct reason *why)
{
    cloister_session *session;
    cloister_status status = cloister_session_open(world, "echo", 0, &session);
    if (status != CLOISTER_OK)
        return refuse(why, status, "cannot open a session to echo: %s",
                      cloister_status_text(status));
    cloister_session_set_spin(session, CALLER_SPIN_US);
    *ticks = timed_calls(host_call, session);
    cloister_session_close(session);
    return *ticks > 0 ? CLOISTER_OK : refuse(why, CLOISTER_INTERNAL, "a call of echo failed");
}

/* Rounds */

static cloister_status measure(const struct row_plan *plan, cloister_world *world,
                               struct measuring_guest *guest, struct row_samples *samples,
                               struct reason *why)
{
    unsigned rounds = row_rounds(plan, ROUNDS);
    cloister_status status = CLOISTER_OK;
    for (unsigned i = 0; i < rounds && status == CLOISTER_OK && !row_interrupted(); i++) {
        struct guest_times times;
        double ticks = 0;
        status = measuring_guest_round(guest, &times, why);
        if (status == CLOISTER_OK)
            status = measure_host(world, &ticks, why);
        if (status == CLOISTER_OK)
            row_add_sum(samples, times.call, times.native, ticks * plan->ns_per_tick);
    }
    return status;
}

static cloister_status beside(const struct side *side, const struct row_plan *plan,
                              struct row_samples *samples, struct reason *why)
{
    char guest_socket[PATH_MAX];
    struct measuring_guest guest = {.line = -1};
    cloister_world *world = NULL;
    workplace_path("guests", guest_socket, sizeof guest_socket);
    cloister_status status = side->start(plan, guest_socket, &world, why);
    if (status == CLOISTER_OK)
        status = measuring_guest_start(&guest, plan, guest_socket, why);
    if (status == CLOISTER_OK)
        status = pin_self(plan->caller_cpu, why);
    if (status == CLOISTER_OK)
        status = measure(plan, world, &guest, samples, why);
    measuring_guest_stop(&guest);
    side->stop();
    return status;
}

static cloister_status measure_row(const struct side *side, const struct row_plan *plan,
                                   struct row *row, unsigned *count, struct reason *why)
{
    static struct row_samples samples;
    samples.count = 0;
    if (plan->caller_cpu == plan->server_cpu)
        return refuse(why, CLOISTER_UNSUPPORTED, "two processors are needed");
    cloister_status status = workplace_open(why);
    if (status == CLOISTER_OK)
        status = beside(side, plan, &samples, why);
    row_finish(row, side->head, &samples);
    *count = 1;
    return status;
}

cloister_status bench_guest(const struct row_plan *plan, struct row *rows, unsigned *count,
                            struct reason *why)
{
    static const struct side world = {&guest_head, start_world, stop_world};
    return measure_row(&world, plan, rows, count, why);
}

cloister_status bench_ends_guest(const struct row_plan *plan, struct row *rows, unsigned *count,
                                 struct reason *why)
{
    static const struct side unwalled = {&ends_head, start_unwalled, unwalled_world_stop};
    return measure_row(&unwalled, plan, rows, count, why);
}

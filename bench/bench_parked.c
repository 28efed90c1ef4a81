/*
 * A call of a module that sleeps, against the least that such a call can consist of: a thread that
 * is woken by a futex and enters a vCPU once. Two rows: the caller polls for the reply, and the
 * caller sleeps as well. Both servers run on the same processor and sleep between calls, so the two
 * sides alternate call by call.
 */
#include "bench/row.h"

#include "bench/clock.h"
#include "bench/measured_world.h"
#include "bench/pin.h"
#include "bench/raw_kvm.h"
#include "bench/statistics.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS 40u
#define CALLS 50u /* of each side in a round */
#define CALLER_SPIN_US 100000u
#define SETTLE_US 150u /* until the servers sleep again */

static const struct row_head polling_head = {
    .name = "parked",
    .ours = "call of a sleeping echo, 48 bytes, caller polls, p50",
    .reference = "futex wakes a thread, one raw KVM_RUN in ring 3, caller polls for the reply",
    .unit = "us",
    .aim = ROW_AT_MOST,
    .target = 1.15,
};

static const struct row_head sleeping_head = {
    .name = "parked_caller_sleeps",
    .ours = "call of a sleeping echo, 48 bytes, caller sleeps too, p50",
    .reference = "futex wakes a thread, one raw KVM_RUN in ring 3, futex wakes the caller",
    .unit = "us",
    .aim = ROW_AT_MOST,
    .target = 1.15,
};

/* The reference: a thread with a raw VM. */
struct raw_server {
    struct raw_vm vm;
    pthread_t thread;
    int cpu;
    _Atomic uint32_t calls;   /* futex */
    _Atomic uint32_t replies; /* futex */
    atomic_bool wake;         /* the caller sleeps */
    atomic_bool leave;
    cloister_status status;
    struct reason why;
};

struct sides {
    struct raw_server server;
    cloister_session *session;
    bool caller_sleeps;
    uint8_t in[CLO_INLINE_SIZE];
    uint8_t out[CLO_INLINE_SIZE];
};

static void futex(_Atomic uint32_t *word, int operation, uint32_t value)
{
    (void)syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

static void *serve_raw(void *argument)
{
    struct raw_server *server = argument;
    struct reason why;
    uint32_t served = 0;
    if (pin_self(server->cpu, &why) != CLOISTER_OK)
        return NULL; /* where it runs is a matter of precision only */
    for (;;) {
        while (atomic_load(&server->calls) == served)
            futex(&server->calls, FUTEX_WAIT_PRIVATE, served);
        served++;
        if (server->leave)
            return NULL;
        if (server->status == CLOISTER_OK)
            server->status = raw_vm_enter(&server->vm, &server->why);
        atomic_fetch_add(&server->replies, 1);
        if (server->wake)
            futex(&server->replies, FUTEX_WAKE_PRIVATE, INT_MAX);
    }
}

static void ring(struct raw_server *server)
{
    atomic_fetch_add(&server->calls, 1);
    futex(&server->calls, FUTEX_WAKE_PRIVATE, 1);
}

static void raw_call(struct raw_server *server)
{
    uint32_t before = atomic_load(&server->replies);
    ring(server);
    while (atomic_load(&server->replies) == before) {
        if (server->wake)
            futex(&server->replies, FUTEX_WAIT_PRIVATE, before);
        else
            _mm_pause();
    }
}

static cloister_status start_raw(struct raw_server *server, int cpu, struct reason *why)
{
    server->cpu = cpu;
    cloister_status status = raw_vm_create(&server->vm, why);
    if (status == CLOISTER_OK && pthread_create(&server->thread, NULL, serve_raw, server) != 0)
        status = refuse(why, CLOISTER_NO_MEMORY, "cannot start a thread");
    if (status != CLOISTER_OK)
        raw_vm_destroy(&server->vm);
    return status;
}

static void stop_raw(struct raw_server *server)
{
    server->leave = true;
    ring(server);
    (void)pthread_join(server->thread, NULL);
    raw_vm_destroy(&server->vm);
}

static cloister_status our_call(struct sides *sides, struct reason *why)
{
    return measured_world_echo(sides->session, sides->in, sides->out, sizeof sides->in, why);
}

static cloister_status round_of_calls(const struct row_plan *plan, struct sides *sides,
                                      struct row_samples *samples, struct reason *why)
{
    double ours[CALLS];
    double raw[CALLS];
    cloister_status status = CLOISTER_OK;
    for (unsigned i = 0; i < CALLS && status == CLOISTER_OK; i++) {
        clock_sleep_us(SETTLE_US);
        uint64_t start = clock_ticks();
        raw_call(&sides->server);
        raw[i] = (double)(clock_ticks() - start);
        clock_sleep_us(SETTLE_US);
        start = clock_ticks();
        status = our_call(sides, why);
        ours[i] = (double)(clock_ticks() - start);
    }
    row_add_ticks(plan, samples, statistics_median(ours, CALLS), statistics_median(raw, CALLS),
                  1e-3);
    return status;
}

static cloister_status measure(const struct row_plan *plan, struct sides *sides, bool caller_sleeps,
                               const struct row_head *head, struct row *row, struct reason *why)
{
    static struct row_samples samples;
    samples.count = 0;
    cloister_session_set_spin(sides->session, caller_sleeps ? 0 : CALLER_SPIN_US);
    sides->server.wake = caller_sleeps;
    unsigned rounds = row_rounds(plan, ROUNDS);
    cloister_status status = CLOISTER_OK;
    for (unsigned i = 0; i < rounds && status == CLOISTER_OK && !row_interrupted(); i++)
        status = round_of_calls(plan, sides, &samples, why);
    if (status == CLOISTER_OK && sides->server.status != CLOISTER_OK)
        status = refuse(why, sides->server.status, "%s", sides->server.why.text);
    row_finish(row, head, &samples);
    return status;
}

static cloister_status with_session(const struct row_plan *plan, const struct measured_world *live,
                                    struct row *rows, struct reason *why)
{
    static struct sides sides;
    memset(&sides, 0, sizeof sides);
    cloister_status status = measured_world_session(live, "echo", 0, &sides.session, why);
    if (status != CLOISTER_OK)
        return status;
    status = start_raw(&sides.server, plan->server_cpu, why);
    if (status == CLOISTER_OK) {
        status = pin_self(plan->caller_cpu, why);
        if (status == CLOISTER_OK)
            status = measure(plan, &sides, false, &polling_head, &rows[0], why);
        if (status == CLOISTER_OK)
            status = measure(plan, &sides, true, &sleeping_head, &rows[1], why);
        stop_raw(&sides.server);
    }
    cloister_session_close(sides.session);
    return status;
}

cloister_status bench_parked(const struct row_plan *plan, struct row *rows, unsigned *count,
                             struct reason *why)
{
    struct measured_world live;
    struct measured_options options = {.module = "modules/echo.mod", .cpu = plan->server_cpu};
    if (plan->caller_cpu == plan->server_cpu)
        return refuse(why, CLOISTER_UNSUPPORTED, "two processors are needed");
    cloister_status status = measured_world_start(&live, &options, why);
    if (status == CLOISTER_OK)
        status = with_session(plan, &live, rows, why);
    measured_world_stop(&live);
    *count = 2;
    return status;
}

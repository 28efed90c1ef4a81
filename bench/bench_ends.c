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
#include "bench/unwalled_module.h"

#include "base/scope.h"
#include "normal-world/client/session.h"
#include "normal-world/client/ticks.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS 30u
#define CALLS 500u
#define WARM_UP 200u
#define BLOCK 20u /* calls that are timed together */
#define BATCHES 20u
#define MODULE_SPIN_US 500u
#define PARK_US 2000u
#define ARENA (64u << 10)
#define CHANNEL_SIZE ((uint32_t)CLO_ARENA_OFFSET + ARENA)
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
    uint8_t *memory;
    cloister_session *session;
    struct native_ring native;
    uint8_t in[NATIVE_RING_BYTES_MAX], out[NATIVE_RING_BYTES_MAX];
} ends;

/* The transport: doorbell and sleep are futexes, and the other end never dies. */

static void doorbell(void *context)
{
    (void)context;
    unwalled_module_wake();
}

static void sleep_on(void *context, uint32_t *word, uint32_t value, uint64_t timeout_us)
{
    const struct timespec timeout = {.tv_nsec = (long)(timeout_us % 1000000 * 1000)};
    (void)context;
    (void)syscall(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0);
}

static bool connected(void *context)
{
    (void)context;
    return true;
}

static cloister_status connect(const struct row_plan *plan, struct reason *why)
{
    const struct ring_peer peer = {.doorbell = doorbell, .sleep = sleep_on, .connected = connected};
    cloister_session *session = ends.session;
    memset(session, 0, sizeof *session);
    /* Fresh in each round, like the native ring's: which pages one gets matters. */
    ends.memory =
        mmap(NULL, CHANNEL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (ends.memory == MAP_FAILED)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for a channel");
    cloister_status status = unwalled_module_start(ends.memory, CHANNEL_SIZE, plan->server_cpu,
                                                   MODULE_SPIN_US, plan->ns_per_tick, why);
    if (status != CLOISTER_OK)
        return status;
    status = ring_attach(&session->ring, ends.memory, CHANNEL_SIZE, ARENA, &peer,
                         (uint64_t)(1000.0 / plan->ns_per_tick));
    session->module.method_count = unwalled_module_manifest.method_count;
    memcpy(session->module.method, unwalled_module_manifest.method, sizeof session->module.method);
    session_plan(session);
    cloister_session_set_spin(session, 100000);
    if (status == CLOISTER_OK)
        status = session_call_plain(session, CLO_METHOD_OPEN, 0).status;
    if (status != CLOISTER_OK)
        return refuse(why, status, "a channel within this process does not open: %s",
                      cloister_status_text(status));
    return native_ring_create(&ends.native, plan->server_cpu, why);
}

static void disconnect(void)
{
    unwalled_module_stop();
    native_ring_destroy(&ends.native);
    (void)munmap(ends.memory, CHANNEL_SIZE);
}

/* Calls */

static bool our_call(size_t size)
{
    cloister_parameter p[4] = {cloister_in(ends.in, size), cloister_out(ends.out, size)};
    return cloister_call_number(ends.session, 0, p, 0).status == CLOISTER_OK;
}

static bool native_call(size_t size)
{
    if (size <= CLO_INLINE_SIZE)
        native_ring_call(&ends.native, ends.in, ends.out);
    else
        native_ring_call_large(&ends.native, ends.in, ends.out, size);
    return true;
}

/* Median of blocks of calls, in ticks a call; 0: a call failed. */
static double measure(bool (*call)(size_t), size_t size)
{
    double blocks[CALLS / BLOCK];
    bool fine = true;
    for (unsigned i = 0; i < WARM_UP; i++)
        fine = call(size) && fine;
    for (unsigned i = 0; i < CALLS / BLOCK; i++) {
        uint64_t began = clock_ticks();
        for (unsigned j = 0; j < BLOCK; j++)
            fine = call(size) && fine;
        blocks[i] = (double)(clock_ticks() - began) / BLOCK;
    }
    return fine ? statistics_median(blocks, CALLS / BLOCK) : 0;
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
        clock_sleep_us(PARK_US);
        native_ring_serve(&ends.native, WARM_UP + CALLS);
        double native = measure(native_call, sizes[k]);
        double ours = measure(our_call, sizes[k]);
        row_add_ticks(plan, &samples[k], ours, native, 1);
        if (k == 0)
            row_add_ticks(plan, &samples[SIZES], measure_batches(), ours, 1);
        if (ours == 0)
            status = refuse(why, CLOISTER_INTERNAL, "a call of %zu bytes failed", sizes[k]);
    }
    disconnect();
    return status;
}

static cloister_status prepare(const struct row_plan *plan, struct reason *why)
{
    if (plan->caller_cpu == plan->server_cpu)
        return refuse(why, CLOISTER_UNSUPPORTED, "two processors are needed");
    memset(ends.in, 'c', sizeof ends.in);
    ends.session = calloc(1, sizeof *ends.session);
    if (!ends.session)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for a session");
    return pin_self(plan->caller_cpu, why);
}

cloister_status bench_ends(const struct row_plan *plan, struct row *rows, unsigned *count,
                           struct reason *why)
{
    static struct row_samples samples[SIZES + 1];
    cloister_status status = prepare(plan, why);
    for (unsigned i = 0; i < row_rounds(plan, ROUNDS) && status == CLOISTER_OK; i++) {
        if (row_interrupted())
            break;
        status = one_round(plan, samples, why);
    }
    free(ends.session);
    for (unsigned k = 0; k < SIZES; k++)
        row_finish(&rows[k], &heads[k], &samples[k]);
    row_finish(&rows[SIZES], &batched_head, &samples[SIZES]);
    *count = SIZES + 1;
    return status;
}

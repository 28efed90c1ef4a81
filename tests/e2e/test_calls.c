/*
 * What docs/calls.md promises of calls, against a real world: parameters of all kinds and sizes,
 * many in flight, cancelling, deadlines, sessions shared by threads, reserved memory, streams.
 */
#include "cloister/client.h"
#include "tests/e2e/started_world.h"
#include "tests/modules/calls.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ARENA 65536u

static struct started_world world;
static cloister_world *connection;
static cloister_session *session;

static int start(void **state)
{
    static const char *const options[] = {
        "--debug", "--module", "@tests/modules/calls.mod", "--module", "@modules/echo.mod", NULL};
    (void)state;
    if (started_world_impossible())
        return 0;
    started_world_start(&world, options);
    assert_int_equal(cloister_world_open(world.socket, &connection), CLOISTER_OK);
    assert_int_equal(cloister_session_open(connection, "calls", ARENA, &session), CLOISTER_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    if (started_world_impossible())
        return 0;
    cloister_session_close(session);
    cloister_world_close(connection);
    started_world_stop(&world);
    return 0;
}

static void expect(cloister_result result, cloister_status status, int origin)
{
    assert_string_equal(cloister_status_name(result.status), cloister_status_name(status));
    assert_string_equal(cloister_origin_name(result.origin), cloister_origin_name(origin));
}

/* Parameters */

static const struct clo_method *method_at(unsigned number)
{
    return &cloister_session_module(session)->method[number];
}

static unsigned kind_at(unsigned number, unsigned i)
{
    return method_at(number)->kinds >> (4 * i) & 15u;
}

/* A call of a method that sums up, and what must come of it. */
struct mixed {
    unsigned method;
    cloister_parameter parameter[CLO_PARAMETERS_MAX];
    uint64_t sum;
    uint8_t *memory[CLO_PARAMETERS_MAX];
};

static uint64_t sum_up(uint64_t sum, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        sum = CALLS_STEP(sum, bytes[i]);
    return CALLS_STEP(sum, size);
}

static void make_one(struct mixed *mixed, unsigned i, size_t size)
{
    unsigned kind = kind_at(mixed->method, i);
    cloister_parameter *p = &mixed->parameter[i];
    uint8_t *bytes = mixed->memory[i] = malloc(size + 1);
    assert_non_null(bytes);
    for (size_t at = 0; at < size; at++)
        bytes[at] = (uint8_t)(at * 7 + i + size);
    *p = (cloister_parameter){.kind = kind, .a = size, .b = i};
    if (kind == CLO_PARAM_IN || kind == CLO_PARAM_INOUT)
        mixed->sum = CALLS_STEP(CALLS_STEP(mixed->sum, size), i);
    if (kind == CLO_PARAM_BUFFER_IN)
        *p = cloister_in(bytes, size);
    if (kind == CLO_PARAM_BUFFER_OUT)
        *p = cloister_out(bytes, size);
    if (kind == CLO_PARAM_BUFFER_INOUT)
        *p = cloister_inout(bytes, size, size);
    if (kind == CLO_PARAM_BUFFER_IN || kind == CLO_PARAM_BUFFER_INOUT)
        mixed->sum = sum_up(mixed->sum, bytes, size);
}

static void make_mixed(struct mixed *mixed, unsigned method, const size_t sizes[CLO_PARAMETERS_MAX])
{
    *mixed = (struct mixed){.method = method, .sum = CALLS_START};
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
        make_one(mixed, i, sizes[i]);
}

static void check_one(const struct mixed *mixed, unsigned i, size_t size)
{
    const cloister_parameter *p = &mixed->parameter[i];
    if (p->kind == CLO_PARAM_OUT || p->kind == CLO_PARAM_INOUT) {
        assert_true(p->a == mixed->sum + i && p->b == ~mixed->sum);
    } else if (p->kind == CLO_PARAM_BUFFER_OUT || p->kind == CLO_PARAM_BUFFER_INOUT) {
        const uint8_t *bytes = p->output;
        assert_int_equal(p->size, size);
        for (size_t at = 0; at < size; at++)
            assert_int_equal(bytes[at], CALLS_BYTE(mixed->sum, i, at));
    }
}

static void free_mixed(struct mixed *mixed)
{
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
        free(mixed->memory[i]);
}

/* Bytes of arena that buffers take which do not fit into the entry's line. */
static bool may_not_fit(const struct mixed *mixed)
{
    size_t sum = 0;
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        const cloister_parameter *p = &mixed->parameter[i];
        size_t larger = p->size > p->capacity ? p->size : p->capacity;
        sum += (larger + CLO_ARENA_ALIGN - 1) / CLO_ARENA_ALIGN * CLO_ARENA_ALIGN;
    }
    return sum > ARENA;
}

static void call_mixed(unsigned method, const size_t sizes[CLO_PARAMETERS_MAX])
{
    struct mixed mixed;
    make_mixed(&mixed, method, sizes);
    cloister_result result = cloister_call_number(session, method, mixed.parameter, 0);
    if (result.status == CLOISTER_TOO_BIG) {
        assert_true(may_not_fit(&mixed));
        assert_int_equal(result.origin, CLOISTER_ORIGIN_CLIENT);
    } else {
        expect(result, CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
        for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
            check_one(&mixed, i, sizes[i]);
    }
    free_mixed(&mixed);
}

static const size_t some_sizes[] = {0, 1, 47, 48, 49, 63, 64, 65, 127, 4096, 16384};
#define SIZES (sizeof some_sizes / sizeof *some_sizes)

static void all_kinds_of_parameters_of_all_sizes_work(void **state)
{
    (void)state;
    started_world_or_skip();
    for (unsigned method = 0; method < CALLS_TAKE; method++)
        for (size_t i = 0; i < SIZES * SIZES; i++) {
            size_t sizes[] = {some_sizes[i % SIZES], some_sizes[i / SIZES],
                              some_sizes[(i + i / SIZES) % SIZES], some_sizes[(3 * i) % SIZES]};
            call_mixed(method, sizes);
        }
}

static cloister_result call_named(const char *name, size_t size)
{
    struct mixed mixed = {.sum = CALLS_START};
    while (strcmp((const char *)method_at(mixed.method)->name, name) != 0)
        mixed.method++;
    make_one(&mixed, 0, size);
    cloister_result result = cloister_call(session, name, mixed.parameter, 0);
    if (result.status == CLOISTER_OK)
        check_one(&mixed, 0, size);
    free_mixed(&mixed);
    return result;
}

static void one_buffer_may_be_as_large_as_the_arena_and_no_larger(void **state)
{
    (void)state;
    started_world_or_skip();
    static const char *const names[] = {"I", "O", "B"};
    for (size_t i = 0; i < 3; i++) {
        expect(call_named(names[i], ARENA), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
        expect(call_named(names[i], ARENA + 1), CLOISTER_TOO_BIG, CLOISTER_ORIGIN_CLIENT);
    }
}

static void larger_arena_takes_all_that_is_declared(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_session *small = session;
    assert_int_equal(cloister_session_open(connection, "calls", 4 * CALLS_MOST, &session),
                     CLOISTER_OK);
    assert_true(cloister_arena_size(session) >= 4 * CALLS_MOST);
    expect(call_named("B", CALLS_MOST), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    size_t sizes[] = {CALLS_MOST, CALLS_MOST, CALLS_MOST, CALLS_MOST};
    struct mixed mixed;
    make_mixed(&mixed, 15, sizes);
    expect(cloister_call(session, "BBBB", mixed.parameter, 0), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
        check_one(&mixed, i, CALLS_MOST);
    free_mixed(&mixed);
    expect(call_named("I", CALLS_MOST + 1), CLOISTER_TOO_BIG, CLOISTER_ORIGIN_CLIENT);
    cloister_session_close(session);
    session = small;
}

/* Many in flight */

static cloister_result submit_take(uint64_t ms, uint64_t deadline_us, cloister_parameter p[4],
                                   cloister_ticket *ticket)
{
    p[0] = cloister_value(ms, 1);
    p[1] = cloister_value_out();
    p[2] = p[3] = (cloister_parameter){0};
    return cloister_submit(session, "take", p, deadline_us, ticket);
}

static void whole_ring_may_be_in_flight_and_no_more(void **state)
{
    (void)state;
    started_world_or_skip();
    static cloister_parameter p[CLO_RING_SIZE + 1][4];
    cloister_ticket ticket[CLO_RING_SIZE];
    cloister_ticket more = 77;
    cloister_result results[CLO_RING_SIZE];
    for (unsigned i = 0; i < CLO_RING_SIZE; i++)
        expect(submit_take(0, 0, p[i], &ticket[i]), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    expect(submit_take(0, 0, p[CLO_RING_SIZE], &more), CLOISTER_BUSY, CLOISTER_ORIGIN_CLIENT);
    assert_int_equal(more, 77);
    expect(cloister_wait(session, ticket[20]), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    expect(submit_take(0, 0, p[CLO_RING_SIZE], &ticket[20]), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    expect(cloister_wait_all(session, ticket, CLO_RING_SIZE, results), CLOISTER_OK,
           CLOISTER_ORIGIN_MODULE);
    for (unsigned i = 0; i < CLO_RING_SIZE; i++)
        assert_int_equal(ticket[i], CLOISTER_NO_TICKET);
    for (unsigned i = 1; i < CLO_RING_SIZE; i++)
        assert_true(p[i][1].b > p[i - 1][1].b || i - 1 == 20 || i == 20);
}

static void call_beside_uncollected_calls_is_busy_or_works(void **state)
{
    (void)state;
    started_world_or_skip();
    static cloister_parameter p[CLO_RING_SIZE][4];
    cloister_ticket ticket[CLO_RING_SIZE];
    for (unsigned i = 0; i < CLO_RING_SIZE; i++)
        expect(submit_take(0, 0, p[i], &ticket[i]), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    expect(cloister_call(session, "none", NULL, 0), CLOISTER_BUSY, CLOISTER_ORIGIN_CLIENT);
    expect(cloister_wait(session, ticket[0]), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    expect(cloister_call(session, "none", NULL, 0), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    (void)cloister_wait_all(session, ticket, CLO_RING_SIZE, NULL);
}

static void ticket_is_used_up_once_collected(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_parameter p[4];
    cloister_ticket ticket;
    cloister_result result;
    expect(submit_take(0, 0, p, &ticket), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    expect(cloister_wait(session, ticket), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    expect(cloister_wait(session, ticket), CLOISTER_NOT_FOUND, CLOISTER_ORIGIN_CLIENT);
    assert_true(cloister_poll(session, ticket, &result));
    expect(result, CLOISTER_NOT_FOUND, CLOISTER_ORIGIN_CLIENT);
    assert_int_equal(cloister_cancel(session, ticket), CLOISTER_NOT_FOUND);
    assert_int_equal(cloister_cancel(session, CLOISTER_NO_TICKET), CLOISTER_NOT_FOUND);
}

static void full_arena_is_busy_until_a_call_ends(void **state)
{
    (void)state;
    started_world_or_skip();
    static uint8_t bytes[ARENA];
    cloister_parameter p[4] = {cloister_in(bytes, ARENA)};
    cloister_parameter q[4] = {cloister_in(bytes, 100)};
    cloister_ticket one, two;
    expect(cloister_submit(session, "I", p, 0, &one), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    expect(cloister_submit(session, "I", q, 0, &two), CLOISTER_BUSY, CLOISTER_ORIGIN_CLIENT);
    expect(cloister_wait(session, one), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    expect(cloister_submit(session, "I", q, 0, &two), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    expect(cloister_wait(session, two), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
}

/* Cancelling and deadlines */

static void call_cancelled_before_it_begins_is_not_begun(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_parameter p[4], q[4], r[4];
    cloister_ticket first, second;
    expect(submit_take(200, 0, p, &first), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    expect(submit_take(0, 0, q, &second), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    cloister_flush(session);
    assert_int_equal(cloister_cancel(session, second), CLOISTER_OK);
    expect(cloister_wait(session, second), CLOISTER_CANCELLED, CLOISTER_ORIGIN_TRANSPORT);
    expect(cloister_wait(session, first), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    expect(submit_take(0, 0, r, &second), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    expect(cloister_wait(session, second), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    assert_int_equal(r[1].b, p[1].b + 1);
}

static void call_cancelled_while_it_runs_is_the_modules_to_end(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_parameter p[4];
    cloister_ticket ticket;
    expect(submit_take(4000, 0, p, &ticket), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    cloister_flush(session);
    (void)usleep(20000);
    assert_int_equal(cloister_cancel(session, ticket), CLOISTER_OK);
    expect(cloister_wait(session, ticket), CLOISTER_CANCELLED, CLOISTER_ORIGIN_MODULE);
    p[0] = cloister_value(4000, 0);
    expect(cloister_submit(session, "take", p, 0, &ticket), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    cloister_flush(session);
    (void)usleep(20000);
    assert_int_equal(cloister_cancel(session, ticket), CLOISTER_OK);
    assert_int_equal(cloister_wait(session, ticket).status, CALLS_STATUS);
}

static void cancelling_a_call_that_is_done_changes_nothing(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_parameter p[4], q[4];
    cloister_ticket one, two;
    expect(submit_take(0, 0, p, &one), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    expect(submit_take(0, 0, q, &two), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    expect(cloister_wait(session, two), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    assert_int_equal(cloister_cancel(session, one), CLOISTER_OK);
    expect(cloister_wait(session, one), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
}

static void expired_call_is_not_begun(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_parameter p[4], q[4], r[4];
    cloister_ticket first, second, third;
    expect(submit_take(100, 0, p, &first), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    expect(submit_take(0, 5000, q, &second), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    expect(cloister_wait(session, second), CLOISTER_TIMEOUT, CLOISTER_ORIGIN_CLIENT);
    expect(submit_take(0, 0, r, &third), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    expect(cloister_wait(session, first), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    expect(cloister_wait(session, third), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    assert_int_equal(r[1].b, p[1].b + 1);
}

static void deadline_stops_a_handler_that_asks(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_parameter p[4] = {cloister_value(4000, 1), cloister_value_out()};
    expect(cloister_call(session, "take", p, 10000), CLOISTER_TIMEOUT, CLOISTER_ORIGIN_CLIENT);
    /* Behind it: it comes at once only if the first one has ended early. */
    expect(cloister_call(session, "none", NULL, 2000000), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
}

static void poll_sees_deadlines_and_replies(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_parameter p[4], q[4];
    cloister_ticket one, two;
    cloister_result result;
    expect(submit_take(30, 0, p, &one), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    expect(submit_take(0, 3000, q, &two), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    while (!cloister_poll(session, two, &result))
        (void)usleep(100);
    expect(result, CLOISTER_TIMEOUT, CLOISTER_ORIGIN_CLIENT);
    while (!cloister_poll(session, one, &result))
        (void)usleep(100);
    expect(result, CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
}

static void wait_any_returns_what_is_over(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_parameter p[3][4];
    cloister_ticket ticket[4] = {0};
    bool seen[3] = {false};
    size_t index = 99;
    for (unsigned i = 0; i < 3; i++)
        expect(submit_take(i, i == 1 ? 1 : 0, p[i], &ticket[i]), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    for (unsigned i = 0; i < 3; i++) {
        cloister_result result = cloister_wait_any(session, ticket, 4, &index);
        assert_true(index < 3 && !seen[index]);
        seen[index] = true;
        if (index != 1)
            expect(result, CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    }
    expect(cloister_wait_any(session, ticket, 4, &index), CLOISTER_NOT_FOUND,
           CLOISTER_ORIGIN_CLIENT);
}

static void polling_notices_a_world_that_was_killed(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_parameter p[4];
    cloister_ticket ticket;
    cloister_result result;
    expect(submit_take(4000, 0, p, &ticket), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    cloister_flush(session);
    (void)kill(world.host, SIGKILL);
    while (!cloister_poll(session, ticket, &result))
        ;
    expect(result, CLOISTER_DEAD, CLOISTER_ORIGIN_TRANSPORT);
    assert_int_not_equal(started_world_wait(&world), 0);
    assert_int_equal(unlink(world.socket), 0);
}

/* Threads */

static void *call_from_a_thread(void *context)
{
    bool *good = context;
    for (unsigned i = 0; i < 300 && *good; i++) {
        uint8_t byte = (uint8_t)i;
        cloister_parameter p[4] = {cloister_in(&byte, 1)};
        cloister_parameter q[4] = {cloister_value(0, 0), cloister_value_out()};
        *good = cloister_call(session, "I", p, 0).status == CLOISTER_OK &&
                cloister_call(session, "take", q, 0).status == CLOISTER_OK;
    }
    return NULL;
}

static void threads_share_a_session(void **state)
{
    (void)state;
    started_world_or_skip();
    pthread_t thread[8];
    bool good[8];
    assert_int_equal(cloister_session_share(session), CLOISTER_OK);
    assert_int_equal(cloister_session_share(session), CLOISTER_OK);
    for (unsigned i = 0; i < 8; i++) {
        good[i] = true;
        assert_int_equal(pthread_create(&thread[i], NULL, call_from_a_thread, &good[i]), 0);
    }
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_true(good[i]);
    }
}

/* Reserved memory */

static void reserved_buffers_reach_the_module_without_a_copy(void **state)
{
    (void)state;
    started_world_or_skip();
    void *in, *out;
    assert_int_equal(cloister_arena_reserve(session, 20000, &in), CLOISTER_OK);
    assert_int_equal(cloister_arena_reserve(session, 20000, &out), CLOISTER_OK);
    for (int round = 0; round < 3; round++) {
        memset(in, 0x41 + round, 20000);
        cloister_parameter p[4] = {cloister_in(in, 20000), cloister_out(out, 20000),
                                   cloister_value_out()};
        expect(cloister_call(session, "zero", p, 0), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
        assert_int_equal(p[1].size, 20000);
        assert_true(p[2].a == 1 && p[2].b == 1);
        for (size_t i = 0; i < 20000; i++)
            assert_int_equal(((uint8_t *)out)[i], 0x41 + round);
        assert_int_equal(*(uint8_t *)in, 0); /* wiped when the call ended */
    }
    cloister_arena_release(session, in);
    cloister_arena_release(session, out);
    void *again;
    assert_int_equal(cloister_arena_reserve(session, ARENA, &again), CLOISTER_OK);
    for (size_t i = 0; i < ARENA; i++)
        assert_int_equal(((uint8_t *)again)[i], 0);
    cloister_arena_release(session, again);
}

static void reserved_buffers_work_with_methods_that_copy(void **state)
{
    (void)state;
    started_world_or_skip();
    void *memory;
    assert_int_equal(cloister_arena_reserve(session, 128, &memory), CLOISTER_OK);
    memcpy(memory, "abc", 3);
    struct mixed mixed = {.sum = sum_up(CALLS_START, memory, 3)};
    mixed.parameter[0] = cloister_in(memory, 3);
    mixed.parameter[1] = cloister_out((uint8_t *)memory + 64, 64);
    expect(cloister_call(session, "IO", mixed.parameter, 0), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    check_one(&mixed, 1, 64);
    cloister_arena_release(session, memory);
}

static void wrong_uses_of_reserved_memory_are_refused(void **state)
{
    (void)state;
    started_world_or_skip();
    void *one, *two, *none;
    assert_int_equal(cloister_arena_reserve(session, 256, &one), CLOISTER_OK);
    assert_int_equal(cloister_arena_reserve(session, 256, &two), CLOISTER_OK);
    uint8_t *bytes = one;
    cloister_parameter wrong[][4] = {
        {cloister_in(bytes + 1, 100), cloister_out(two, 256)},   /* not aligned */
        {cloister_in(bytes, 257), cloister_out(two, 256)},       /* beyond its end */
        {cloister_in(bytes, 256), cloister_out(bytes, 256)},     /* overlap */
        {cloister_in(bytes, 65), cloister_out(bytes + 64, 100)}, /* overlap */
        {cloister_in(bytes + 1024, 64), cloister_out(two, 256)}, /* not reserved */
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect(cloister_call(session, "IO", wrong[i], 0), CLOISTER_BAD_ARGUMENT,
               CLOISTER_ORIGIN_CLIENT);
    assert_int_equal(cloister_arena_reserve(session, 0, &none), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(cloister_arena_reserve(session, ARENA + 1, &none), CLOISTER_TOO_BIG);
    assert_int_equal(cloister_arena_reserve(session, ARENA, &none), CLOISTER_BUSY);
    cloister_arena_release(session, bytes + 64); /* none: ignored */
    cloister_arena_release(session, one);
    cloister_arena_release(session, two);
    assert_int_equal(cloister_arena_reserve(session, ARENA, &none), CLOISTER_OK);
    cloister_arena_release(session, none);
}

static void memory_released_during_a_call_lives_until_it_ends(void **state)
{
    (void)state;
    started_world_or_skip();
    void *memory, *other;
    cloister_parameter slow[4], p[4];
    cloister_ticket first, second;
    assert_int_equal(cloister_arena_reserve(session, ARENA, &memory), CLOISTER_OK);
    expect(submit_take(50, 0, slow, &first), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    memset(p, 0, sizeof p);
    p[0] = cloister_in(memory, ARENA);
    expect(cloister_submit(session, "I", p, 0, &second), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    cloister_arena_release(session, memory);
    assert_int_equal(cloister_arena_reserve(session, 64, &other), CLOISTER_BUSY);
    expect(cloister_wait(session, second), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
    assert_int_equal(cloister_arena_reserve(session, ARENA, &other), CLOISTER_OK);
    cloister_arena_release(session, other);
    expect(cloister_wait(session, first), CLOISTER_OK, CLOISTER_ORIGIN_MODULE);
}

/* Streams */

struct flow {
    size_t total, given, taken;
    uint64_t sum;
    bool wrong;
    size_t stop_at; /* 0: never; where the text "stop" is */
    size_t fail_at; /* 0: never; where reading fails */
};

static uint8_t byte_at(const struct flow *flow, size_t at)
{
    if (flow->stop_at && at >= flow->stop_at && at < flow->stop_at + 4)
        return (uint8_t) "stop"[at - flow->stop_at];
    return (uint8_t)(at * 13 + (at >> 8));
}

static cloister_status give(void *context, void *bytes, size_t capacity, size_t *size)
{
    struct flow *flow = context;
    size_t left = flow->total - flow->given;
    uint8_t *to = bytes;
    if (flow->fail_at && flow->given >= flow->fail_at)
        return CLOISTER_IO;
    *size = left < capacity ? left : capacity;
    if (*size > 1000)
        *size = 1000 + flow->given % 500; /* short reads */
    if (*size > left)
        *size = left;
    if (*size > capacity)
        *size = capacity;
    for (size_t i = 0; i < *size; i++) {
        to[i] = byte_at(flow, flow->given + i);
        flow->sum = CALLS_STEP(flow->sum, to[i]);
    }
    flow->given += *size;
    return CLOISTER_OK;
}

static cloister_status take(void *context, const void *bytes, size_t size)
{
    struct flow *flow = context;
    const uint8_t *from = bytes;
    for (size_t i = 0; i < size; i++)
        flow->wrong |= (from[i] ^ byte_at(flow, flow->taken + i)) != 0xff;
    flow->taken += size;
    return CLOISTER_OK;
}

static cloister_result stream(struct flow *flow, uint64_t value[2])
{
    const cloister_stream_ends ends = {give, take, flow};
    flow->sum = CALLS_START;
    return cloister_stream(session, "invert", &ends, 0, value);
}

static void streams_of_any_length_go_through(void **state)
{
    (void)state;
    started_world_or_skip();
    static const size_t lengths[] = {0, 1, 8191, 8192, 8193, 4 * 8192, 100000, 3000001};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct flow flow = {.total = lengths[i]};
        uint64_t value[2] = {0};
        expect(stream(&flow, value), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
        assert_false(flow.wrong);
        assert_int_equal(flow.taken, lengths[i]);
        assert_int_equal(value[0], lengths[i]);
        assert_true(value[1] == flow.sum);
    }
    void *all; /* nothing is left reserved */
    assert_int_equal(cloister_arena_reserve(session, ARENA, &all), CLOISTER_OK);
    cloister_arena_release(session, all);
}

static void stream_that_fails_ends_and_the_next_one_works(void **state)
{
    (void)state;
    started_world_or_skip();
    struct flow refused = {.total = 200000, .stop_at = 5 * 8192};
    assert_int_equal(stream(&refused, NULL).status, CALLS_STATUS);
    assert_int_equal(refused.taken, 5 * 8192);
    assert_false(refused.wrong);
    struct flow unread = {.total = 200000, .fail_at = 60000};
    expect(stream(&unread, NULL), CLOISTER_IO, CLOISTER_ORIGIN_CLIENT);
    struct flow good = {.total = 50000};
    expect(stream(&good, NULL), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    assert_int_equal(good.taken, 50000);
}

static void stream_of_a_small_arena_goes_in_smaller_pieces(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_session *large = session;
    assert_int_equal(cloister_session_open(connection, "calls", 12288, &session), CLOISTER_OK);
    struct flow flow = {.total = 100000};
    expect(stream(&flow, NULL), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    assert_true(!flow.wrong && flow.taken == 100000);
    cloister_session_close(session);
    assert_int_equal(cloister_session_open(connection, "calls", 4096, &session), CLOISTER_OK);
    expect(stream(&flow, NULL), CLOISTER_TOO_BIG, CLOISTER_ORIGIN_CLIENT);
    cloister_session_close(session);
    session = large;
}

static void what_is_no_stream_is_refused(void **state)
{
    (void)state;
    started_world_or_skip();
    const cloister_stream_ends ends = {give, take, NULL};
    expect(cloister_stream(session, "IO", &ends, 0, NULL), CLOISTER_BAD_ARGUMENT,
           CLOISTER_ORIGIN_CLIENT);
    expect(cloister_stream(session, "nothing", &ends, 0, NULL), CLOISTER_NOT_FOUND,
           CLOISTER_ORIGIN_CLIENT);
}

static void files_are_streamed(void **state)
{
    (void)state;
    started_world_or_skip();
    struct flow flow = {0};
    int in = memfd_create("in", 0);
    int out = memfd_create("out", 0);
    static uint8_t bytes[70000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = byte_at(&flow, i);
    assert_int_equal(write(in, bytes, sizeof bytes), sizeof bytes);
    assert_int_equal(lseek(in, 0, SEEK_SET), 0);
    expect(cloister_stream_file(session, "invert", in, out, 0, NULL), CLOISTER_OK,
           CLOISTER_ORIGIN_NONE);
    assert_int_equal(pread(out, bytes, sizeof bytes, 0), sizeof bytes);
    assert_int_equal(take(&flow, bytes, sizeof bytes), CLOISTER_OK);
    assert_false(flow.wrong);
    expect(cloister_stream_file(session, "invert", -1, out, 0, NULL), CLOISTER_IO,
           CLOISTER_ORIGIN_CLIENT);
    (void)close(in);
    (void)close(out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(all_kinds_of_parameters_of_all_sizes_work),
        TEST(one_buffer_may_be_as_large_as_the_arena_and_no_larger),
        TEST(larger_arena_takes_all_that_is_declared),
        TEST(whole_ring_may_be_in_flight_and_no_more),
        TEST(call_beside_uncollected_calls_is_busy_or_works),
        TEST(ticket_is_used_up_once_collected),
        TEST(full_arena_is_busy_until_a_call_ends),
        TEST(call_cancelled_before_it_begins_is_not_begun),
        TEST(call_cancelled_while_it_runs_is_the_modules_to_end),
        TEST(cancelling_a_call_that_is_done_changes_nothing),
        TEST(expired_call_is_not_begun),
        TEST(deadline_stops_a_handler_that_asks),
        TEST(poll_sees_deadlines_and_replies),
        TEST(wait_any_returns_what_is_over),
        TEST(polling_notices_a_world_that_was_killed),
        TEST(threads_share_a_session),
        TEST(reserved_buffers_reach_the_module_without_a_copy),
        TEST(reserved_buffers_work_with_methods_that_copy),
        TEST(wrong_uses_of_reserved_memory_are_refused),
        TEST(memory_released_during_a_call_lives_until_it_ends),
        TEST(streams_of_any_length_go_through),
        TEST(stream_that_fails_ends_and_the_next_one_works),
        TEST(stream_of_a_small_arena_goes_in_smaller_pieces),
        TEST(what_is_no_stream_is_refused),
        TEST(files_are_streamed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * ATTACKS N2 to N7: submissions that are wrong, out of order, or somebody else's, from a client
 * that writes the ring itself. What no client library ever sends ends that channel with a named
 * reason; what is merely not possible is answered with a status; an honest client of the same
 * module goes on all the while.
 */
#include "tests/attacks/attacked_world.h"
#include "tests/attacks/raw_channel.h"
#include "tests/modules/witness.h"

#include "base/scope.h"
#include "cloister/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ARENA (2 * WITNESS_MOST)
#define ECHO_KINDS (CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4)
#define IN_LINE(kind) ((kind) | CLO_PARAM_INLINE)
#define CALLS_OF_A_FLOOD 300u
/* Of another client's, while one of ours is served: its turn, and what passes until we look. */
#define FLOOD_MOST 8u

/* N2: broken rings */

struct broken {
    const char *what;
    uint32_t reason;
    uint16_t kinds;
    uint8_t inline_in;
    uint8_t inline_out;
    struct clo_parameter parameter[CLO_PARAMETERS_MAX];
};

static const struct broken broken[] = {
    {"kind 4", CLO_BROKEN_KIND, 4, 0, 0, {{0}}},
    {"kind 4 of the last parameter", CLO_BROKEN_KIND, 0x4000, 0, 0, {{0}}},
    {"inline kind 4", CLO_BROKEN_KIND, IN_LINE(4), 0, 0, {{0}}},
    {"inline value", CLO_BROKEN_KIND, IN_LINE(CLO_PARAM_IN), 0, 0, {{0}}},
    {"inline nothing", CLO_BROKEN_KIND, IN_LINE(0), 0, 0, {{0}}},
    {"two inline inputs", CLO_BROKEN_KIND, 0xdd, 0, 0, {{0}}},
    {"two inline outputs", CLO_BROKEN_KIND, 0xee, 0, 0, {{0}}},
    {"all kinds", CLO_BROKEN_KIND, 0xffff, 0, 0, {{0}}},
    {"inline input of 49 bytes", CLO_BROKEN_PARAMETER, IN_LINE(CLO_PARAM_BUFFER_IN), 49, 0, {{0}}},
    {"inline input of 255 bytes",
     CLO_BROKEN_PARAMETER,
     IN_LINE(CLO_PARAM_BUFFER_IN),
     255,
     0,
     {{0}}},
    {"inline output of 255 bytes",
     CLO_BROKEN_PARAMETER,
     IN_LINE(CLO_PARAM_BUFFER_OUT),
     0,
     255,
     {{0}}},
    {"inline bytes of nothing", CLO_BROKEN_PARAMETER, ECHO_KINDS, 1, 0, {{0}}},
    {"inline room for nothing", CLO_BROKEN_PARAMETER, ECHO_KINDS, 0, 1, {{0}}},
    {"offset of 1", CLO_BROKEN_PARAMETER, ECHO_KINDS, 0, 0, {{1, 8}}},
    {"offset of 63", CLO_BROKEN_PARAMETER, ECHO_KINDS, 0, 0, {{63, 8}}},
    {"offset behind the arena", CLO_BROKEN_PARAMETER, ECHO_KINDS, 0, 0, {{ARENA + 64, 0}}},
    {"offset at the end of the arena", CLO_BROKEN_PARAMETER, ECHO_KINDS, 0, 0, {{ARENA, 1}}},
    {"offset that is negative", CLO_BROKEN_PARAMETER, ECHO_KINDS, 0, 0, {{-64ull, 128}}},
    {"offset that wraps with the length",
     CLO_BROKEN_PARAMETER,
     ECHO_KINDS,
     0,
     0,
     {{-4096ull, 8192}}},
    {"offset of 4 GiB", CLO_BROKEN_PARAMETER, ECHO_KINDS, 0, 0, {{1ull << 32, 64}}},
    {"offset of the ring before",
     CLO_BROKEN_PARAMETER,
     ECHO_KINDS,
     0,
     0,
     {{-(uint64_t)CLO_ARENA_OFFSET, 64}}},
    {"offset of the next channel",
     CLO_BROKEN_PARAMETER,
     ECHO_KINDS,
     0,
     0,
     {{ARENA + CLO_ARENA_OFFSET, 64}}},
    {"length one too many", CLO_BROKEN_PARAMETER, ECHO_KINDS, 0, 0, {{0, ARENA + 1}}},
    {"length of 2^32", CLO_BROKEN_PARAMETER, ECHO_KINDS, 0, 0, {{0, 1ull << 32}}},
    {"length of 2^32 - 1", CLO_BROKEN_PARAMETER, ECHO_KINDS, 0, 0, {{0, UINT32_MAX}}},
    {"length of 2^64 - 1", CLO_BROKEN_PARAMETER, ECHO_KINDS, 0, 0, {{0, UINT64_MAX}}},
    {"room of 2^32 - 1", CLO_BROKEN_PARAMETER, ECHO_KINDS, 0, 0, {{0, 8}, {64, UINT32_MAX}}},
    {"in-out room behind the arena",
     CLO_BROKEN_PARAMETER,
     CLO_PARAM_BUFFER_INOUT,
     0,
     0,
     {{0, 8 | (uint64_t)(ARENA + 1) << 32}}},
    {"in-out of 2^32 - 1 both",
     CLO_BROKEN_PARAMETER,
     CLO_PARAM_BUFFER_INOUT,
     0,
     0,
     {{0, UINT64_MAX}}},
    /* N5 */
    {"one buffer as two inputs",
     CLO_BROKEN_PARAMETER,
     CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_IN << 4,
     0,
     0,
     {{0, 64}, {0, 64}}},
    {"buffers that overlap by a byte", CLO_BROKEN_PARAMETER, ECHO_KINDS, 0, 0, {{0, 65}, {64, 64}}},
    {"output inside the input", CLO_BROKEN_PARAMETER, ECHO_KINDS, 0, 0, {{0, 4096}, {1024, 64}}},
    {"word of no parameter", CLO_BROKEN_RESERVED, CLO_PARAM_IN, 0, 0, {{1, 1}, {0, 1}}},
    {"word of the last parameter",
     CLO_BROKEN_RESERVED,
     CLO_PARAM_IN,
     0,
     0,
     {{1, 1}, {0}, {0}, {UINT64_MAX, 0}}},
};

static void expect_broken(const struct raw_channel *channel, const char *what, uint32_t reason)
{
    uint32_t got = raw_wait_broken(channel);
    if (got != reason)
        fail_msg("%s: reason %u; expected %u", what, got, reason);
}

static void every_broken_submission_ends_its_channel_with_the_reason(void **state)
{
    (void)state;
    attacked_or_skip();
    struct neighbour *neighbour = neighbour_start();
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        struct raw_channel channel;
        struct clo_submission submission = {.kinds = broken[i].kinds,
                                            .inline_in = broken[i].inline_in,
                                            .inline_out = broken[i].inline_out};
        memcpy(submission.parameter, broken[i].parameter, sizeof submission.parameter);
        raw_channel_ready(&channel, attacked.socket);
        raw_submit(&channel, &submission);
        expect_broken(&channel, broken[i].what, broken[i].reason);
        raw_channel_close(&channel);
    }
    neighbour_stop(neighbour);
    attacked_is_sound();
}

static void wrong_turn_ends_its_channel(void **state)
{
    static const uint32_t wrong[] = {0, 1, 3, 64, 66, 0x80000002, UINT32_MAX};
    (void)state;
    attacked_or_skip();
    struct neighbour *neighbour = neighbour_start();
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct raw_channel channel;
        raw_channel_ready(&channel, attacked.socket);
        __atomic_store_n(&raw_entry(&channel)->turn, wrong[i], __ATOMIC_RELEASE);
        raw_ring(&channel);
        if (wrong[i] == 0) /* that is how an empty entry looks */
            assert_int_equal(raw_call(&channel, &(struct clo_submission){.method = 1}),
                             CLOISTER_BAD_ARGUMENT);
        else
            expect_broken(&channel, "turn", CLO_BROKEN_TURN);
        raw_channel_close(&channel);
    }
    neighbour_stop(neighbour);
    attacked_is_sound();
}

/* A broken channel cannot be mended by its client: the module has let go of it. */
static void broken_channel_stays_broken(void **state)
{
    (void)state;
    struct raw_channel channel;
    attacked_or_skip();
    uint64_t begun = attacked_facts().begun;
    raw_channel_ready(&channel, attacked.socket);
    struct clo_submission echo = raw_echo(&channel, 0, 64);
    raw_submit(&channel, &(struct clo_submission){.kinds = 4});
    expect_broken(&channel, "kind 4", CLO_BROKEN_KIND);
    channel.header->state = CLO_CHANNEL_LIVE;
    channel.header->reason = 0;
    for (unsigned i = 0; i < 2 * CLO_RING_SIZE; i++)
        raw_submit(&channel, &echo);
    struct neighbour *neighbour = neighbour_start();
    neighbour_stop(neighbour);
    assert_int_equal(channel.header->state, CLO_CHANNEL_LIVE);
    for (unsigned i = 0; i < CLO_RING_SIZE; i++)
        assert_in_range(channel.completions[i].turn, 0, 1);
    raw_channel_close(&channel);
    assert_true(attacked_facts().begun > begun);
    attacked_is_sound();
}

/* The header says where the arena ends; the module believes the world host only. */
static void arena_does_not_grow_by_the_header(void **state)
{
    (void)state;
    struct raw_channel channel;
    struct raw_channel other;
    attacked_or_skip();
    raw_channel_ready(&channel, attacked.socket);
    raw_channel_ready(&other, attacked.socket);
    memset(other.arena, 0x5a, other.arena_size);
    channel.header->arena_size = CLO_ARENA_MAX;
    channel.header->arena_offset = 0;
    channel.header->ring_size = UINT32_MAX;
    struct clo_submission echo = raw_echo(&channel, 0, 64);
    echo.parameter[0].a = channel.arena_size + CLO_ARENA_OFFSET;
    raw_submit(&channel, &echo);
    expect_broken(&channel, "arena", CLO_BROKEN_PARAMETER);
    for (size_t i = 0; i < channel.arena_size; i++)
        assert_int_equal(channel.arena[i], 0);
    raw_channel_close(&channel);
    raw_channel_close(&other);
    attacked_is_sound();
}

/* N5: the module works on copies, so the input is what it was however the output is written. */
static void one_buffer_as_input_and_output_is_copied(void **state)
{
    (void)state;
    struct raw_channel channel;
    attacked_or_skip();
    raw_channel_ready(&channel, attacked.socket);
    struct clo_submission echo = raw_echo(&channel, 0, WITNESS_MOST);
    echo.parameter[1].a = 0;
    for (size_t i = 0; i < WITNESS_MOST; i++)
        channel.arena[i] = (uint8_t)(i * 7);
    assert_int_equal(raw_call(&channel, &echo), CLOISTER_OK);
    for (size_t i = 0; i < WITNESS_MOST; i++)
        assert_int_equal(channel.arena[i], (uint8_t)(i * 7));
    raw_channel_close(&channel);
    attacked_is_sound();
}

/* N3: parameters that the method does not declare */

static void parameters_that_are_not_declared_never_reach_the_module(void **state)
{
    (void)state;
    struct raw_channel channel;
    attacked_or_skip();
    raw_channel_ready(&channel, attacked.socket);
    uint64_t begun = attacked_facts().begun;
    for (uint32_t kinds = 0; kinds < 0x10000; kinds += 0x11) {
        struct clo_submission call = {.kinds = (uint16_t)kinds};
        unsigned plain = kinds & 0x7777u;
        if (plain == ECHO_KINDS || plain == CLO_PARAM_IN)
            continue;
        for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
            call.parameter[i].a = (kinds >> 4 * i & 15) ? 64ull * i : 0;
        int status = raw_call(&channel, &call);
        if (status == CLOISTER_BAD_ARGUMENT)
            continue;
        assert_int_equal(status, -1); /* the ring is broken: so is the kind */
        raw_channel_close(&channel);
        raw_channel_ready(&channel, attacked.socket);
    }
    struct clo_submission large = raw_echo(&channel, 0, WITNESS_MOST + 1);
    large.parameter[1] = (struct clo_parameter){0};
    assert_int_equal(raw_call(&channel, &large), CLOISTER_TOO_BIG);
    large = raw_echo(&channel, 0, 64);
    large.parameter[0] = (struct clo_parameter){0};
    large.parameter[1] = (struct clo_parameter){.b = WITNESS_MOST + 1};
    assert_int_equal(raw_call(&channel, &large), CLOISTER_TOO_BIG);
    assert_int_equal(attacked_facts().begun, begun);
    raw_channel_close(&channel);
    attacked_is_sound();
}

static void unknown_methods_are_not_found(void **state)
{
    (void)state;
    struct raw_channel channel;
    attacked_or_skip();
    raw_channel_ready(&channel, attacked.socket);
    for (uint32_t method = 4; method < CLO_METHOD_OPEN; method += method < 300 ? 1 : 251) {
        struct clo_submission call = raw_plain((uint16_t)method, 0);
        assert_int_equal(raw_call(&channel, &call), CLOISTER_NOT_FOUND);
    }
    raw_channel_close(&channel);
    attacked_is_sound();
}

/* N4 and N7: sessions */

static int in_session(struct raw_channel *channel, uint16_t method, uint16_t session)
{
    struct clo_submission call =
        method < CLO_METHOD_OPEN ? raw_echo(channel, session, 64) : raw_plain(method, session);
    return raw_call(channel, &call);
}

static void sessions_that_are_not_open_serve_nobody(void **state)
{
    (void)state;
    struct raw_channel channel;
    struct raw_channel other;
    attacked_or_skip();
    raw_channel_ready(&other, attacked.socket);
    assert_int_equal(in_session(&other, CLO_METHOD_OPEN, 7), CLOISTER_OK);
    assert_int_equal(raw_channel_open(&channel, attacked.socket, "witness", ARENA), CLOISTER_OK);
    /* Before the first one is open, and other clients' by guessing. */
    for (uint32_t session = 0; session < CLO_SESSIONS_MAX; session++) {
        assert_int_equal(in_session(&channel, 0, (uint16_t)session), CLOISTER_BAD_STATE);
        assert_int_equal(in_session(&channel, CLO_METHOD_CLOSE, (uint16_t)session),
                         CLOISTER_BAD_STATE);
    }
    for (uint32_t session = CLO_SESSIONS_MAX; session < 0x10000; session += 97) {
        assert_int_equal(in_session(&channel, 0, (uint16_t)session), CLOISTER_LIMIT);
        assert_int_equal(in_session(&channel, CLO_METHOD_OPEN, (uint16_t)session), CLOISTER_LIMIT);
    }
    assert_int_equal(in_session(&other, 0, 7), CLOISTER_OK);
    raw_channel_close(&other);
    raw_channel_close(&channel);
    attacked_is_sound();
}

static void sessions_open_and_close_once(void **state)
{
    (void)state;
    struct raw_channel channel;
    attacked_or_skip();
    assert_int_equal(raw_channel_open(&channel, attacked.socket, "witness", ARENA), CLOISTER_OK);
    struct witness_facts before = attacked_facts();
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(in_session(&channel, CLO_METHOD_OPEN, 63), CLOISTER_OK);
        assert_int_equal(in_session(&channel, CLO_METHOD_OPEN, 63), CLOISTER_BAD_STATE);
        assert_int_equal(in_session(&channel, 0, 63), CLOISTER_OK);
        assert_int_equal(in_session(&channel, CLO_METHOD_CLOSE, 63), CLOISTER_OK);
        assert_int_equal(in_session(&channel, CLO_METHOD_CLOSE, 63), CLOISTER_BAD_STATE);
        assert_int_equal(in_session(&channel, 0, 63), CLOISTER_BAD_STATE);
    }
    struct witness_facts after = attacked_facts();
    /* One of each is the question's own. */
    assert_int_equal(after.opened - before.opened, 101);
    assert_int_equal(after.closed - before.closed, 101);
    raw_channel_close(&channel);
    attacked_is_sound();
}

static void opening_with_parameters_is_refused(void **state)
{
    (void)state;
    struct raw_channel channel;
    attacked_or_skip();
    raw_channel_ready(&channel, attacked.socket);
    struct clo_submission open = raw_plain(CLO_METHOD_OPEN, 1);
    open.kinds = CLO_PARAM_IN;
    assert_int_equal(raw_call(&channel, &open), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(in_session(&channel, 0, 1), CLOISTER_BAD_STATE);
    raw_channel_close(&channel);
    attacked_is_sound();
}

/* N4 and N6: while a call runs */

static void session_closed_during_its_call_ends_after_it(void **state)
{
    (void)state;
    struct raw_channel channel;
    struct clo_completion completion;
    attacked_or_skip();
    raw_channel_ready(&channel, attacked.socket);
    struct clo_submission slow = raw_slow(0, 20000);
    struct clo_submission close_it = raw_plain(CLO_METHOD_CLOSE, 0);
    struct clo_submission echo = raw_echo(&channel, 0, 64);
    static const int wanted[] = {CLOISTER_OK, CLOISTER_OK, CLOISTER_BAD_STATE};
    raw_submit(&channel, &slow);
    raw_submit(&channel, &close_it);
    raw_submit(&channel, &echo);
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        assert_true(raw_wait(&channel, &completion));
        assert_int_equal(completion.submission, i + 1 + 1);
        assert_int_equal(completion.status, wanted[i]);
    }
    raw_channel_close(&channel);
    attacked_is_sound();
}

/* Every word of the header that is not ours to write, and those of calls to come. */
static void scribble(struct raw_channel *channel, uint32_t pattern)
{
    uint32_t *words = (uint32_t *)(void *)channel->header;
    for (size_t i = 0; i < sizeof *channel->header / sizeof *words; i++)
        if (&words[i] != &channel->header->state && i < 64)
            __atomic_store_n(&words[i], pattern + (uint32_t)i, __ATOMIC_RELAXED);
}

static void one_call_runs_at_a_time_whatever_is_submitted_meanwhile(void **state)
{
    (void)state;
    struct raw_channel channel[3];
    struct clo_completion completion;
    attacked_or_skip();
    for (size_t c = 0; c < ARRAY_SIZE(channel); c++)
        raw_channel_ready(&channel[c], attacked.socket);
    struct clo_submission slow = raw_slow(0, 500);
    for (unsigned i = 0; i < CLO_RING_SIZE - 1; i++)
        for (size_t c = 0; c < ARRAY_SIZE(channel); c++) {
            raw_submit(&channel[c], &slow);
            scribble(&channel[c], i);
        }
    for (size_t c = 0; c < ARRAY_SIZE(channel); c++) {
        for (unsigned i = 0; i < CLO_RING_SIZE - 1; i++) {
            assert_true(raw_wait(&channel[c], &completion));
            assert_int_equal(completion.status, CLOISTER_OK);
        }
        raw_channel_close(&channel[c]);
    }
    attacked_is_sound();
}

/* Nobody waits for more than one call of each other client of the thread. */
static void flood_of_calls_leaves_every_client_its_turn(void **state)
{
    (void)state;
    struct raw_channel flood;
    struct raw_channel honest;
    struct clo_completion completion;
    uint32_t total = 0;
    attacked_or_skip();
    raw_channel_ready(&flood, attacked.socket);
    raw_channel_ready(&honest, attacked.socket);
    struct clo_submission slow = raw_slow(0, 200);
    for (unsigned i = 0; i < CALLS_OF_A_FLOOD; i++) {
        while (flood.submitted - flood.completed < CLO_RING_SIZE - 1)
            raw_submit(&flood, &slow);
        assert_true(raw_wait(&flood, &completion));
        uint32_t before = flood.completed;
        struct clo_submission echo = raw_echo(&honest, 0, 64);
        assert_int_equal(raw_call(&honest, &echo), CLOISTER_OK);
        while (flood.completions[flood.completed % CLO_RING_SIZE].turn == flood.completed + 1)
            flood.completed++;
        total += flood.completed - before;
    }
    print_message("%u calls of the flood to %u of the honest client\n", total, CALLS_OF_A_FLOOD);
    assert_in_range(total, 0, FLOOD_MOST * CALLS_OF_A_FLOOD);
    raw_channel_close(&flood);
    raw_channel_close(&honest);
    attacked_is_sound();
}

/* Completions that nobody reads are the loss of whoever does not read them. */
static void client_that_never_reads_completions_harms_nobody(void **state)
{
    (void)state;
    struct raw_channel channel;
    attacked_or_skip();
    uint64_t begun = attacked_facts().begun;
    struct neighbour *neighbour = neighbour_start();
    raw_channel_ready(&channel, attacked.socket);
    struct clo_submission echo = raw_echo(&channel, 0, 4096);
    for (unsigned lap = 0; lap < 200; lap++) {
        for (unsigned i = 0; i < CLO_RING_SIZE; i++)
            raw_submit(&channel, &echo);
        /* Not one of them is looked at but the last, so that laps do not mix. */
        channel.completed = channel.submitted - 1;
        struct clo_completion completion;
        assert_true(raw_wait(&channel, &completion));
    }
    neighbour_goes_on(neighbour, 100);
    raw_channel_close(&channel);
    neighbour_stop(neighbour);
    assert_true(attacked_facts().begun >= begun + 200 * CLO_RING_SIZE);
    attacked_is_sound();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_broken_submission_ends_its_channel_with_the_reason),
        cmocka_unit_test(wrong_turn_ends_its_channel),
        cmocka_unit_test(broken_channel_stays_broken),
        cmocka_unit_test(arena_does_not_grow_by_the_header),
        cmocka_unit_test(one_buffer_as_input_and_output_is_copied),
        cmocka_unit_test(parameters_that_are_not_declared_never_reach_the_module),
        cmocka_unit_test(unknown_methods_are_not_found),
        cmocka_unit_test(sessions_that_are_not_open_serve_nobody),
        cmocka_unit_test(sessions_open_and_close_once),
        cmocka_unit_test(opening_with_parameters_is_refused),
        cmocka_unit_test(session_closed_during_its_call_ends_after_it),
        cmocka_unit_test(one_call_runs_at_a_time_whatever_is_submitted_meanwhile),
        cmocka_unit_test(flood_of_calls_leaves_every_client_its_turn),
        cmocka_unit_test(client_that_never_reads_completions_harms_nobody),
    };
    return cmocka_run_group_tests(tests, attacked_start, attacked_stop);
}

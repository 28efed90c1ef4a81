/*
 * The client's side of a channel against module sides of every kind, on ordinary memory. The module
 * sleeps when a call comes, so that the doorbell is where it acts: no threads but in the last test.
 */
#include "tests/unit/client_channel.h"

/* The call that has just come. */
static void echo(struct fixture *f)
{
    echo_one(f, (uint32_t)f->session.ring.submitted);
}

static void answer_nothing(struct fixture *f)
{
    struct clo_completion *out = next_answer(f);
    out->submission = (uint32_t)f->session.ring.submitted;
    publish_answer(f, out);
}

static void answer_and_die(struct fixture *f)
{
    echo(f);
    die(f);
}

static cloister_result call_echo(struct fixture *f, const void *in, size_t size, void *out,
                                 size_t capacity, size_t *made)
{
    cloister_parameter p[4] = {cloister_in(in, size), cloister_out(out, capacity)};
    cloister_result result = cloister_call(&f->session, "echo", p, DEADLINE_US);
    *made = p[1].size;
    return result;
}

static void expect_echo_fails(struct fixture *f, cloister_status status, int origin)
{
    char out[32] = "untouched";
    size_t made = 99;
    expect_result(call_echo(f, "abc", 3, out, sizeof out, &made), status, origin);
    assert_int_equal(made, 0);
    assert_string_equal(out, "untouched");
}

static void expect_echo_works(struct fixture *f, size_t size)
{
    uint8_t in[20000];
    uint8_t out[20000];
    size_t made;
    for (size_t i = 0; i < size; i++)
        in[i] = (uint8_t)(i * 7 + size);
    cloister_result result = call_echo(f, in, size, out, sizeof out, &made);
    expect_result(result, CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    assert_int_equal(made, size);
    assert_memory_equal(in, out, size);
}

static void small_buffers_travel_in_the_entry(void **state)
{
    struct fixture *f = *state;
    char out[48];
    size_t made;
    f->answer = echo;
    expect_result(call_echo(f, "hello", 5, out, sizeof out, &made), CLOISTER_OK, 0);
    assert_int_equal(made, 5);
    assert_memory_equal(out, "hello", 5);
    struct clo_submission *entry = submission_of(f, 1);
    assert_int_equal(entry->kinds, (CLO_PARAM_BUFFER_IN | CLO_PARAM_INLINE) |
                                       (CLO_PARAM_BUFFER_OUT | CLO_PARAM_INLINE) << 4);
    assert_int_equal(entry->inline_in, 5);
    assert_int_equal(entry->inline_out, 48);
}

static void large_buffers_travel_in_the_arena(void **state)
{
    struct fixture *f = *state;
    f->answer = echo;
    expect_echo_works(f, 49);
    expect_echo_works(f, 20000);
    struct clo_submission *entry = submission_of(f, 2);
    assert_int_equal(word_of(entry, 0).a % CLO_ARENA_ALIGN, 0);
    assert_int_equal(word_of(entry, 1).a % CLO_ARENA_ALIGN, 0);
    assert_int_equal(word_of(entry, 1).b, 20000);
}

static void expect_clean_arena(const struct fixture *f)
{
    assert_true(bytes_are_zero(f->memory + CLO_ARENA_OFFSET, ARENA));
}

static void arena_is_wiped_when_a_call_ends(void **state)
{
    struct fixture *f = *state;
    f->answer = echo;
    expect_echo_works(f, 20000);
    expect_clean_arena(f);
}

/* Makes as many bytes as the output has room for. */
static void answer_filled(struct fixture *f)
{
    struct clo_submission *in = submission_of(f, (uint32_t)f->session.ring.submitted);
    struct clo_completion *out = next_answer(f);
    out->submission = in->turn;
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
        if ((in->kinds >> (4 * i) & 15u) == CLO_PARAM_BUFFER_OUT) {
            struct clo_parameter room = word_of(in, i);
            memset(f->memory + CLO_ARENA_OFFSET + room.a, 0x5a, room.b);
            set_word(in, out, i, (struct clo_parameter){.b = room.b});
        }
    publish_answer(f, out);
}

static void call_filled(struct fixture *f, unsigned method, size_t in, size_t out)
{
    static uint8_t input[8192];
    static uint8_t output[8192];
    uint8_t *behind = f->memory + CLO_ARENA_OFFSET + sizeof output; /* another call's */
    memset(input, 0xa5, sizeof input);
    *behind = 1;
    cloister_parameter p[4] = {cloister_in(input, in), cloister_out(output, out)};
    expect_result(cloister_call_number(&f->session, method, p, DEADLINE_US), CLOISTER_OK, 0);
    assert_int_equal(p[1].size, out);
    assert_int_equal(output[out - 1], 0x5a);
    assert_int_equal(*behind, 1);
    *behind = 0;
    expect_clean_arena(f);
}

/* Alone, which has a way of its own, and on a session that threads share. */
static void output_takes_the_place_of_the_input(void **state)
{
    struct fixture *f = *state;
    f->answer = answer_filled;
    for (int shared = 0; shared < 2; shared++) {
        if (shared)
            assert_int_equal(cloister_session_share(&f->session), CLOISTER_OK);
        call_filled(f, ECHO, 300, 200);
        call_filled(f, ECHO, 200, 8192);
        call_filled(f, ECHO, 64, 64);
    }
    for (uint32_t turn = 1; turn <= 6; turn++) {
        assert_int_equal(word_of(submission_of(f, turn), 0).a, 0);
        assert_int_equal(word_of(submission_of(f, turn), 1).a, 0);
    }
}

/* The words of `turn` lie in the line, or all in the second one. */
static void expect_words(struct fixture *f, uint32_t turn, bool in_line)
{
    struct clo_submission *entry = submission_of(f, turn);
    assert_int_equal(entry->inline_in == CLO_WORDS_IN_LINE, in_line);
    assert_int_equal(bytes_are_zero(entry->parameter, sizeof entry->parameter), in_line);
}

static void words_travel_in_the_line_if_they_fit(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[4096];
    char small[20];
    size_t made;
    for (int shared = 0; shared < 2; shared++) {
        uint32_t turn = (uint32_t)f->session.ring.submitted;
        if (shared)
            assert_int_equal(cloister_session_share(&f->session), CLOISTER_OK);
        f->answer = answer_filled;
        call_filled(f, ECHO, 300, 200);
        expect_words(f, ++turn, true);
        f->answer = answer_nothing;
        expect_result(call_echo(f, bytes, 300, bytes, 20, &made), CLOISTER_OK, 0);
        expect_words(f, ++turn, true); /* the output is inline */
        f->answer = echo;
        expect_result(call_echo(f, small, 20, bytes, 300, &made), CLOISTER_OK, 0);
        expect_words(f, ++turn, false); /* the input is */
    }
}

static void expect_apart(struct fixture *f, unsigned method)
{
    f->answer = answer_filled;
    call_filled(f, method, 300, 200);
    assert_int_equal(cloister_session_share(&f->session), CLOISTER_OK);
    call_filled(f, method, 300, 200);
    for (uint32_t turn = 1; turn <= 2; turn++) {
        assert_int_equal(word_of(submission_of(f, turn), 0).a, 0);
        assert_int_equal(word_of(submission_of(f, turn), 1).a, 320);
    }
}

static void zero_copy_buffers_lie_apart(void **state)
{
    expect_apart(*state, ZERO_COPY);
}

static void older_module_gets_buffers_apart_and_words_in_the_second_line(void **state)
{
    struct fixture *f = *state;
    f->session.module.abi_minor = CLO_LEAN_MINOR - 1;
    session_plan(&f->session);
    expect_apart(f, ECHO);
    expect_words(f, 1, false);
    expect_words(f, 2, false);
}

static void each_place_in_the_arena_is_shared_once(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[4096];
    cloister_parameter p[4] = {cloister_out(bytes, 1000), cloister_in(bytes, 100),
                               cloister_out(bytes, 100), cloister_in(bytes, 1000)};
    f->answer = answer_filled;
    expect_result(cloister_call_number(&f->session, OUT_FIRST, p, DEADLINE_US), CLOISTER_OK, 0);
    static const uint64_t expected[] = {0, 0, 1024, 1024};
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
        assert_int_equal(submission_of(f, 1)->parameter[i].a, expected[i]);
    expect_clean_arena(f);
}

static void arena_that_nobody_reserved_is_no_buffer(void **state)
{
    struct fixture *f = *state;
    char out[200];
    cloister_parameter p[4] = {cloister_in(f->memory + CLO_ARENA_OFFSET, 100),
                               cloister_out(out, sizeof out)};
    expect_result(cloister_call(&f->session, "echo", p, DEADLINE_US), CLOISTER_BAD_ARGUMENT,
                  CLOISTER_ORIGIN_CLIENT);
}

static void only_one_output_is_inline(void **state)
{
    struct fixture *f = *state;
    char a[48];
    char b[48];
    cloister_parameter p[4] = {cloister_out(a, sizeof a), cloister_out(b, sizeof b)};
    f->answer = answer_nothing;
    expect_result(cloister_call(&f->session, "two", p, DEADLINE_US), CLOISTER_OK, 0);
    assert_int_equal(submission_of(f, 1)->kinds,
                     CLO_PARAM_BUFFER_OUT | CLO_PARAM_INLINE | CLO_PARAM_BUFFER_OUT << 4);
}

static void answer_values(struct fixture *f)
{
    struct clo_submission *in = submission_of(f, (uint32_t)f->session.ring.submitted);
    struct clo_completion *out = next_answer(f);
    out->submission = in->turn;
    struct clo_parameter first = word_of(in, 0);
    struct clo_parameter third = word_of(in, 2);
    set_word(in, out, 1, (struct clo_parameter){first.a + 1, first.b + 1});
    set_word(in, out, 2, (struct clo_parameter){third.b, third.a});
    publish_answer(f, out);
}

static void values_go_both_ways(void **state)
{
    struct fixture *f = *state;
    cloister_parameter p[4] = {cloister_value(1, 2), cloister_value_out(), cloister_value(5, 6)};
    p[2].kind = CLO_PARAM_INOUT;
    f->answer = answer_values;
    expect_result(cloister_call(&f->session, "values", p, DEADLINE_US), CLOISTER_OK, 0);
    assert_int_equal(p[1].a, 2);
    assert_int_equal(p[1].b, 3);
    assert_int_equal(p[2].a, 6);
    assert_int_equal(p[2].b, 5);
}

static void grow_in_place(struct fixture *f)
{
    struct clo_submission *in = submission_of(f, (uint32_t)f->session.ring.submitted);
    struct clo_completion *out = next_answer(f);
    uint8_t *at = f->memory + CLO_ARENA_OFFSET + word_of(in, 0).a;
    size_t size = word_of(in, 0).b & UINT32_MAX;
    memcpy(at + size, at, size);
    out->submission = in->turn;
    set_word(in, out, 0, (struct clo_parameter){.b = 2 * size});
    publish_answer(f, out);
}

static void in_out_buffer_says_size_and_capacity(void **state)
{
    struct fixture *f = *state;
    char buffer[200] = "0123456789";
    cloister_parameter p[4] = {cloister_inout(buffer, 10, sizeof buffer)};
    f->answer = grow_in_place;
    expect_result(cloister_call(&f->session, "inout", p, DEADLINE_US), CLOISTER_OK, 0);
    assert_int_equal(word_of(submission_of(f, 1), 0).b, 10 | 200ull << 32);
    assert_int_equal(p[0].size, 20);
    assert_memory_equal(buffer, "01234567890123456789", 20);
}

static void own_status(struct clo_completion *answer)
{
    answer->status = 0x8123;
    answer->origin = CLOISTER_ORIGIN_MODULE;
}

static void module_status_and_origin_reach_the_caller(void **state)
{
    struct fixture *f = *state;
    f->answer = answer_nothing;
    f->spoil = own_status;
    cloister_result result = cloister_call(&f->session, "plain", NULL, DEADLINE_US);
    assert_int_equal(result.status, 0x8123);
    assert_int_equal(result.origin, CLOISTER_ORIGIN_MODULE);
}

static void refuse_as_module(struct clo_completion *answer)
{
    answer->status = CLOISTER_REFUSED;
    answer->origin = CLOISTER_ORIGIN_MODULE;
}

static void failed_call_makes_no_bytes(void **state)
{
    struct fixture *f = *state;
    f->answer = echo;
    f->spoil = refuse_as_module;
    expect_echo_fails(f, CLOISTER_REFUSED, CLOISTER_ORIGIN_MODULE);
}

/* What is wrong with the caller's parameters never reaches the module. */

static void wrong_parameters_are_refused_before_they_are_sent(void **state)
{
    struct fixture *f = *state;
    char b[64] = "";
    static char large[40000];
    struct {
        const char *method;
        cloister_parameter p[4];
        cloister_status status;
    } cases[] = {
        {"none", {{0}}, CLOISTER_NOT_FOUND},
        {"", {{0}}, CLOISTER_NOT_FOUND},
        {"echo", {{0}}, CLOISTER_BAD_ARGUMENT},
        {"echo", {cloister_in(b, 5)}, CLOISTER_BAD_ARGUMENT},
        {"echo", {cloister_out(b, 5), cloister_in(b, 5)}, CLOISTER_BAD_ARGUMENT},
        {"echo", {cloister_in(b, 0), cloister_out(b, 5)}, CLOISTER_BAD_ARGUMENT},
        {"echo", {cloister_in(NULL, 5), cloister_out(b, 5)}, CLOISTER_BAD_ARGUMENT},
        {"echo", {cloister_in(b, 5), cloister_out(NULL, 5)}, CLOISTER_BAD_ARGUMENT},
        {"echo", {cloister_in(large, sizeof large), cloister_out(b, 5)}, CLOISTER_TOO_BIG},
        {"echo", {cloister_in(b, SIZE_MAX), cloister_out(b, 5)}, CLOISTER_TOO_BIG},
        {"echo",
         {cloister_in(b, 5), cloister_out(b, 5), cloister_value(1, 2)},
         CLOISTER_BAD_ARGUMENT},
        {"plain", {cloister_value(1, 2)}, CLOISTER_BAD_ARGUMENT},
        {"values", {cloister_in(b, 5)}, CLOISTER_BAD_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cloister_result result =
            cloister_call(&f->session, cases[i].method, cases[i].p, DEADLINE_US);
        expect_result(result, cases[i].status, CLOISTER_ORIGIN_CLIENT);
    }
    assert_int_equal(f->session.ring.submitted, 0);
}

static void unknown_method_number_is_refused(void **state)
{
    struct fixture *f = *state;
    unsigned count = sizeof methods / sizeof *methods;
    expect_result(cloister_call_number(&f->session, count, NULL, 0), CLOISTER_NOT_FOUND,
                  CLOISTER_ORIGIN_CLIENT);
    expect_result(cloister_call_number(&f->session, UINT32_MAX, NULL, 0), CLOISTER_NOT_FOUND,
                  CLOISTER_ORIGIN_CLIENT);
}

static void buffers_larger_than_the_arena_are_refused(void **state)
{
    struct fixture *f = *state;
    static uint8_t in[32768];
    static uint8_t out[32768];
    size_t made;
    f->session.ring.in_flight.arena.size = 4096;
    expect_result(call_echo(f, in, sizeof in, out, sizeof out, &made), CLOISTER_TOO_BIG,
                  CLOISTER_ORIGIN_CLIENT);
    f->answer = echo;
    expect_result(call_echo(f, in, 100, out, 100, &made), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
}

/* Hostile completions: the channel is over, nothing was written, nothing was read out of bounds. */

static void hostile_completions_end_the_channel(void **state)
{
    for (size_t i = 0; i < SPOILERS; i++) {
        struct fixture *f = *state;
        f->answer = echo;
        f->spoil = spoilers[i];
        expect_echo_fails(f, CLOISTER_PROTOCOL, CLOISTER_ORIGIN_TRANSPORT);
        f->spoil = NULL;
        expect_echo_fails(f, CLOISTER_PROTOCOL, CLOISTER_ORIGIN_TRANSPORT);
        assert_int_equal(tear_down(state), 0);
        assert_int_equal(set_up(state), 0);
    }
}

/* In the line and in the second one, wherever the client will look. */
static void spoil_size(struct clo_completion *answer, unsigned i, uint64_t size)
{
    const struct clo_parameter word = {.b = size};
    answer->parameter[i] = word;
    memcpy(answer->data + i * sizeof word, &word, sizeof word);
}

static void spoil_arena_size(struct clo_completion *answer)
{
    spoil_size(answer, 1, 101);
}
static void spoil_arena_size_greatly(struct clo_completion *answer)
{
    spoil_size(answer, 1, UINT64_MAX);
}

static void expect_arena_output_refused(struct fixture *f, void (*spoil)(struct clo_completion *))
{
    uint8_t in[100] = {1};
    uint8_t out[100] = {2};
    size_t made;
    f->answer = echo;
    f->spoil = spoil;
    expect_result(call_echo(f, in, sizeof in, out, sizeof out, &made), CLOISTER_PROTOCOL,
                  CLOISTER_ORIGIN_TRANSPORT);
    assert_int_equal(made, 0);
    assert_int_equal(out[0], 2);
    f->spoil = NULL;
    expect_echo_fails(f, CLOISTER_PROTOCOL, CLOISTER_ORIGIN_TRANSPORT);
}

static void more_arena_output_than_room_ends_the_channel(void **state)
{
    expect_arena_output_refused(*state, spoil_arena_size);
}

static void huge_arena_output_ends_the_channel(void **state)
{
    expect_arena_output_refused(*state, spoil_arena_size_greatly);
}

static void spoil_in_place_size(struct clo_completion *answer)
{
    spoil_size(answer, 0, 101);
}
static void spoil_in_place_size_greatly(struct clo_completion *answer)
{
    spoil_size(answer, 0, UINT64_MAX);
}

/* Not a pair of buffers, so that it takes the long way. */
static void more_in_place_than_room_ends_the_channel(void **state)
{
    void (*const spoils[])(struct clo_completion *) = {spoil_in_place_size,
                                                       spoil_in_place_size_greatly};
    for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
        struct fixture *f = *state;
        char buffer[101] = "0123456789";
        cloister_parameter p[4] = {cloister_inout(buffer, 10, sizeof buffer - 1)};
        buffer[100] = 'n';
        f->answer = grow_in_place;
        f->spoil = spoils[i];
        expect_result(cloister_call(&f->session, "inout", p, DEADLINE_US), CLOISTER_PROTOCOL,
                      CLOISTER_ORIGIN_TRANSPORT);
        assert_int_equal(p[0].size, 0);
        assert_string_equal(buffer, "0123456789");
        assert_int_equal(buffer[100], 'n');
        f->spoil = NULL;
        expect_echo_fails(f, CLOISTER_PROTOCOL, CLOISTER_ORIGIN_TRANSPORT);
        assert_int_equal(tear_down(state), 0);
        assert_int_equal(set_up(state), 0);
    }
}

static void answer_unasked(struct fixture *f)
{
    echo(f);
    echo(f);
}

static void second_completion_of_a_call_ends_the_channel(void **state)
{
    struct fixture *f = *state;
    f->answer = answer_unasked;
    expect_echo_works(f, 5);
    f->answer = NULL;
    expect_echo_fails(f, CLOISTER_PROTOCOL, CLOISTER_ORIGIN_TRANSPORT);
}

static void answer_with_wrong_turn(struct fixture *f)
{
    f->answered += 7;
    echo(f);
    f->answered -= 8;
}

static void completion_with_a_wrong_turn_is_none(void **state)
{
    struct fixture *f = *state;
    f->answer = answer_with_wrong_turn;
    expect_echo_fails(f, CLOISTER_TIMEOUT, CLOISTER_ORIGIN_CLIENT);
}

static void ring_forward_wake_word(struct fixture *f)
{
    f->header->client_wake++;
    f->header->client_parked = 77;
}

static void forged_wake_words_do_not_stop_the_deadline(void **state)
{
    struct fixture *f = *state;
    f->answer = ring_forward_wake_word;
    expect_echo_fails(f, CLOISTER_TIMEOUT, CLOISTER_ORIGIN_CLIENT);
}

/* Calls whose caller gave up. */

static void answer_late(struct fixture *f, uint32_t turn)
{
    struct clo_completion *out = next_answer(f);
    out->submission = turn;
    publish_answer(f, out);
}

static void late_completion_is_ignored(void **state)
{
    struct fixture *f = *state;
    expect_echo_fails(f, CLOISTER_TIMEOUT, CLOISTER_ORIGIN_CLIENT);
    answer_late(f, 1);
    f->answer = echo;
    expect_echo_works(f, 30);
    expect_echo_works(f, 3000);
    assert_int_equal(__builtin_popcountll(f->session.ring.in_flight.used), 0);
}

static void session_is_usable_before_the_late_completion(void **state)
{
    struct fixture *f = *state;
    expect_echo_fails(f, CLOISTER_TIMEOUT, CLOISTER_ORIGIN_CLIENT);
    f->answer = echo;
    for (int i = 0; i < 60; i++)
        expect_echo_works(f, 30);
    assert_int_equal(__builtin_popcountll(f->session.ring.in_flight.used), 1);
    answer_late(f, 1);
    for (int i = 0; i < 200; i++)
        expect_echo_works(f, 30);
    assert_int_equal(__builtin_popcountll(f->session.ring.in_flight.used), 0);
}

static void time_out_with_arena(struct fixture *f, size_t size)
{
    static uint8_t bytes[32768];
    size_t made;
    memset(bytes, 0x5a, sizeof bytes);
    f->answer = NULL;
    expect_result(call_echo(f, bytes, size, bytes, size, &made), CLOISTER_TIMEOUT,
                  CLOISTER_ORIGIN_CLIENT);
}

static void abandoned_arena_is_not_used_again(void **state)
{
    struct fixture *f = *state;
    time_out_with_arena(f, 16384);
    f->answer = echo;
    expect_echo_works(f, 1000);
    assert_int_equal(word_of(submission_of(f, 2), 0).a, 16384);
    assert_int_equal(f->memory[CLO_ARENA_OFFSET], 0x5a);
    answer_late(f, 1);
    expect_echo_works(f, 1000);
    assert_true(bytes_are_zero(f->memory + CLO_ARENA_OFFSET, 32768));
}

static void full_arena_of_abandoned_calls_times_out(void **state)
{
    struct fixture *f = *state;
    time_out_with_arena(f, 32768);
    time_out_with_arena(f, 32768);
    time_out_with_arena(f, 1000);
    assert_int_equal(f->session.ring.submitted, 2);
    answer_late(f, 1);
    f->answer = echo;
    expect_echo_works(f, 1000);
}

static void full_ring_of_abandoned_calls_times_out(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < CLO_RING_SIZE + 3; i++)
        expect_echo_fails(f, CLOISTER_TIMEOUT, CLOISTER_ORIGIN_CLIENT);
    assert_int_equal(f->session.ring.submitted, CLO_RING_SIZE);
    for (unsigned i = 0; i < CLO_RING_SIZE; i++)
        answer_late(f, i + 1);
    f->answer = echo;
    expect_echo_works(f, 30);
}

/* The end of the channel. */

static void expect_state(struct fixture *f, uint32_t channel_state, cloister_status status,
                         int origin)
{
    f->answer = echo;
    shared_set(&f->header->state, channel_state);
    expect_echo_fails(f, status, origin);
}

static void dead_module_is_reported(void **state)
{
    expect_state(*state, CLO_CHANNEL_DEAD, CLOISTER_DEAD, CLOISTER_ORIGIN_WORLD);
}

static void closed_channel_is_reported(void **state)
{
    expect_state(*state, CLO_CHANNEL_CLOSED, CLOISTER_CLOSED, CLOISTER_ORIGIN_WORLD);
}

static void broken_channel_is_reported(void **state)
{
    expect_state(*state, CLO_CHANNEL_BROKEN, CLOISTER_PROTOCOL, CLOISTER_ORIGIN_MODULE);
}

static void unknown_state_is_reported(void **state)
{
    expect_state(*state, 77, CLOISTER_PROTOCOL, CLOISTER_ORIGIN_TRANSPORT);
}

static void death_during_a_call_ends_it(void **state)
{
    struct fixture *f = *state;
    cloister_parameter p[4] = {cloister_in("x", 1), cloister_out(NULL, 0)};
    f->answer = die;
    expect_result(cloister_call(&f->session, "echo", p, 0), CLOISTER_DEAD, CLOISTER_ORIGIN_WORLD);
}

static void answer_before_death_counts(void **state)
{
    struct fixture *f = *state;
    f->answer = answer_and_die;
    expect_echo_works(f, 30);
    expect_echo_fails(f, CLOISTER_DEAD, CLOISTER_ORIGIN_WORLD);
}

static void hang_up(struct fixture *f)
{
    f->connected = false;
}

static void world_that_vanished_is_noticed_without_a_deadline(void **state)
{
    struct fixture *f = *state;
    cloister_parameter p[4] = {cloister_in("x", 1), cloister_out(NULL, 0)};
    f->answer = hang_up;
    expect_result(cloister_call(&f->session, "echo", p, 0), CLOISTER_DEAD,
                  CLOISTER_ORIGIN_TRANSPORT);
}

static void spinning_client_notices_death(void **state)
{
    struct fixture *f = *state;
    f->session.ring.spin_us = 100000;
    f->answer = die;
    expect_echo_fails(f, CLOISTER_DEAD, CLOISTER_ORIGIN_WORLD);
    assert_int_equal(f->sleeps, 0);
}

/* A client that nobody can wake. */

static void answer_at_the_third_sleep(void *context, uint32_t *word, uint32_t value,
                                      uint64_t timeout_us)
{
    struct fixture *f = context;
    sleep_a_little(context, word, value, timeout_us);
    if (f->sleeps == 3)
        echo(f);
}

static void polling_client_sees_the_answer_after_a_sleep(void **state)
{
    struct fixture *f = *state;
    char out[10];
    cloister_parameter p[4] = {cloister_in("0123456789", 10), cloister_out(out, sizeof out)};
    f->session.ring.peer.polls = true;
    f->session.ring.peer.sleep = answer_at_the_third_sleep;
    expect_result(cloister_call(&f->session, "echo", p, 0), CLOISTER_OK, CLOISTER_ORIGIN_NONE);
    assert_memory_equal(out, "0123456789", 10);
    assert_int_equal(f->sleeps, 3);
}

static void client_that_polls_without_pause_gives_up_at_its_deadline(void **state)
{
    struct fixture *f = *state;
    f->session.ring.peer.no_pause = true;
    expect_echo_fails(f, CLOISTER_TIMEOUT, CLOISTER_ORIGIN_CLIENT);
    assert_true(f->sleeps > 0);
}

static void polling_client_never_asks_to_be_woken(void **state)
{
    struct fixture *f = *state;
    f->session.ring.peer.polls = true;
    expect_echo_fails(f, CLOISTER_TIMEOUT, CLOISTER_ORIGIN_CLIENT);
    assert_true(f->sleeps > 0);
    assert_int_equal(f->parked_sleeps, 0);
}

static void client_that_can_be_woken_asks_for_it(void **state)
{
    struct fixture *f = *state;
    expect_echo_fails(f, CLOISTER_TIMEOUT, CLOISTER_ORIGIN_CLIENT);
    assert_int_equal(f->parked_sleeps, f->sleeps);
}

static void hang_up_at_the_twentieth_sleep(void *context, uint32_t *word, uint32_t value,
                                           uint64_t timeout_us)
{
    struct fixture *f = context;
    sleep_a_little(context, word, value, timeout_us);
    f->connected = f->sleeps < 20;
}

static void polling_client_sleeps_longer_and_longer_but_never_long(void **state)
{
    struct fixture *f = *state;
    cloister_parameter p[4] = {cloister_in("x", 1), cloister_out(NULL, 0)};
    f->session.ring.peer.polls = true;
    f->session.ring.peer.sleep = hang_up_at_the_twentieth_sleep;
    expect_result(cloister_call(&f->session, "echo", p, 0), CLOISTER_DEAD,
                  CLOISTER_ORIGIN_TRANSPORT);
    assert_int_equal(f->sleeps, 20);
    assert_int_equal(f->longest_sleep_us, 1000);
}

/* Details of the protocol. */

static void doorbell_rings_only_for_a_parked_module(void **state)
{
    struct fixture *f = *state;
    f->answer = echo;
    shared_set(&f->header->module_parked, 0);
    expect_echo_fails(f, CLOISTER_TIMEOUT, CLOISTER_ORIGIN_CLIENT);
    assert_int_equal(f->answered, 0);
}

static void turns_wrap(void **state)
{
    struct fixture *f = *state;
    f->session.ring.submitted = UINT32_MAX - 99;
    f->session.ring.completed = UINT32_MAX - 99;
    f->answered = UINT32_MAX - 99;
    f->answer = echo;
    for (int i = 0; i < 200; i++)
        expect_echo_works(f, 10);
    assert_true(f->session.ring.submitted == UINT32_MAX + 101ull);
}

static void endless_deadline_does_not_overflow(void **state)
{
    struct fixture *f = *state;
    cloister_parameter p[4] = {cloister_in("x", 1), cloister_out(NULL, 0)};
    f->answer = answer_nothing;
    expect_result(cloister_call(&f->session, "echo", p, UINT64_MAX), CLOISTER_OK, 0);
    expect_result(cloister_call(&f->session, "echo", p, GONE_US), CLOISTER_OK, 0);
}

static cloister_status attach(uint8_t *memory, size_t size, uint32_t arena)
{
    struct ring ring;
    const struct ring_peer peer = {0};
    return ring_attach(&ring, memory, size, arena, &peer, 1);
}

static void unsound_headers_are_refused(void **state)
{
    struct fixture *f = *state;
    struct clo_channel_header good = *f->header;
    uint32_t *const fields[] = {&f->header->magic,
                                &f->header->abi_major,
                                &f->header->ring_size,
                                &f->header->arena_offset,
                                &f->header->arena_size,
                                &f->header->reserved0,
                                (uint32_t *)(void *)f->header->pad0};
    assert_int_equal(attach(f->memory, CLO_ARENA_OFFSET + ARENA, ARENA), CLOISTER_OK);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        *fields[i] ^= 0x10000;
        assert_int_not_equal(attach(f->memory, CLO_ARENA_OFFSET + ARENA, ARENA), CLOISTER_OK);
        *f->header = good;
    }
    assert_int_equal(attach(f->memory, CLO_ARENA_OFFSET - 1, 0), CLOISTER_PROTOCOL);
    assert_int_equal(attach(f->memory, CLO_ARENA_OFFSET + ARENA - 1, ARENA), CLOISTER_PROTOCOL);
    f->header->arena_size = CLO_ARENA_MAX + 4096;
    assert_int_equal(
        attach(f->memory, CLO_ARENA_OFFSET + CLO_ARENA_MAX + 4096, CLO_ARENA_MAX + 4096),
        CLOISTER_PROTOCOL);
}

/* A module in a thread of its own that parks and wakes by the protocol: no wake-up is lost. */

struct partner {
    struct fixture *fixture;
    uint32_t calls;
    uint32_t bell;
};

static void ring_partner(void *context)
{
    struct partner *partner = context;
    shared_publish(&partner->bell, shared_read(&partner->bell) + 1);
    (void)syscall(SYS_futex, &partner->bell, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void sleep_for_good(void *context, uint32_t *word, uint32_t value, uint64_t timeout_us)
{
    (void)context;
    (void)timeout_us;
    (void)syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static bool always_connected(void *context)
{
    (void)context;
    return true;
}

static void partner_waits(struct partner *partner, uint32_t turn)
{
    struct fixture *f = partner->fixture;
    const uint32_t *word = &submission_of(f, turn)->turn;
    while (shared_read(word) != turn) {
        uint32_t bell = shared_read(&partner->bell);
        shared_publish(&f->header->module_parked, 1);
        if (shared_read(word) != turn)
            (void)syscall(SYS_futex, &partner->bell, FUTEX_WAIT, bell, NULL, NULL, 0);
        shared_publish(&f->header->module_parked, 0);
    }
}

static void *run_partner(void *context)
{
    struct partner *partner = context;
    struct fixture *f = partner->fixture;
    for (uint32_t turn = 1; turn <= partner->calls; turn++) {
        partner_waits(partner, turn);
        struct clo_submission *in = submission_of(f, turn);
        struct clo_completion *out = next_answer(f);
        out->submission = turn;
        out->inline_out = in->inline_in;
        memcpy(out->data, in->data, in->inline_in);
        publish_answer(f, out);
        if (shared_read(&f->header->client_parked) != 1)
            continue;
        shared_set(&f->header->client_parked, 0);
        shared_publish(&f->header->client_wake, shared_read(&f->header->client_wake) + 1);
        (void)syscall(SYS_futex, &f->header->client_wake, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
    return NULL;
}

static void no_wake_up_is_lost(void **state)
{
    struct fixture *f = *state;
    struct partner partner = {.fixture = f, .calls = 20000};
    pthread_t thread;
    f->session.ring.peer = (struct ring_peer){.doorbell = ring_partner,
                                              .sleep = sleep_for_good,
                                              .connected = always_connected,
                                              .context = &partner};
    assert_int_equal(pthread_create(&thread, NULL, run_partner, &partner), 0);
    for (uint32_t i = 0; i < partner.calls; i++) {
        uint32_t answer = 0;
        cloister_parameter p[4] = {cloister_in(&i, sizeof i), cloister_out(&answer, sizeof answer)};
        f->session.ring.spin_us = i % 3;
        expect_result(cloister_call_number(&f->session, ECHO, p, 0), CLOISTER_OK, 0);
        assert_int_equal(answer, i);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(small_buffers_travel_in_the_entry),
        TEST(large_buffers_travel_in_the_arena),
        TEST(arena_is_wiped_when_a_call_ends),
        TEST(output_takes_the_place_of_the_input),
        TEST(words_travel_in_the_line_if_they_fit),
        TEST(zero_copy_buffers_lie_apart),
        TEST(older_module_gets_buffers_apart_and_words_in_the_second_line),
        TEST(each_place_in_the_arena_is_shared_once),
        TEST(arena_that_nobody_reserved_is_no_buffer),
        TEST(only_one_output_is_inline),
        TEST(values_go_both_ways),
        TEST(in_out_buffer_says_size_and_capacity),
        TEST(module_status_and_origin_reach_the_caller),
        TEST(failed_call_makes_no_bytes),
        TEST(wrong_parameters_are_refused_before_they_are_sent),
        TEST(unknown_method_number_is_refused),
        TEST(buffers_larger_than_the_arena_are_refused),
        TEST(hostile_completions_end_the_channel),
        TEST(more_arena_output_than_room_ends_the_channel),
        TEST(huge_arena_output_ends_the_channel),
        TEST(more_in_place_than_room_ends_the_channel),
        TEST(second_completion_of_a_call_ends_the_channel),
        TEST(completion_with_a_wrong_turn_is_none),
        TEST(forged_wake_words_do_not_stop_the_deadline),
        TEST(late_completion_is_ignored),
        TEST(session_is_usable_before_the_late_completion),
        TEST(abandoned_arena_is_not_used_again),
        TEST(full_arena_of_abandoned_calls_times_out),
        TEST(full_ring_of_abandoned_calls_times_out),
        TEST(dead_module_is_reported),
        TEST(closed_channel_is_reported),
        TEST(broken_channel_is_reported),
        TEST(unknown_state_is_reported),
        TEST(death_during_a_call_ends_it),
        TEST(answer_before_death_counts),
        TEST(world_that_vanished_is_noticed_without_a_deadline),
        TEST(spinning_client_notices_death),
        TEST(polling_client_sees_the_answer_after_a_sleep),
        TEST(client_that_polls_without_pause_gives_up_at_its_deadline),
        TEST(polling_client_never_asks_to_be_woken),
        TEST(client_that_can_be_woken_asks_for_it),
        TEST(polling_client_sleeps_longer_and_longer_but_never_long),
        TEST(doorbell_rings_only_for_a_parked_module),
        TEST(turns_wrap),
        TEST(endless_deadline_does_not_overflow),
        TEST(unsound_headers_are_refused),
        TEST(no_wake_up_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

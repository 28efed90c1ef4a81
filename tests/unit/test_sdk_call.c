/*
 * Calls at the module's end: what is answered, what is refused, what breaks the channel, and what
 * stays behind.
 */
#include "tests/unit/sdk_server.h"

/* Calls that go well */

static void inline_call_is_answered_in_its_line(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = inline_echo("forty-two");
    const struct clo_completion *answer = submit(f, &submission);
    assert_int_equal(answer->turn, 2);
    assert_int_equal(answer->status, CLOISTER_OK);
    assert_int_equal(answer->origin, CLOISTER_ORIGIN_MODULE);
    assert_int_equal(answer->inline_out, 9);
    assert_memory_equal(answer->data, "forty-two", 9);
    assert_int_equal(f->mailbox.calls, 2);
    assert_int_equal(seen.notifies, 0);
}

static void arena_call_is_answered_in_the_arena(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = arena_echo(f, ECHO, "in the arena");
    const struct clo_completion *answer = submit(f, &submission);
    assert_int_equal(answer->status, CLOISTER_OK);
    assert_int_equal(answer->parameter[1].b, 12);
    assert_memory_equal(arena_of(f) + 4096, "in the arena", 12);
}

static void inline_and_arena_mix(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = {.method = TWO,
                                        .kinds = BUFFERS | 0x8u | (CLO_PARAM_BUFFER_IN << 8),
                                        .session = SESSION,
                                        .inline_in = 3,
                                        .data = "abc"};
    submission.parameter[0].a = 77; /* an inline parameter's words mean nothing */
    submission.parameter[1].b = 64;
    submission.parameter[2].a = 64;
    submission.parameter[2].b = 64;
    const struct clo_completion *answer = submit(f, &submission);
    assert_int_equal(answer->status, CLOISTER_OK);
    assert_int_equal(answer->inline_out, 0);
    assert_int_equal(answer->parameter[1].b, 3);
    assert_memory_equal(arena_of(f), "abc", 3);
}

static void values_go_both_ways(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = {
        .method = VALUES, .kinds = manifest.method[VALUES].kinds, .session = SESSION};
    submission.parameter[0] = (struct clo_parameter){1, 2};
    submission.parameter[2] = (struct clo_parameter){10, 20};
    const struct clo_completion *answer = submit(f, &submission);
    assert_int_equal(answer->status, CLOISTER_OK);
    assert_int_equal(answer->parameter[0].a, 0);
    assert_int_equal(answer->parameter[1].a, 2);
    assert_int_equal(answer->parameter[1].b, 3);
    assert_int_equal(answer->parameter[2].a, 11);
    assert_int_equal(answer->parameter[2].b, 21);
}

static void in_out_buffer_works_in_place_both_ways(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = {.method = INOUT,
                                        .kinds = CLO_PARAM_BUFFER_INOUT | CLO_PARAM_INLINE,
                                        .session = SESSION,
                                        .inline_in = 3,
                                        .inline_out = 10,
                                        .data = "abc"};
    const struct clo_completion *answer = submit(f, &submission);
    assert_int_equal(answer->inline_out, 4);
    assert_memory_equal(answer->data, "abc!", 5);
    submission.kinds = CLO_PARAM_BUFFER_INOUT;
    submission.inline_in = submission.inline_out = 0;
    submission.parameter[0].b = 3 | 10ull << 32;
    memcpy(arena_of(f), "xyz", 3);
    answer = submit(f, &submission);
    assert_int_equal(answer->status, CLOISTER_OK);
    assert_int_equal(answer->parameter[0].b, 4);
    assert_memory_equal(arena_of(f), "xyz!", 4);
    assert_true(scratch_is_clean(f));
}

static void turn_wraps_at_32_bits(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = inline_echo("lap");
    set_position(&f->server.channel[0], (1ull << 32) - 70);
    for (uint64_t i = (1ull << 32) - 70; i < (1ull << 32) + 10; i++) {
        entry_of(f, 0, (uint32_t)i + 1)->turn = (uint32_t)i + 1 - CLO_RING_SIZE;
        assert_false(serve_sweep(&f->server));
        assert_int_equal(submit(f, &submission)->status, CLOISTER_OK);
    }
    assert_int_equal(f->server.channel[0].turn, 11);
}

static void progress_is_odd_only_while_a_handler_runs(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = inline_echo("x");
    uint64_t before = f->mailbox.progress;
    (void)submit(f, &submission);
    assert_int_equal(before % 2, 0);
    assert_int_equal(seen.progress, before + 1);
    assert_int_equal(f->mailbox.progress, before + 2);
}

/* Nothing is left behind */

static void private_copies_are_wiped(void **state)
{
    struct fixture *f = *state;
    static const uint8_t zeros[64];
    struct clo_submission submission = arena_echo(f, ECHO, "a secret");
    (void)submit(f, &submission);
    assert_true(scratch_is_clean(f));
    submission = inline_echo("another secret");
    (void)submit(f, &submission);
    assert_memory_equal(f->server.in.data, zeros, CLO_INLINE_SIZE);
    assert_memory_equal(f->server.out.data, zeros, CLO_INLINE_SIZE);
}

static void failed_call_lets_nothing_out(void **state)
{
    struct fixture *f = *state;
    static const uint8_t zeros[CLO_INLINE_SIZE];
    seen.status = CLOISTER_REFUSED;
    struct clo_submission submission = inline_echo("a secret");
    const struct clo_completion *answer = submit(f, &submission);
    assert_int_equal(answer->status, CLOISTER_REFUSED);
    assert_int_equal(answer->inline_out, 0);
    assert_memory_equal(answer->data, zeros, CLO_INLINE_SIZE);
    submission = arena_echo(f, ECHO, "a secret");
    answer = submit(f, &submission);
    assert_int_equal(answer->parameter[1].b, 0);
    assert_memory_equal(arena_of(f) + 4096, zeros, 8);
    assert_true(scratch_is_clean(f));
}

static void bytes_behind_a_short_result_stay_private(void **state)
{
    struct fixture *f = *state;
    seen.reported = 2;
    struct clo_submission submission = inline_echo("a secret");
    const struct clo_completion *answer = submit(f, &submission);
    assert_int_equal(answer->inline_out, 2);
    assert_memory_equal(answer->data, "a \0\0\0\0\0\0", 8);
}

static void handler_that_claims_too_many_bytes_fails_the_call(void **state)
{
    struct fixture *f = *state;
    seen.reported = 101;
    struct clo_submission submission = arena_echo(f, ECHO, "text");
    const struct clo_completion *answer = submit(f, &submission);
    assert_int_equal(answer->status, CLOISTER_INTERNAL);
    assert_int_equal(answer->parameter[1].b, 0);
}

static void status_that_does_not_fit_is_internal(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = inline_echo("x");
    seen.status = 0x10000;
    assert_int_equal(submit(f, &submission)->status, CLOISTER_INTERNAL);
    seen.status = -1;
    assert_int_equal(submit(f, &submission)->status, CLOISTER_INTERNAL);
}

static void scribble_on_arena(struct fixture *f)
{
    memset(arena_of(f), 'z', 8);
}

static void handler_sees_a_copy_unless_it_is_declared_zero_copy(void **state)
{
    struct fixture *f = *state;
    seen.during = scribble_on_arena;
    struct clo_submission submission = arena_echo(f, ECHO, "original");
    (void)submit(f, &submission);
    assert_memory_equal(arena_of(f) + 4096, "original", 8);
    submission = arena_echo(f, ZERO_COPY, "original");
    assert_int_equal(submit(f, &submission)->status, CLOISTER_OK);
    assert_memory_equal(arena_of(f) + 4096, "zzzzzzzz", 8);
}

static void output_may_take_the_place_of_the_input(void **state)
{
    struct fixture *f = *state;
    static const uint32_t room[] = {8, 100}; /* as much as the input, and more */
    for (size_t i = 0; i < sizeof room / sizeof room[0]; i++) {
        struct clo_submission submission = arena_echo(f, ECHO, "original");
        submission.parameter[1] = (struct clo_parameter){0, room[i]};
        seen.during = scribble_on_arena;
        const struct clo_completion *answer = submit(f, &submission);
        assert_int_equal(answer->status, CLOISTER_OK);
        assert_int_equal(answer->parameter[1].b, 8);
        assert_memory_equal(arena_of(f), "original", 8);
    }
}

/* Once for each that the handler would work on in place: both, the input, the output. */
static void zero_copy_shares_its_place_with_nothing(void **state)
{
    struct fixture *f = *state;
    struct clo_manifest other = manifest;
    f->server.manifest = &other;
    for (unsigned flags = 1; flags < 4; flags++) {
        other.method[ZERO_COPY].flags = (uint16_t)flags;
        if (planned)
            server_plan(&f->server);
        struct clo_submission submission = arena_echo(f, ZERO_COPY, "original");
        submission.parameter[1].a = 0;
        answers(f, &submission, CLOISTER_BAD_ARGUMENT);
        submission.parameter[0].b = 0; /* nothing there: nothing shared */
        answers_ok(f, &submission);
    }
    f->server.manifest = &manifest;
}

/* Words in the line */

static struct clo_submission with_words_in_line(const struct clo_submission *submission)
{
    struct clo_submission lean = *submission;
    memcpy(lean.data, submission->parameter, sizeof lean.data);
    memset(lean.parameter, 0x5a, sizeof lean.parameter); /* nobody looks there */
    lean.inline_in = CLO_WORDS_IN_LINE;
    return lean;
}

static void words_in_the_line_are_as_good(void **state)
{
    struct fixture *f = *state;
    struct clo_parameter made[3];
    struct clo_submission four = {
        .method = ECHO, .kinds = 0x1111, .session = SESSION, .parameter[3] = {1, 1}};
    answers(f, &four, CLOISTER_BAD_ARGUMENT); /* and leaves nothing behind */
    struct clo_submission submission = arena_echo(f, ECHO, "original");
    submission = with_words_in_line(&submission);
    const struct clo_completion *answer = submit(f, &submission);
    memcpy(made, answer->data, sizeof made);
    assert_int_equal(answer->status, CLOISTER_OK);
    assert_int_equal(made[1].b, 8);
    assert_memory_equal(arena_of(f) + 4096, "original", 8);

    submission = (struct clo_submission){.method = VALUES,
                                         .kinds = manifest.method[VALUES].kinds,
                                         .session = SESSION,
                                         .parameter = {{1, 2}, {0}, {3, 4}}};
    submission = with_words_in_line(&submission);
    answer = submit(f, &submission);
    memcpy(made, answer->data, sizeof made);
    assert_int_equal(answer->status, CLOISTER_OK);
    assert_int_equal(made[1].a, 2);
    assert_int_equal(made[1].b, 3);
    assert_int_equal(made[2].a, 4);
    assert_int_equal(made[2].b, 5);
}

static void inline_output_has_the_line_to_itself(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = arena_echo(f, ECHO, "original");
    submission.kinds |= CLO_PARAM_INLINE << 4;
    submission.parameter[1] = (struct clo_parameter){0};
    submission.inline_out = 20;
    submission = with_words_in_line(&submission);
    const struct clo_completion *answer = submit(f, &submission);
    assert_int_equal(answer->status, CLOISTER_OK);
    assert_int_equal(answer->inline_out, 8);
    assert_memory_equal(answer->data, "original", 8);
}

static void second_line_is_not_written_for_words_in_the_line(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = arena_echo(f, ECHO, "original");
    submission = with_words_in_line(&submission);
    struct clo_completion *answer = answer_of(f, 0, f->server.channel[0].turn);
    memset(answer->parameter, 0x77, sizeof answer->parameter);
    (void)submit(f, &submission);
    for (size_t i = 0; i < sizeof answer->parameter; i++)
        assert_int_equal(((uint8_t *)answer->parameter)[i], 0x77);
}

static void look_at_arguments(struct fixture *f)
{
    static const cloister_argument none;
    const cloister_argument *argument = f->server.call.argument;
    assert_int_equal(argument[0].capacity, 0);
    assert_null(argument[0].out);
    assert_null(argument[1].in);
    assert_memory_equal(&argument[2], &none, sizeof none);
    assert_memory_equal(&argument[3], &none, sizeof none);
}

static void what_a_handler_leaves_in_its_arguments_is_gone(void **state)
{
    struct fixture *f = *state;
    struct clo_submission spoils = {.method = INOUT,
                                    .kinds = CLO_PARAM_BUFFER_INOUT | CLO_PARAM_INLINE,
                                    .session = SESSION,
                                    .inline_out = 8};
    struct clo_submission values_too = {
        .method = VALUES, .kinds = manifest.method[VALUES].kinds, .session = SESSION};
    struct clo_submission call = inline_echo("x");
    answers_ok(f, &spoils);
    answers_ok(f, &values_too);
    seen.during = look_at_arguments;
    answers_ok(f, &call);
    assert_int_equal(seen.calls, 1);
}

/* Well-formed but wrong: answered */

static void method_beyond_the_manifest_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = inline_echo("x");
    submission.method = 5;
    answers(f, &submission, CLOISTER_NOT_FOUND);
    submission.method = CLO_METHOD_OPEN - 1;
    answers(f, &submission, CLOISTER_NOT_FOUND);
}

static void kinds_other_than_declared_are_refused(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = {.method = ECHO, .kinds = CLO_PARAM_IN, .session = SESSION};
    answers(f, &submission, CLOISTER_BAD_ARGUMENT);
    submission.kinds = 0;
    answers(f, &submission, CLOISTER_BAD_ARGUMENT);
}

static void sizes_other_than_declared_are_refused(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = arena_echo(f, ECHO, "x");
    submission.parameter[0].b = 0;
    answers(f, &submission, CLOISTER_BAD_ARGUMENT);
    submission.parameter[0].b = 4097;
    submission.parameter[1].a = 8192;
    answers(f, &submission, CLOISTER_TOO_BIG);
    submission.parameter[0].b = 1;
    submission.parameter[1].b = 4097;
    answers(f, &submission, CLOISTER_TOO_BIG);
}

static void call_without_a_session_is_refused(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = inline_echo("x");
    submission.session = SESSION + 1;
    answers(f, &submission, CLOISTER_BAD_STATE);
    submission.session = CLO_SESSIONS_MAX + SESSION;
    answers(f, &submission, CLOISTER_LIMIT);
}

static void session_opens_once_and_closes_once(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = {.method = CLO_METHOD_OPEN, .session = SESSION};
    struct clo_submission call = inline_echo("x");
    answers(f, &submission, CLOISTER_BAD_STATE);
    answers_ok(f, &call);
    submission.method = CLO_METHOD_CLOSE;
    assert_int_equal(submit(f, &submission)->status, CLOISTER_OK);
    assert_int_equal(seen.closed, 1);
    answers(f, &submission, CLOISTER_BAD_STATE);
    assert_int_equal(seen.closed, 1);
    answers(f, &call, CLOISTER_BAD_STATE);
}

static void session_that_the_module_refuses_is_not_open(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = {.method = CLO_METHOD_OPEN, .session = 0};
    seen.status = CLOISTER_DENIED;
    assert_int_equal(submit(f, &submission)->status, CLOISTER_DENIED);
    seen.status = CLOISTER_OK;
    submission.method = CLO_METHOD_CLOSE;
    answers(f, &submission, CLOISTER_BAD_STATE);
}

/* Malformed: the channel breaks */

static void breaks(struct fixture *f, const struct clo_submission *submission, uint32_t reason)
{
    unsigned calls = seen.calls;
    uint32_t turn = f->server.channel[0].turn;
    const struct clo_completion *answer = submit(f, submission);
    assert_int_not_equal(answer->turn, turn);
    assert_int_equal(seen.calls, calls);
    assert_int_equal(header_of(f, 0)->reason, reason);
    assert_int_equal(header_of(f, 0)->state, CLO_CHANNEL_BROKEN);
    assert_int_equal(seen.notifies, 1);
    entry_of(f, 0, turn)->turn = turn;
    assert_false(serve_sweep(&f->server));
    /* The next client of the slot starts anew. */
    withdraw(f, 0);
    (void)serve_sweep(&f->server);
    show(f, 0);
    (void)serve_sweep(&f->server);
    open_first(f);
    seen.notifies = 0;
}

static void kinds_that_do_not_exist_break_the_channel(void **state)
{
    struct fixture *f = *state;
    static const uint16_t bad[] = {
        0x0004,           0x4000,
        0x000c,                                            /* no such kind */
        CLO_PARAM_INLINE, CLO_PARAM_IN | CLO_PARAM_INLINE, /* no buffer */
        0x00dd,                                            /* two inline inputs */
        0x0ee0,                                            /* two inline outputs */
        0x00fd,                                            /* in and in-out */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct clo_submission submission = {.kinds = bad[i], .session = SESSION};
        breaks(f, &submission, CLO_BROKEN_KIND);
    }
}

static void inline_sizes_beyond_the_line_break_the_channel(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = inline_echo("x");
    submission.inline_in = CLO_INLINE_SIZE + 1;
    breaks(f, &submission, CLO_BROKEN_PARAMETER);
    submission = inline_echo("x");
    submission.inline_out = 255;
    breaks(f, &submission, CLO_BROKEN_PARAMETER);
    submission = (struct clo_submission){.session = SESSION, .inline_in = 1};
    breaks(f, &submission, CLO_BROKEN_PARAMETER);
}

static void arena_ranges_that_are_not_sound_break_the_channel(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct clo_parameter in, out;
    } bad[] = {
        {{1, 8}, {4096, 8}},             /* not aligned */
        {{0, ARENA + 1}, {0, 0}},        /* too long */
        {{ARENA, 1}, {0, 0}},            /* behind the end */
        {{ARENA - 64, 65}, {0, 8}},      /* across the end */
        {{0, 8}, {UINT64_MAX - 63, 64}}, /* wraps */
        {{UINT64_MAX - 63, 0}, {0, 8}},  /* nowhere, though empty */
        {{0, 65}, {64, 8}},              /* overlap by one byte */
        {{64, 8}, {0, 65}},
        {{0, 200}, {64, 8}},              /* one inside the other */
        {{0, 8 | 1ull << 32}, {4096, 8}}, /* bits above the size */
        {{0, 8}, {4096, UINT64_MAX}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct clo_submission submission = {.method = ECHO, .kinds = BUFFERS, .session = SESSION};
        submission.parameter[0] = bad[i].in;
        submission.parameter[1] = bad[i].out;
        breaks(f, &submission, CLO_BROKEN_PARAMETER);
    }
}

static void ranges_of_one_place_but_of_one_direction_break_the_channel(void **state)
{
    struct fixture *f = *state;
    static const uint16_t kinds[] = {
        CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_IN << 4,
        CLO_PARAM_BUFFER_OUT | CLO_PARAM_BUFFER_OUT << 4,
        CLO_PARAM_BUFFER_INOUT | CLO_PARAM_BUFFER_IN << 4,
        CLO_PARAM_BUFFER_OUT | CLO_PARAM_BUFFER_INOUT << 4,
        CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4 | CLO_PARAM_BUFFER_OUT << 8,
        CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4 | CLO_PARAM_BUFFER_IN << 8,
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct clo_submission submission = {.method = TWO, .kinds = kinds[i], .session = SESSION};
        for (unsigned j = 0; kinds[i] >> (4 * j) != 0; j++)
            submission.parameter[j].b = 8;
        breaks(f, &submission, CLO_BROKEN_PARAMETER);
    }
}

static void words_that_do_not_fit_the_line_break_the_channel(void **state)
{
    struct fixture *f = *state;
    static const uint16_t kinds[] = {
        0,                                                        /* no words */
        INLINE_BUFFERS,                                           /* the same */
        (CLO_PARAM_BUFFER_IN | CLO_PARAM_INLINE) | BUFFERS << 4,  /* an inline input is there */
        CLO_PARAM_BUFFER_INOUT | CLO_PARAM_INLINE | BUFFERS << 4, /* so it is here */
        (CLO_PARAM_BUFFER_OUT | CLO_PARAM_INLINE) | BUFFERS << 4, /* two come back */
        (CLO_PARAM_BUFFER_OUT | CLO_PARAM_INLINE) | CLO_PARAM_OUT << 4,
        CLO_PARAM_IN | CLO_PARAM_IN << 4 | CLO_PARAM_IN << 8 | CLO_PARAM_IN << 12, /* four */
        CLO_PARAM_IN << 12,
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct clo_submission submission = {
            .method = TWO, .kinds = kinds[i], .session = SESSION, .inline_in = CLO_WORDS_IN_LINE};
        breaks(f, &submission, CLO_BROKEN_PARAMETER);
    }
    struct clo_submission submission = arena_echo(f, ECHO, "x");
    submission = with_words_in_line(&submission);
    submission.data[47] = 1;
    breaks(f, &submission, CLO_BROKEN_RESERVED);
    submission = arena_echo(f, ECHO, "x");
    submission = with_words_in_line(&submission);
    submission.inline_in = CLO_WORDS_IN_LINE | 1;
    breaks(f, &submission, CLO_BROKEN_PARAMETER);
}

static void unused_parameter_that_is_not_zero_breaks_the_channel(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = arena_echo(f, ECHO, "x");
    submission.parameter[3].b = 1;
    breaks(f, &submission, CLO_BROKEN_RESERVED);
    submission.parameter[3] = (struct clo_parameter){1, 0};
    breaks(f, &submission, CLO_BROKEN_RESERVED);
}

static void wrong_turn_breaks_the_channel(void **state)
{
    struct fixture *f = *state;
    static const uint32_t bad[] = {1, 3, 64, 66, UINT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint32_t turn = f->server.channel[0].turn;
        assert_int_equal(turn, 2);
        entry_of(f, 0, turn)->turn = bad[i];
        assert_true(serve_sweep(&f->server));
        assert_int_equal(header_of(f, 0)->reason, CLO_BROKEN_TURN);
        assert_false(serve_sweep(&f->server));
        show(f, 0);
        (void)serve_sweep(&f->server);
        open_first(f);
    }
}

static void broken_channel_leaves_the_others_alone(void **state)
{
    struct fixture *f = *state;
    struct clo_submission open = {.method = CLO_METHOD_OPEN, .session = SESSION};
    struct clo_submission good = inline_echo("still here");
    show(f, 1);
    (void)serve_sweep(&f->server);
    (void)submit_to(f, 1, &open);
    entry_of(f, 0, 2)->turn = 99;
    (void)serve_sweep(&f->server);
    assert_int_equal(header_of(f, 0)->reason, CLO_BROKEN_TURN);
    assert_int_equal(submit_to(f, 1, &good)->inline_out, 10);
    assert_int_equal(header_of(f, 1)->reason, 0);
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(inline_call_is_answered_in_its_line),
        RULE(arena_call_is_answered_in_the_arena),
        RULE(inline_and_arena_mix),
        RULE(values_go_both_ways),
        RULE(in_out_buffer_works_in_place_both_ways),
        RULE(turn_wraps_at_32_bits),
        RULE(progress_is_odd_only_while_a_handler_runs),
        RULE(private_copies_are_wiped),
        RULE(failed_call_lets_nothing_out),
        RULE(bytes_behind_a_short_result_stay_private),
        RULE(handler_that_claims_too_many_bytes_fails_the_call),
        RULE(status_that_does_not_fit_is_internal),
        RULE(handler_sees_a_copy_unless_it_is_declared_zero_copy),
        RULE(output_may_take_the_place_of_the_input),
        RULE(words_in_the_line_are_as_good),
        RULE(inline_output_has_the_line_to_itself),
        RULE(second_line_is_not_written_for_words_in_the_line),
        RULE(zero_copy_shares_its_place_with_nothing),
        RULE(method_beyond_the_manifest_is_not_found),
        RULE(kinds_other_than_declared_are_refused),
        RULE(sizes_other_than_declared_are_refused),
        RULE(call_without_a_session_is_refused),
        RULE(session_opens_once_and_closes_once),
        RULE(session_that_the_module_refuses_is_not_open),
        RULE(kinds_that_do_not_exist_break_the_channel),
        RULE(inline_sizes_beyond_the_line_break_the_channel),
        RULE(arena_ranges_that_are_not_sound_break_the_channel),
        RULE(ranges_of_one_place_but_of_one_direction_break_the_channel),
        RULE(words_that_do_not_fit_the_line_break_the_channel),
        RULE(unused_parameter_that_is_not_zero_breaks_the_channel),
        RULE(wrong_turn_breaks_the_channel),
        RULE(broken_channel_leaves_the_others_alone),
        RULE(what_a_handler_leaves_in_its_arguments_is_gone),
    };
    int failed = cmocka_run_group_tests_name("the long way", tests, NULL, NULL);
    planned = true;
    return failed + cmocka_run_group_tests_name("pairs on their own way", tests, NULL, NULL);
}

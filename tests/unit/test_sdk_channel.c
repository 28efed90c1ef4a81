/*
 * The module's side of a channel against clients of every kind, on ordinary memory: the client is
 * the test, the world host is the test, the hypercall is a function here.
 */
#include "secure-world/sdk/arguments.c"
#include "secure-world/sdk/call.c"
#include "secure-world/sdk/cancelled.c"
#include "secure-world/sdk/channel.c"
#include "secure-world/sdk/pair.c"
#include "secure-world/sdk/serve.c"
#include "secure-world/sdk/service_time.c"
#include "secure-world/sdk/submission.c"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ARENA 16384u
#define CHANNEL_SIZE ((uint32_t)CLO_ARENA_OFFSET + ARENA)
#define CHANNEL_PAGES (CHANNEL_SIZE / CLO_PAGE_SIZE)
#define CHANNELS 2u
#define WINDOW_SIZE (CHANNELS * CHANNEL_SIZE)
#define SESSION 5u
#define BUFFERS (CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4)
#define INLINE_BUFFERS (BUFFERS | 0x88u)

enum { ECHO, VALUES, INOUT, ZERO_COPY, TWO };

static cloister_status echo(cloister_call *call);
static cloister_status values(cloister_call *call);
static cloister_status grow(cloister_call *call);

static const cloister_handler handlers[] = {echo, values, grow, echo, echo};

static const struct clo_manifest manifest = {
    .method_count = 5,
    .method = {
        [ECHO] = {.name = "echo", .kinds = BUFFERS, .size_max = {4096, 4096}, .size_min = {1}},
        [VALUES] = {.name = "values",
                    .kinds = CLO_PARAM_IN | CLO_PARAM_OUT << 4 | CLO_PARAM_INOUT << 8},
        [INOUT] = {.name = "inout", .kinds = CLO_PARAM_BUFFER_INOUT, .size_max = {4096}},
        [ZERO_COPY] = {.name = "zero",
                       .kinds = BUFFERS,
                       .flags = CLO_METHOD_ZERO_COPY(0) | CLO_METHOD_ZERO_COPY(1),
                       .size_max = {4096, 4096}},
        [TWO] = {.name = "two",
                 .kinds = BUFFERS | CLO_PARAM_BUFFER_IN << 8,
                 .size_max = {4096, 4096, 64}},
    }};

/* Small calls have a way of their own; all rules hold on the long way too. */
static bool planned;

struct fixture {
    struct server server;
    struct clo_control control;
    struct clo_mailbox mailbox;
    uint8_t *window;
};

/* What the hypercalls, handlers and hooks do and saw. */
static struct {
    struct fixture *fixture;
    unsigned waits;
    unsigned notifies;
    uint64_t notified;
    unsigned opened;
    unsigned closed;
    unsigned calls;
    uint64_t progress; /* as the handler saw it */
    cloister_status status;
    size_t reported; /* size that echo claims; 0: the right one */
    void (*during)(struct fixture *);
    void (*waiting)(struct fixture *);
} seen;

cloister_status sdk_hypercall(uint32_t number, uint64_t a0, uint64_t a1, uint64_t a2)
{
    assert_int_equal(a1, 0);
    assert_int_equal(a2, 0);
    if (number == CLO_HC_NOTIFY) {
        seen.notifies++;
        seen.notified = a0;
        return CLOISTER_OK;
    }
    assert_int_equal(number, CLO_HC_WAIT);
    seen.waits++;
    if (seen.waiting)
        seen.waiting(seen.fixture);
    return CLOISTER_OK;
}

void cloister_panic(const char *text)
{
    fail_msg("panic: %s", text);
    abort();
}

cloister_status cloister_session_opened(cloister_call *call)
{
    seen.opened++;
    assert_int_equal(call->caller->uid, 1000);
    return seen.status;
}

void cloister_session_closed(unsigned channel, unsigned session)
{
    (void)channel;
    assert_int_equal(session, SESSION);
    seen.closed++;
}

static cloister_status echo(cloister_call *call)
{
    const cloister_argument *in = &call->argument[0];
    cloister_argument *out = &call->argument[1];
    seen.calls++;
    seen.progress = seen.fixture->mailbox.progress;
    if (seen.during)
        seen.during(seen.fixture);
    if (in->size > out->capacity)
        return CLOISTER_TOO_BIG;
    memcpy(out->out, in->in, in->size);
    out->size = seen.reported ? seen.reported : in->size;
    return seen.status;
}

static cloister_status values(cloister_call *call)
{
    call->argument[1].a = call->argument[0].a + 1;
    call->argument[1].b = call->argument[0].b + 1;
    call->argument[2].a++;
    call->argument[2].b++;
    return CLOISTER_OK;
}

/* In place, one byte longer; and spoils its own arguments. */
static cloister_status grow(cloister_call *call)
{
    cloister_argument *argument = &call->argument[0];
    assert_ptr_equal(argument->in, argument->out);
    argument->out[argument->size++] = '!';
    argument->out = NULL;
    argument->in = NULL;
    argument->capacity = SIZE_MAX;
    return CLOISTER_OK;
}

/* The world host's side */

static uint8_t *memory_of(struct fixture *f, unsigned slot)
{
    return f->window + (size_t)slot * CHANNEL_SIZE;
}

static void show(struct fixture *f, unsigned slot)
{
    f->control.slot[slot] = (struct clo_channel_slot){
        .state = CLO_SLOT_LIVE,
        .generation = f->control.slot[slot].generation + 1,
        .offset = slot * CHANNEL_SIZE,
        .size = CHANNEL_SIZE,
        .caller = {.kind = CLO_CALLER_PROCESS, .uid = 1000},
    };
    memset(memory_of(f, slot), 0, CHANNEL_SIZE);
    ((struct clo_channel_header *)(void *)memory_of(f, slot))->module_parked = 1;
    if (f->control.slots < slot + 1)
        f->control.slots = slot + 1;
    f->control.epoch++;
}

static void withdraw(struct fixture *f, unsigned slot)
{
    f->control.slot[slot].state = CLO_SLOT_FREE;
    f->control.epoch++;
}

/* The client's side */

static struct clo_channel_header *header_of(struct fixture *f, unsigned slot)
{
    return (void *)memory_of(f, slot);
}

static uint8_t *arena_of(struct fixture *f)
{
    return memory_of(f, 0) + CLO_ARENA_OFFSET;
}

static struct clo_submission *entry_of(struct fixture *f, unsigned slot, uint32_t turn)
{
    uint8_t *ring = memory_of(f, slot) + CLO_SUBMISSIONS_OFFSET;
    return &((struct clo_submission *)(void *)ring)[(turn - 1) % CLO_RING_SIZE];
}

static struct clo_completion *answer_of(struct fixture *f, unsigned slot, uint32_t turn)
{
    uint8_t *ring = memory_of(f, slot) + CLO_COMPLETIONS_OFFSET;
    return &((struct clo_completion *)(void *)ring)[(turn - 1) % CLO_RING_SIZE];
}

static const struct clo_completion *submit_to(struct fixture *f, unsigned slot,
                                              const struct clo_submission *submission)
{
    uint32_t turn = f->server.channel[slot].turn;
    struct clo_submission *entry = entry_of(f, slot, turn);
    *entry = *submission;
    entry->turn = turn;
    assert_true(serve_sweep(&f->server));
    return answer_of(f, slot, turn);
}

static const struct clo_completion *submit(struct fixture *f,
                                           const struct clo_submission *submission)
{
    uint32_t turn = f->server.channel[0].turn;
    const struct clo_completion *answer = submit_to(f, 0, submission);
    if (answer->turn == turn)
        assert_int_equal(answer->submission, turn);
    return answer;
}

static struct clo_submission inline_echo(const char *text)
{
    struct clo_submission submission = {.method = ECHO,
                                        .kinds = INLINE_BUFFERS,
                                        .session = SESSION,
                                        .inline_in = (uint8_t)strlen(text),
                                        .inline_out = CLO_INLINE_SIZE};
    memcpy(submission.data, text, strlen(text));
    return submission;
}

/* Input at 0, output at 4096. */
static struct clo_submission arena_echo(struct fixture *f, uint16_t method, const char *text)
{
    struct clo_submission submission = {.method = method, .kinds = BUFFERS, .session = SESSION};
    memcpy(arena_of(f), text, strlen(text));
    submission.parameter[0].b = strlen(text);
    submission.parameter[1].a = 4096;
    submission.parameter[1].b = 100;
    return submission;
}

static bool scratch_is_clean(const struct fixture *f)
{
    for (size_t i = 0; i < f->server.scratch_size; i++)
        if (f->server.scratch[i])
            return false;
    return true;
}

static void open_first(struct fixture *f)
{
    struct clo_submission open = {.method = CLO_METHOD_OPEN, .session = SESSION};
    assert_int_equal(submit(f, &open)->status, CLOISTER_OK);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    memset(&seen, 0, sizeof seen);
    seen.fixture = f;
    f->window = aligned_alloc(CLO_PAGE_SIZE, WINDOW_SIZE);
    assert_non_null(f->window);
    f->server.manifest = &manifest;
    f->server.handlers = handlers;
    if (planned)
        server_plan(&f->server);
    f->server.control = &f->control;
    f->server.mailbox = &f->mailbox;
    f->server.window = f->window;
    f->server.window_size = WINDOW_SIZE;
    f->server.scratch_size = arguments_scratch_size(&manifest);
    f->server.scratch = calloc(1, f->server.scratch_size);
    assert_non_null(f->server.scratch);
    show(f, 0);
    assert_false(serve_sweep(&f->server));
    open_first(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    free(f->server.scratch);
    free(f->window);
    free(f);
    return 0;
}

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

/* Well-formed but wrong: answered */

static void answers(struct fixture *f, const struct clo_submission *submission,
                    cloister_status status)
{
    unsigned calls = seen.calls;
    const struct clo_completion *answer = submit(f, submission);
    assert_int_equal(answer->status, status);
    assert_int_equal(answer->origin, CLOISTER_ORIGIN_TRANSPORT);
    assert_int_equal(seen.calls, calls);
    assert_int_equal(header_of(f, 0)->reason, 0);
}

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
    answers(f, &submission, CLOISTER_BAD_STATE);
    submission.method = CLO_METHOD_CLOSE;
    assert_int_equal(submit(f, &submission)->status, CLOISTER_OK);
    assert_int_equal(seen.closed, 1);
    answers(f, &submission, CLOISTER_BAD_STATE);
    assert_int_equal(seen.closed, 1);
    struct clo_submission call = inline_echo("x");
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
        {{1, 8}, {4096, 8}},              /* not aligned */
        {{0, ARENA + 1}, {0, 0}},         /* too long */
        {{ARENA, 1}, {0, 0}},             /* behind the end */
        {{ARENA - 64, 65}, {0, 8}},       /* across the end */
        {{0, 8}, {UINT64_MAX - 63, 64}},  /* wraps */
        {{UINT64_MAX - 63, 0}, {0, 8}},   /* nowhere, though empty */
        {{0, 8}, {0, 8}},                 /* the same twice */
        {{0, 65}, {64, 8}},               /* overlap by one byte */
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

/* Channels that come and go */

static void channel_that_goes_closes_its_sessions(void **state)
{
    struct fixture *f = *state;
    withdraw(f, 0);
    assert_false(serve_sweep(&f->server));
    assert_int_equal(seen.closed, 1);
    assert_int_equal(f->server.live_count, 0);
    assert_int_equal(f->mailbox.epoch, f->control.epoch);
}

static void slot_that_is_reused_unseen_starts_anew(void **state)
{
    struct fixture *f = *state;
    withdraw(f, 0);
    show(f, 0);
    assert_false(serve_sweep(&f->server));
    assert_int_equal(seen.closed, 1);
    assert_int_equal(f->server.channel[0].turn, 1);
    assert_int_equal(header_of(f, 0)->module_parked, 0);
    struct clo_submission call = inline_echo("x");
    answers(f, &call, CLOISTER_BAD_STATE);
}

static void reuse_channel(struct fixture *f)
{
    withdraw(f, 0);
    show(f, 0);
}

static void reply_never_reaches_the_next_client_of_the_slot(void **state)
{
    struct fixture *f = *state;
    static uint8_t untouched[CHANNEL_SIZE];
    seen.during = reuse_channel;
    struct clo_submission submission = arena_echo(f, ECHO, "a secret");
    (void)submit(f, &submission);
    header_of(f, 0)->module_parked = 0;
    memset(untouched, 0, sizeof untouched);
    assert_memory_equal(memory_of(f, 0), untouched, CHANNEL_SIZE);
    assert_true(scratch_is_clean(f));
    assert_int_equal(seen.closed, 1);
    assert_int_equal(f->server.live_count, 1);
}

static void other_channels_may_come_during_a_call(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = inline_echo("x");
    f->control.epoch++;
    assert_int_equal(submit(f, &submission)->status, CLOISTER_OK);
    assert_int_equal(f->server.epoch, f->control.epoch);
}

/* Fairness */

static void fill(struct fixture *f, unsigned slot, uint32_t count)
{
    struct clo_submission submission = inline_echo("x");
    uint32_t turn = f->server.channel[slot].turn;
    for (uint32_t i = 0; i < count; i++) {
        *entry_of(f, slot, turn + i) = submission;
        entry_of(f, slot, turn + i)->turn = turn + i;
    }
}

static void show_second(struct fixture *f)
{
    struct clo_submission open = {.method = CLO_METHOD_OPEN, .session = SESSION};
    show(f, 1);
    (void)serve_sweep(&f->server);
    (void)submit_to(f, 1, &open);
}

static void busy_channel_gets_one_call_a_sweep(void **state)
{
    struct fixture *f = *state;
    show_second(f);
    fill(f, 0, 40);
    fill(f, 1, 1);
    assert_true(serve_sweep(&f->server));
    assert_int_equal(seen.calls, 2);
    assert_int_equal(f->server.channel[1].taken, 2);
    for (unsigned i = 1; i < 40; i++)
        assert_true(serve_sweep(&f->server));
    assert_int_equal(seen.calls, 41);
    assert_false(serve_sweep(&f->server));
}

static void change_control(struct fixture *f)
{
    f->control.epoch++;
}

static void channels_that_come_and_go_put_nobody_back(void **state)
{
    struct fixture *f = *state;
    show_second(f);
    fill(f, 0, 2);
    fill(f, 1, 2);
    seen.during = change_control;
    assert_true(serve_sweep(&f->server));
    assert_int_equal(f->server.channel[0].taken, 2);
    assert_int_equal(f->server.channel[1].taken, 2);
}

static void channel_that_breaks_puts_nobody_back(void **state)
{
    struct fixture *f = *state;
    show_second(f);
    fill(f, 1, 1);
    entry_of(f, 0, 2)->turn = 99;
    assert_true(serve_sweep(&f->server));
    assert_int_equal(f->server.live_count, 1);
    assert_int_equal(f->server.channel[1].taken, 2);
}

static void slot_that_is_no_channel_of_ours_is_not_served(void **state)
{
    struct fixture *f = *state;
    show(f, 1);
    f->control.slot[1].thread = 1;
    (void)serve_sweep(&f->server);
    assert_int_equal(f->server.live_count, 1);
    show(f, 1);
    f->control.slot[1].offset = WINDOW_SIZE - CLO_PAGE_SIZE;
    (void)serve_sweep(&f->server);
    assert_int_equal(f->server.live_count, 1);
    show(f, 1);
    f->control.slot[1].size = CLO_ARENA_OFFSET - 1;
    (void)serve_sweep(&f->server);
    assert_int_equal(f->server.live_count, 1);
}

/* Sleeping */

static void look_while_parked(struct fixture *f)
{
    assert_int_equal(header_of(f, 0)->module_parked, 1);
    header_of(f, 0)->module_parked = 0;
}

static void module_sleeps_with_its_word_set(void **state)
{
    struct fixture *f = *state;
    seen.waiting = look_while_parked;
    serve_park(&f->server);
    assert_int_equal(seen.waits, 1);
    assert_int_equal(header_of(f, 0)->module_parked, 0);
}

static void module_does_not_sleep_on_a_submission(void **state)
{
    struct fixture *f = *state;
    entry_of(f, 0, 2)->turn = 2;
    serve_park(&f->server);
    assert_int_equal(seen.waits, 0);
    assert_int_equal(header_of(f, 0)->module_parked, 0);
}

static void module_does_not_sleep_on_a_changed_control_page(void **state)
{
    struct fixture *f = *state;
    show(f, 1);
    serve_park(&f->server);
    assert_int_equal(seen.waits, 0);
}

static void sleeping_client_is_woken_once(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = inline_echo("x");
    header_of(f, 0)->client_parked = 1;
    (void)submit(f, &submission);
    assert_int_equal(seen.notifies, 1);
    assert_int_equal(seen.notified, 0);
    assert_int_equal(header_of(f, 0)->client_parked, 0);
    (void)submit(f, &submission);
    header_of(f, 0)->client_parked = 2;
    (void)submit(f, &submission);
    assert_int_equal(seen.notifies, 1);
}

static void expect_woken(struct fixture *f)
{
    assert_ptr_equal(f, seen.fixture);
    assert_int_equal(seen.notifies, seen.calls - 1);
}

static void sleeping_client_is_woken_before_its_next_call_runs(void **state)
{
    struct fixture *f = *state;
    for (uint32_t turn = f->server.channel[0].turn, i = 0; i < 2; i++) {
        *entry_of(f, 0, turn + i) = inline_echo("x");
        entry_of(f, 0, turn + i)->turn = turn + i;
    }
    header_of(f, 0)->client_parked = 1;
    seen.during = expect_woken;
    while (serve_sweep(&f->server))
        ;
    assert_int_equal(seen.calls, 2);
    assert_int_equal(seen.notifies, 1);
}

/* A call of echo comes to this, after the handler has run so many times. */
static void expect_echo_answered(struct fixture *f, int status, int origin, unsigned calls)
{
    struct clo_submission submission = inline_echo("x");
    const struct clo_completion *answer = submit(f, &submission);
    assert_int_equal(answer->status, status);
    assert_int_equal(answer->origin, origin);
    assert_int_equal(seen.calls, calls);
}

static void cancelled_call_is_not_begun(void **state)
{
    struct fixture *f = *state;
    uint32_t turn = f->server.channel[0].turn;
    header_of(f, 0)->cancel[(turn - 1) % CLO_RING_SIZE] = turn;
    expect_echo_answered(f, CLOISTER_CANCELLED, CLOISTER_ORIGIN_TRANSPORT, 0);
}

static void cancel_word_of_another_turn_means_nothing(void **state)
{
    struct fixture *f = *state;
    uint32_t turn = f->server.channel[0].turn;
    for (unsigned i = 0; i < CLO_RING_SIZE; i++)
        header_of(f, 0)->cancel[i] = turn + CLO_RING_SIZE;
    header_of(f, 0)->cancel[turn % CLO_RING_SIZE] = turn;
    expect_echo_answered(f, CLOISTER_OK, CLOISTER_ORIGIN_MODULE, 1);
}

static void cancel_now(struct fixture *f)
{
    uint32_t turn = f->server.channel[0].turn;
    header_of(f, 0)->cancel[(turn - 1) % CLO_RING_SIZE] = turn;
    assert_true(cloister_call_cancelled(&f->server.call));
    seen.status = CLOISTER_CANCELLED;
}

static void handler_sees_that_its_call_is_cancelled(void **state)
{
    seen.during = cancel_now;
    expect_echo_answered(*state, CLOISTER_CANCELLED, CLOISTER_ORIGIN_MODULE, 1);
}

static void go_now(struct fixture *f)
{
    withdraw(f, 0);
    assert_true(cloister_call_cancelled(&f->server.call));
}

static void call_whose_client_has_gone_is_cancelled(void **state)
{
    struct fixture *f = *state;
    const struct clo_submission submission = inline_echo("x");
    seen.during = go_now;
    (void)submit(f, &submission);
    assert_true(bytes_are_zero(f->server.in.data, CLO_INLINE_SIZE));
    assert_true(bytes_are_zero(f->server.out.data, CLO_INLINE_SIZE));
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
        RULE(method_beyond_the_manifest_is_not_found),
        RULE(kinds_other_than_declared_are_refused),
        RULE(sizes_other_than_declared_are_refused),
        RULE(call_without_a_session_is_refused),
        RULE(session_opens_once_and_closes_once),
        RULE(session_that_the_module_refuses_is_not_open),
        RULE(kinds_that_do_not_exist_break_the_channel),
        RULE(inline_sizes_beyond_the_line_break_the_channel),
        RULE(arena_ranges_that_are_not_sound_break_the_channel),
        RULE(unused_parameter_that_is_not_zero_breaks_the_channel),
        RULE(wrong_turn_breaks_the_channel),
        RULE(broken_channel_leaves_the_others_alone),
        RULE(channel_that_goes_closes_its_sessions),
        RULE(slot_that_is_reused_unseen_starts_anew),
        RULE(reply_never_reaches_the_next_client_of_the_slot),
        RULE(other_channels_may_come_during_a_call),
        RULE(busy_channel_gets_one_call_a_sweep),
        RULE(channels_that_come_and_go_put_nobody_back),
        RULE(channel_that_breaks_puts_nobody_back),
        RULE(slot_that_is_no_channel_of_ours_is_not_served),
        RULE(module_sleeps_with_its_word_set),
        RULE(module_does_not_sleep_on_a_submission),
        RULE(module_does_not_sleep_on_a_changed_control_page),
        RULE(sleeping_client_is_woken_once),
        RULE(sleeping_client_is_woken_before_its_next_call_runs),
        RULE(cancelled_call_is_not_begun),
        RULE(cancel_word_of_another_turn_means_nothing),
        RULE(handler_sees_that_its_call_is_cancelled),
        RULE(call_whose_client_has_gone_is_cancelled),
    };
    int failed = cmocka_run_group_tests_name("the long way", tests, NULL, NULL);
    planned = true;
    return failed + cmocka_run_group_tests_name("pairs on their own way", tests, NULL, NULL);
}

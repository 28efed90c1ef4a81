/*
 * The module's side of a channel against clients of every kind, on ordinary memory: the client is
 * the test, the world host is the test, the hypercall is a function here.
 */
#ifndef TESTS_UNIT_SDK_SERVER_H
#define TESTS_UNIT_SDK_SERVER_H

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

static void answers_ok(struct fixture *f, const struct clo_submission *submission)
{
    assert_int_equal(submit(f, submission)->status, CLOISTER_OK);
}

#endif

/*
 * A session's channel on ordinary memory, with module sides of every kind. The module sleeps when a
 * call comes, so that the doorbell is where it acts.
 */
#ifndef TESTS_UNIT_CLIENT_CHANNEL_H
#define TESTS_UNIT_CLIENT_CHANNEL_H

#include "normal-world/client/ring.h"

#include "base/bytes.h"
#include "normal-world/client/session.h"
#include "normal-world/client/shared_word.h"
#include "normal-world/client/ticks.h"

#include <linux/futex.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define ARENA 65536u
#define DEADLINE_US 2000u
#define GONE_US 3600000000ull /* longer than any test */

enum { ECHO, TWO_OUT, VALUES, INOUT, PLAIN, ZERO_COPY, OUT_FIRST };

static const struct clo_method methods[] = {
    [ECHO] = {.name = "echo",
              .kinds = CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4,
              .size_max = {32768, 32768},
              .size_min = {1}},
    [TWO_OUT] = {.name = "two",
                 .kinds = CLO_PARAM_BUFFER_OUT | CLO_PARAM_BUFFER_OUT << 4,
                 .size_max = {48, 48}},
    [VALUES] = {.name = "values",
                .kinds = CLO_PARAM_IN | CLO_PARAM_OUT << 4 | CLO_PARAM_INOUT << 8},
    [INOUT] = {.name = "inout", .kinds = CLO_PARAM_BUFFER_INOUT, .size_max = {4096}},
    [PLAIN] = {.name = "plain"},
    [ZERO_COPY] = {.name = "zero",
                   .kinds = CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4,
                   .flags = CLO_METHOD_ZERO_COPY(0),
                   .size_max = {32768, 32768}},
    [OUT_FIRST] = {.name = "out_first",
                   .kinds = CLO_PARAM_BUFFER_OUT | CLO_PARAM_BUFFER_IN << 4 |
                            CLO_PARAM_BUFFER_OUT << 8 | CLO_PARAM_BUFFER_IN << 12,
                   .size_max = {4096, 4096, 4096, 4096}},
};

/* A channel, and the module's side of it. */
struct fixture {
    cloister_session session;
    uint8_t *memory;
    struct clo_channel_header *header;
    uint32_t answered; /* turn of the last completion */
    bool connected;
    unsigned sleeps;
    unsigned parked_sleeps; /* those that asked the module for a wake */
    uint64_t longest_sleep_us;
    void (*answer)(struct fixture *);             /* upon the doorbell */
    void (*spoil)(struct clo_completion *answer); /* before the completion is published */
};

static void doorbell(void *context)
{
    struct fixture *f = context;
    if (f->answer)
        f->answer(f);
    shared_set(&f->header->module_parked, 1);
}

static void sleep_a_little(void *context, uint32_t *word, uint32_t value, uint64_t timeout_us)
{
    struct fixture *f = context;
    struct timespec timeout = {.tv_nsec = timeout_us < 1000 ? (long)timeout_us * 1000 : 1000000};
    f->sleeps++;
    f->parked_sleeps += shared_read(&f->header->client_parked);
    if (timeout_us > f->longest_sleep_us)
        f->longest_sleep_us = timeout_us;
    (void)syscall(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0);
}

static bool is_connected(void *context)
{
    return ((struct fixture *)context)->connected;
}

static void write_header(struct clo_channel_header *header)
{
    header->magic = CLO_CHANNEL_MAGIC;
    header->abi_major = CLO_ABI_MAJOR;
    header->ring_size = CLO_RING_SIZE;
    header->arena_offset = CLO_ARENA_OFFSET;
    header->arena_size = ARENA;
    header->generation = 1;
    header->module_parked = 1;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (!f)
        return -1;
    f->memory = aligned_alloc(4096, CLO_ARENA_OFFSET + ARENA);
    if (!f->memory)
        return -1;
    memset(f->memory, 0, CLO_ARENA_OFFSET + ARENA);
    f->header = (struct clo_channel_header *)(void *)f->memory;
    f->connected = true;
    write_header(f->header);
    const struct ring_peer peer = {
        .doorbell = doorbell, .sleep = sleep_a_little, .connected = is_connected, .context = f};
    if (ring_attach(&f->session.ring, f->memory, CLO_ARENA_OFFSET + ARENA, ARENA, &peer,
                    ticks_per_us_since(ticks_moment_now())) != CLOISTER_OK)
        return -1;
    f->session.ring.spin_us = 0;
    f->session.module.method_count = sizeof methods / sizeof *methods;
    memcpy(f->session.module.method, methods, sizeof methods);
    f->session.module.abi_minor = CLO_ABI_MINOR;
    session_plan(&f->session);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    free(f->memory);
    free(f);
    return 0;
}

/* Module side */

static struct clo_submission *submission_of(struct fixture *f, uint32_t turn)
{
    return (struct clo_submission *)(void *)(f->memory + CLO_SUBMISSIONS_OFFSET) +
           (turn - 1) % CLO_RING_SIZE;
}

static struct clo_completion *next_answer(struct fixture *f)
{
    struct clo_completion *answer =
        (struct clo_completion *)(void *)(f->memory + CLO_COMPLETIONS_OFFSET) +
        f->answered % CLO_RING_SIZE;
    memset((uint8_t *)answer + sizeof answer->turn, 0, sizeof *answer - sizeof answer->turn);
    return answer;
}

static void publish_answer(struct fixture *f, struct clo_completion *answer)
{
    if (f->spoil)
        f->spoil(answer);
    f->answered++;
    shared_publish(&answer->turn, f->answered);
}

/* Words of a submission, and of its completion, wherever they are. */
static struct clo_parameter word_of(const struct clo_submission *in, unsigned i)
{
    struct clo_parameter words[CLO_PARAMETERS_MAX - 1];
    memcpy(words, in->data, sizeof words);
    return in->inline_in == CLO_WORDS_IN_LINE ? words[i] : in->parameter[i];
}

static void set_word(const struct clo_submission *in, struct clo_completion *out, unsigned i,
                     struct clo_parameter word)
{
    if (in->inline_in == CLO_WORDS_IN_LINE)
        memcpy(out->data + i * sizeof word, &word, sizeof word);
    else
        out->parameter[i] = word;
}

/* Echoes buffer 0 into buffer 1, wherever they are. */
static void echo_one(struct fixture *f, uint32_t turn)
{
    struct clo_submission *in = submission_of(f, turn);
    struct clo_completion *out = next_answer(f);
    uint8_t *arena = f->memory + CLO_ARENA_OFFSET;
    bool inline_in = in->kinds & CLO_PARAM_INLINE;
    const uint8_t *from = inline_in ? in->data : arena + word_of(in, 0).a;
    size_t size = inline_in ? in->inline_in : word_of(in, 0).b;
    out->submission = in->turn;
    if (in->kinds & CLO_PARAM_INLINE << 4) {
        memcpy(out->data, from, size);
        out->inline_out = (uint8_t)size;
    } else {
        memmove(arena + word_of(in, 1).a, from, size); /* perhaps in one place */
        set_word(in, out, 1, (struct clo_parameter){.b = size});
    }
    publish_answer(f, out);
}

static void die(struct fixture *f)
{
    shared_set(&f->header->state, CLO_CHANNEL_DEAD);
}

/* Client side */

static void expect_result(cloister_result result, cloister_status status, int origin)
{
    assert_string_equal(cloister_status_name(result.status), cloister_status_name(status));
    assert_int_equal(result.origin, origin);
}

/* What is wrong with a completion of a small call */

static void spoil_submission(struct clo_completion *answer)
{
    answer->submission += 1;
}
static void spoil_submission_by_a_lap(struct clo_completion *answer)
{
    answer->submission += CLO_RING_SIZE;
}
static void spoil_reserved(struct clo_completion *answer)
{
    answer->reserved = 1;
}
static void spoil_origin(struct clo_completion *answer)
{
    answer->origin = CLOISTER_ORIGIN_MODULE + 1;
}
static void spoil_inline_size(struct clo_completion *answer)
{
    answer->inline_out = 33;
}
static void spoil_inline_size_greatly(struct clo_completion *answer)
{
    answer->inline_out = 255;
}

#define SPOILERS 6u
static void (*const spoilers[SPOILERS])(struct clo_completion *) = {
    spoil_submission, spoil_submission_by_a_lap, spoil_reserved,
    spoil_origin,     spoil_inline_size,         spoil_inline_size_greatly,
};

#endif

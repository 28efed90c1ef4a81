/*
 * ATTACKS N1: everything that a client shares with a module changes while the module looks at it. A
 * thread flips one field between two values, or any word to any value, as fast as it can, while
 * submissions go on. Whatever the module makes of a submission, it makes of one copy: sizes stay
 * inside the buffers, inputs do not change under the handler, and an honest client sees nothing.
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

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FLIPS 10000000u /* at least, in each test */
#define FLIPS_AT_ONCE CLO_RING_SIZE
#define CHANNELS_LEAST 20u
#define CALLS_A_CHANNEL 200u
#define SMALL 64u
#define MIDDLE WITNESS_MOST
#define ECHO_KINDS (CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4)
#define IN_LINE_KINDS (ECHO_KINDS | CLO_PARAM_INLINE | CLO_PARAM_INLINE << 4)

/* What is flipped: a field of every submission, or any words of a part of the channel. */
struct target {
    const char *what;
    size_t offset; /* in a submission, or in the channel */
    size_t size;   /* of the field: 1, 2, 4, 8; or of the part */
    uint64_t value[2];
    bool any;
};

#define FIELD(name, ...)                                                                           \
    {                                                                                              \
#name, offsetof(struct clo_submission, name), sizeof(((struct clo_submission *)0)->name),  \
            {__VA_ARGS__ }, false                                                                  \
    }
#define PART(what, from, to)                                                                       \
    {                                                                                              \
        what, from, (to) - (from), {0}, true                                                       \
    }

struct flipper {
    pthread_t thread;
    pthread_mutex_t lock; /* held while it writes: the channel comes and goes */
    const struct target *target;
    uint8_t *channel;   /* NULL: none */
    atomic_bool aiming; /* somebody wants the lock: it is not a fair one */
    _Atomic uint64_t flips;
    atomic_bool stop;
};

static uint32_t next_random(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x;
}

static void store(uint8_t *at, size_t size, uint64_t value)
{
    switch (size) {
    case 1:
        __atomic_store_n(at, (uint8_t)value, __ATOMIC_RELAXED);
        return;
    case 2:
        __atomic_store_n((uint16_t *)(void *)at, (uint16_t)value, __ATOMIC_RELAXED);
        return;
    case 4:
        __atomic_store_n((uint32_t *)(void *)at, (uint32_t)value, __ATOMIC_RELAXED);
        return;
    default:
        __atomic_store_n((uint64_t *)(void *)at, value, __ATOMIC_RELAXED);
    }
}

static void flip_field(uint8_t *channel, const struct target *target, unsigned which)
{
    uint8_t *at = channel + CLO_SUBMISSIONS_OFFSET + target->offset;
    for (unsigned i = 0; i < FLIPS_AT_ONCE; i++)
        store(at + i * sizeof(struct clo_submission), target->size, target->value[which]);
}

/* Small numbers, single bits and all ones are met as often as any others. */
static uint32_t any_value(uint32_t *seed)
{
    uint32_t value = next_random(seed);
    if (value & 3)
        return value >> (value >> 27);
    return value & 4 ? UINT32_MAX : 1u << (value >> 27);
}

static void flip_words(uint8_t *channel, const struct target *target, uint32_t *seed)
{
    for (unsigned i = 0; i < FLIPS_AT_ONCE; i++) {
        size_t at = target->offset + next_random(seed) % (target->size / 4) * 4;
        store(channel + at, 4, any_value(seed));
    }
}

static void *flip(void *argument)
{
    struct flipper *flipper = argument;
    uint32_t seed = 1;
    for (unsigned round = 0; !atomic_load(&flipper->stop); round++) {
        (void)pthread_mutex_lock(&flipper->lock);
        if (flipper->channel && flipper->target->any)
            flip_words(flipper->channel, flipper->target, &seed);
        else if (flipper->channel)
            flip_field(flipper->channel, flipper->target, round & 1);
        if (flipper->channel)
            (void)atomic_fetch_add(&flipper->flips, FLIPS_AT_ONCE);
        (void)pthread_mutex_unlock(&flipper->lock);
        while (atomic_load(&flipper->aiming))
            (void)sched_yield();
    }
    return NULL;
}

static void aim(struct flipper *flipper, struct clo_channel_header *channel)
{
    atomic_store(&flipper->aiming, true);
    (void)pthread_mutex_lock(&flipper->lock);
    flipper->channel = (uint8_t *)channel;
    (void)pthread_mutex_unlock(&flipper->lock);
    atomic_store(&flipper->aiming, false);
}

/* Where only what the module reads is flipped, each call is answered or the channel breaks. */
static unsigned call_and_look(struct raw_channel *channel, const struct clo_submission *submission)
{
    struct clo_completion completion;
    for (unsigned i = 0; i < CALLS_A_CHANNEL; i++) {
        raw_submit(channel, submission);
        if (!raw_wait(channel, &completion))
            return i;
        assert_int_equal(completion.submission, channel->completed);
        if (completion.status == CLOISTER_OK)
            assert_in_range(completion.parameter[1].b, 0, WITNESS_MOST);
    }
    return CALLS_A_CHANNEL;
}

/* Where the answers are flipped too there is nothing to wait for. */
static unsigned call_blindly(struct raw_channel *channel, const struct clo_submission *submission)
{
    for (unsigned i = 0; i < CALLS_A_CHANNEL; i++) {
        raw_submit(channel, submission);
        if (i % CLO_RING_SIZE == 0)
            (void)usleep(100);
    }
    return CALLS_A_CHANNEL;
}

static void attack(const struct target *target, bool blindly)
{
    /* Not on the stack: after an assertion has failed the thread goes on. */
    struct flipper *flipper = malloc(sizeof *flipper);
    assert_non_null(flipper);
    *flipper = (struct flipper){.lock = PTHREAD_MUTEX_INITIALIZER, .target = target};
    unsigned channels = 0;
    unsigned calls = 0;
    assert_int_equal(pthread_create(&flipper->thread, NULL, flip, flipper), 0);
    for (; atomic_load(&flipper->flips) < attacked_times(FLIPS) ||
           channels < attacked_times(CHANNELS_LEAST);
         channels++) {
        struct raw_channel channel;
        raw_channel_ready(&channel, attacked.socket);
        struct clo_submission echo = raw_echo(&channel, 0, target->any ? WITNESS_MOST : SMALL);
        aim(flipper, channel.header);
        calls += blindly ? call_blindly(&channel, &echo) : call_and_look(&channel, &echo);
        aim(flipper, NULL);
        raw_channel_close(&channel);
    }
    atomic_store(&flipper->stop, true);
    (void)pthread_join(flipper->thread, NULL);
    free(flipper);
    print_message("%s: %u calls through %u channels\n", target->what, calls, channels);
}

static void attack_all(const struct target *targets, size_t count, bool blindly)
{
    struct neighbour *neighbour = neighbour_start();
    for (size_t i = 0; i < count; i++) {
        attack(&targets[i], blindly);
        neighbour_goes_on(neighbour, 1);
    }
    neighbour_stop(neighbour);
    attacked_wait_for_channels(0);
    attacked_is_sound();
}

static void field_that_flips_is_read_once(void **state)
{
    static const struct target fields[] = {
        FIELD(deadline_us, 0, UINT32_MAX),
        FIELD(method, WITNESS_ECHO, CLO_METHOD_OPEN - 1),
        FIELD(method, WITNESS_ECHO, WITNESS_FACTS),
        FIELD(kinds, ECHO_KINDS, IN_LINE_KINDS),
        FIELD(kinds, ECHO_KINDS, UINT16_MAX),
        FIELD(session, 0, UINT16_MAX),
        FIELD(inline_in, 0, UINT8_MAX),
        FIELD(inline_in, 0, CLO_WORDS_IN_LINE),
        FIELD(inline_out, 0, UINT8_MAX),
        FIELD(parameter[0].a, 0, -64ull),
        FIELD(parameter[0].a, 0, 1ull << 32),
        FIELD(parameter[0].a, 0, MIDDLE),
        FIELD(parameter[0].b, SMALL, WITNESS_MOST),
        FIELD(parameter[0].b, SMALL, UINT32_MAX),
        FIELD(parameter[1].a, MIDDLE, 2 * WITNESS_MOST + CLO_ARENA_OFFSET),
        FIELD(parameter[1].b, SMALL, UINT64_MAX),
        FIELD(parameter[1].b, 0, WITNESS_MOST),
    };
    (void)state;
    attacked_or_skip();
    attack_all(fields, ARRAY_SIZE(fields), false);
}

static void arena_that_changes_does_not_change_under_the_handler(void **state)
{
    static const struct target parts[] = {
        PART("input", CLO_ARENA_OFFSET, CLO_ARENA_OFFSET + SMALL),
        PART("arena", CLO_ARENA_OFFSET, CLO_ARENA_OFFSET + 2 * WITNESS_MOST),
    };
    (void)state;
    attacked_or_skip();
    attack_all(parts, ARRAY_SIZE(parts), false);
}

static void channel_that_changes_everywhere_harms_itself_alone(void **state)
{
    static const struct target parts[] = {
        PART("header", 0, CLO_SUBMISSIONS_OFFSET),
        PART("words that both sides poll", 64, 512),
        PART("submissions", CLO_SUBMISSIONS_OFFSET, CLO_COMPLETIONS_OFFSET),
        PART("completions", CLO_COMPLETIONS_OFFSET, CLO_ARENA_OFFSET),
        PART("all of it", 0, CLO_ARENA_OFFSET + 2 * WITNESS_MOST),
    };
    (void)state;
    attacked_or_skip();
    attack_all(parts, ARRAY_SIZE(parts), true);
}

/* The pages themselves go, under the module and under the world host that wakes the client. */
static void memory_that_is_taken_away_harms_its_owner_alone(void **state)
{
    (void)state;
    attacked_or_skip();
    struct neighbour *neighbour = neighbour_start();
    for (unsigned round = 0; round < attacked_times(200); round++) {
        struct raw_channel channel;
        raw_channel_ready(&channel, attacked.socket);
        struct clo_submission echo = raw_echo(&channel, 0, WITNESS_MOST);
        for (unsigned i = 0; i < CLO_RING_SIZE; i++) {
            raw_submit(&channel, &echo);
            __atomic_store_n(&channel.header->client_parked, 1, __ATOMIC_RELAXED);
            assert_int_equal(fallocate(channel.memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                                       channel.size),
                             0);
        }
        assert_int_equal(ftruncate(channel.memfd, 0), -1);
        assert_int_equal(ftruncate(channel.memfd, channel.size + 4096l), -1);
        raw_channel_close(&channel);
    }
    neighbour_stop(neighbour);
    attacked_wait_for_channels(0);
    attacked_is_sound();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(field_that_flips_is_read_once),
        cmocka_unit_test(arena_that_changes_does_not_change_under_the_handler),
        cmocka_unit_test(channel_that_changes_everywhere_harms_itself_alone),
        cmocka_unit_test(memory_that_is_taken_away_harms_its_owner_alone),
    };
    return cmocka_run_group_tests(tests, attacked_start, attacked_stop);
}

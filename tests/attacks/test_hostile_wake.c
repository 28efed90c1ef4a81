/*
 * ATTACKS X3 and X5: deadlines, progress and wake words that are forged; a doorbell that is full,
 * blocking, read by somebody else, rung without end or closed. No thread of the world host waits
 * for any of it: the socket is answered, the module serves its other clients, the world stops.
 */
#include "tests/attacks/attacked_world.h"
#include "tests/attacks/raw_channel.h"
#include "tests/modules/witness.h"

#include "base/scope.h"
#include "cloister/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUNDS 40u
#define RINGS 200000u
#define SLEEPERS 500u
#define SLOW_US 20000u

/* X3 */

/* Forges every word of the header that either side polls, until told to stop. */
struct forger {
    pthread_t thread;
    struct clo_channel_header *header;
    atomic_bool stop;
};

static void *forge(void *argument)
{
    struct forger *forger = argument;
    struct clo_channel_header *header = forger->header;
    for (uint32_t i = 0; !atomic_load(&forger->stop); i++) {
        __atomic_store_n(&header->client_wake, i, __ATOMIC_RELAXED);
        __atomic_store_n(&header->module_parked, i & 1, __ATOMIC_RELAXED);
        __atomic_store_n(&header->client_parked, i >> 1 & 1, __ATOMIC_RELAXED);
        __atomic_store_n(&header->reason, i, __ATOMIC_RELAXED);
        __atomic_store_n(&header->generation, i, __ATOMIC_RELAXED);
        for (unsigned entry = 0; entry < CLO_RING_SIZE; entry++)
            __atomic_store_n(&header->cancel[entry], i, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void forger_start(struct forger *forger, const struct raw_channel *channel)
{
    *forger = (struct forger){.header = channel->header};
    assert_int_equal(pthread_create(&forger->thread, NULL, forge, forger), 0);
}

static void forger_stop(struct forger *forger)
{
    atomic_store(&forger->stop, true);
    (void)pthread_join(forger->thread, NULL);
}

static void forged_progress_and_tiny_deadlines_end_no_module(void **state)
{
    (void)state;
    attacked_or_skip();
    struct neighbour *neighbour = neighbour_start();
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct raw_channel channel;
        struct forger forger;
        raw_channel_ready(&channel, attacked.socket);
        forger_start(&forger, &channel);
        struct clo_submission slow = raw_slow(0, SLOW_US);
        for (unsigned i = 0; i < 4; i++) {
            slow.deadline_us = i + 1;
            raw_submit(&channel, &slow);
        }
        neighbour_goes_on(neighbour, 3);
        forger_stop(&forger);
        raw_channel_close(&channel);
    }
    neighbour_stop(neighbour);
    attacked_wait_for_channels(0);
    attacked_is_sound();
}

static void call_past_its_deadline_times_out_beside_a_forger(void **state)
{
    (void)state;
    struct raw_channel channel;
    struct forger forger;
    cloister_world *world;
    cloister_session *session;
    attacked_or_skip();
    raw_channel_ready(&channel, attacked.socket);
    forger_start(&forger, &channel);
    assert_int_equal(cloister_world_open(attacked.socket, &world), CLOISTER_OK);
    assert_int_equal(cloister_session_open(world, "witness", 0, &session), CLOISTER_OK);
    for (unsigned i = 0; i < 5; i++) {
        cloister_parameter p[4] = {cloister_value(10ull * SLOW_US, 0)};
        cloister_result result = cloister_call(session, "slow", p, 1);
        assert_int_equal(result.status, CLOISTER_TIMEOUT);
        assert_int_equal(result.origin, CLOISTER_ORIGIN_CLIENT);
        p[0] = cloister_value(0, 0);
        assert_int_equal(cloister_call(session, "slow", p, 0).status, CLOISTER_OK);
    }
    cloister_session_close(session);
    cloister_world_close(world);
    forger_stop(&forger);
    raw_channel_close(&channel);
    attacked_is_sound();
}

/* A crowd on the word that the world host wakes. */
struct sleeper {
    pthread_t thread;
    struct clo_channel_header *header;
    atomic_bool *stop;
    _Atomic unsigned *woken;
};

static void *sleep_there(void *argument)
{
    struct sleeper *sleeper = argument;
    uint32_t *word = &sleeper->header->client_wake;
    const struct timespec patience = {.tv_nsec = 100000000};
    while (!atomic_load(sleeper->stop))
        if (syscall(SYS_futex, word, FUTEX_WAIT, __atomic_load_n(word, __ATOMIC_RELAXED), &patience,
                    NULL, 0) == 0)
            (void)atomic_fetch_add(sleeper->woken, 1);
    return NULL;
}

static unsigned sleepers_start(struct sleeper *sleepers, unsigned most, const struct sleeper *like)
{
    pthread_attr_t attributes;
    unsigned count = 0;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, 1 << 17);
    for (; count < most; count++) {
        sleepers[count] = *like;
        if (pthread_create(&sleepers[count].thread, &attributes, sleep_there, &sleepers[count]))
            break;
    }
    (void)pthread_attr_destroy(&attributes);
    return count;
}

static void crowd_that_sleeps_on_the_wake_word_holds_up_nobody(void **state)
{
    (void)state;
    static struct sleeper sleepers[SLEEPERS];
    struct raw_channel channel;
    atomic_bool stop = false;
    _Atomic unsigned woken = 0;
    attacked_or_skip();
    struct neighbour *neighbour = neighbour_start();
    raw_channel_ready(&channel, attacked.socket);
    const struct sleeper one = {.header = channel.header, .stop = &stop, .woken = &woken};
    unsigned count = sleepers_start(sleepers, attacked_times(SLEEPERS), &one);
    struct clo_submission echo = raw_echo(&channel, 0, 64);
    for (unsigned i = 0; i < ROUNDS; i++) {
        __atomic_store_n(&channel.header->client_parked, 1, __ATOMIC_SEQ_CST);
        assert_int_equal(raw_call(&channel, &echo), CLOISTER_OK);
        neighbour_goes_on(neighbour, 3);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < count; i++)
        (void)pthread_join(sleepers[i].thread, NULL);
    raw_channel_close(&channel);
    assert_in_range(atomic_load(&woken), 0, ROUNDS); /* one a wake-up, for a wake-up takes time */
    neighbour_stop(neighbour);
    attacked_is_sound();
}

/* X5 */

/* Full, and nobody who uses it may count on O_NONBLOCK: the flag belongs to all who hold it. */
static void fill_and_block(const struct raw_channel *channel)
{
    assert_int_equal(fcntl(channel->doorbell, F_SETFL, O_NONBLOCK), 0);
    for (uint64_t part = 1ull << 63; part > 0; part /= 2)
        (void)!write(channel->doorbell, &part, sizeof part);
    assert_int_equal(fcntl(channel->doorbell, F_SETFL, 0), 0);
}

static void full_and_blocking_doorbell_blocks_nobody(void **state)
{
    (void)state;
    attacked_or_skip();
    struct neighbour *neighbour = neighbour_start();
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct raw_channel channel;
        raw_channel_ready(&channel, attacked.socket);
        struct clo_submission echo = raw_echo(&channel, 0, 64);
        fill_and_block(&channel);
        /* It cannot be rung any more, so the module looks when somebody else wakes it. */
        *raw_entry(&channel) = echo;
        channel.submitted++;
        __atomic_store_n(&channel.submissions[1].turn, channel.submitted, __ATOMIC_RELEASE);
        neighbour_goes_on(neighbour, 10);
        struct clo_completion completion;
        assert_true(raw_wait(&channel, &completion));
        raw_channel_close(&channel);
    }
    neighbour_stop(neighbour);
    attacked_wait_for_channels(0);
    attacked_is_sound();
}

/* Parked, the module is rung awake by an empty doorbell as well as by a full one. */
static void module_that_sleeps_beside_a_full_doorbell_wakes(void **state)
{
    (void)state;
    struct raw_channel channel;
    struct raw_channel honest;
    attacked_or_skip();
    raw_channel_ready(&channel, attacked.socket);
    raw_channel_ready(&honest, attacked.socket);
    fill_and_block(&channel);
    struct clo_submission echo = raw_echo(&honest, 0, 64);
    for (unsigned i = 0; i < ROUNDS; i++) {
        for (unsigned wait = 0; wait < 1000 && !honest.header->module_parked; wait++)
            (void)usleep(1000);
        assert_int_equal(raw_call(&honest, &echo), CLOISTER_OK);
    }
    raw_channel_close(&honest);
    raw_channel_close(&channel);
    attacked_is_sound();
}

/* Takes without end what the world host would read, did it ever. */
struct thief {
    pthread_t thread;
    int doorbell;
    atomic_bool stop;
};

static void *read_rings(void *argument)
{
    struct thief *thief = argument;
    uint64_t count;
    while (!atomic_load(&thief->stop))
        (void)!read(thief->doorbell, &count, sizeof count);
    return NULL;
}

static void client_that_takes_its_own_rings_harms_itself_alone(void **state)
{
    (void)state;
    attacked_or_skip();
    struct neighbour *neighbour = neighbour_start();
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct raw_channel channel;
        struct clo_completion completion;
        raw_channel_ready(&channel, attacked.socket);
        struct thief thief = {.doorbell = channel.doorbell};
        struct clo_submission echo = raw_echo(&channel, 0, 64);
        assert_int_equal(pthread_create(&thief.thread, NULL, read_rings, &thief), 0);
        for (unsigned i = 0; i < 4; i++)
            raw_submit(&channel, &echo);
        neighbour_goes_on(neighbour, 3);
        atomic_store(&thief.stop, true);
        (void)pthread_join(thief.thread, NULL);
        raw_ring(&channel);
        for (unsigned i = 0; i < 4; i++)
            assert_true(raw_wait(&channel, &completion));
        raw_channel_close(&channel);
    }
    neighbour_stop(neighbour);
    attacked_is_sound();
}

static void doorbell_rung_without_end_leaves_everyone_served(void **state)
{
    (void)state;
    struct raw_channel channel;
    attacked_or_skip();
    struct neighbour *neighbour = neighbour_start();
    raw_channel_ready(&channel, attacked.socket);
    struct clo_submission echo = raw_echo(&channel, 0, 64);
    uint64_t replies = neighbour_replies(neighbour);
    for (unsigned i = 0; i < attacked_times(RINGS); i++) {
        uint64_t count;
        raw_ring(&channel);
        if (i % 2)
            (void)!read(channel.doorbell, &count, sizeof count);
    }
    print_message("%u rings, %llu replies to an honest client meanwhile\n", attacked_times(RINGS),
                  (unsigned long long)(neighbour_replies(neighbour) - replies));
    neighbour_goes_on(neighbour, 100);
    assert_int_equal(raw_call(&channel, &echo), CLOISTER_OK);
    raw_channel_close(&channel);
    neighbour_stop(neighbour);
    attacked_is_sound();
}

static void doorbell_that_is_closed_is_missed_by_nobody(void **state)
{
    (void)state;
    struct raw_channel channel;
    attacked_or_skip();
    struct neighbour *neighbour = neighbour_start();
    raw_channel_ready(&channel, attacked.socket);
    struct clo_submission echo = raw_echo(&channel, 0, 64);
    (void)close(channel.doorbell);
    channel.doorbell = -1;
    raw_submit(&channel, &echo);
    neighbour_goes_on(neighbour, 10);
    struct clo_completion completion;
    assert_true(raw_wait(&channel, &completion)); /* the neighbour keeps the module awake */
    raw_channel_close(&channel);
    neighbour_stop(neighbour);
    attacked_is_sound();
}

/* The doorbell outlives its channel in the client's hands; it rings at nobody's door. */
static void doorbell_of_a_closed_channel_rings_for_nobody(void **state)
{
    (void)state;
    struct raw_channel channel;
    attacked_or_skip();
    raw_channel_ready(&channel, attacked.socket);
    (void)close(channel.socket);
    channel.socket = -1;
    attacked_wait_for_channels(0);
    struct neighbour *neighbour = neighbour_start();
    for (unsigned i = 0; i < 10000; i++)
        raw_ring(&channel);
    fill_and_block(&channel);
    neighbour_stop(neighbour);
    raw_channel_close(&channel);
    attacked_is_sound();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(forged_progress_and_tiny_deadlines_end_no_module),
        cmocka_unit_test(call_past_its_deadline_times_out_beside_a_forger),
        cmocka_unit_test(crowd_that_sleeps_on_the_wake_word_holds_up_nobody),
        cmocka_unit_test(full_and_blocking_doorbell_blocks_nobody),
        cmocka_unit_test(module_that_sleeps_beside_a_full_doorbell_wakes),
        cmocka_unit_test(client_that_takes_its_own_rings_harms_itself_alone),
        cmocka_unit_test(doorbell_rung_without_end_leaves_everyone_served),
        cmocka_unit_test(doorbell_that_is_closed_is_missed_by_nobody),
        cmocka_unit_test(doorbell_of_a_closed_channel_rings_for_nobody),
    };
    return cmocka_run_group_tests(tests, attacked_start, attacked_stop);
}

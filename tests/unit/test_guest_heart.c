/*
 * The heartbeat's thread: where it beats, and when no longer.
 */
#include "vmm/guest_heart.h"

#include "abi/guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#define POLL_US 1000u
#define PATIENCE_US 20000000u

static struct guest_heart heart;
static uint32_t beat[CLO_GUESTS_MAX];

static int start(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CLO_GUESTS_MAX; i++)
        beat[i] = 0;
    guest_heart_create(&heart);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                   guest_heart_start(&heart, NULL) == CLOISTER_OK
               ? 0
               : -1;
}

static int stop(void **state)
{
    (void)state;
    guest_heart_stop(&heart);
    return 0;
}

static uint32_t beat_of(unsigned guest)
{
    return __atomic_load_n(&beat[guest], __ATOMIC_RELAXED);
}

static void expect_beats(unsigned guest)
{
    for (unsigned i = 0; i < 3; i++) {
        uint32_t before = beat_of(guest);
        for (unsigned us = 0; beat_of(guest) == before && us < PATIENCE_US; us += POLL_US)
            (void)usleep(POLL_US);
        assert_int_not_equal(beat_of(guest), before);
    }
}

static void expect_rest(unsigned guest, uint32_t before)
{
    (void)usleep(3000 * CLO_GUEST_BEAT_MS);
    assert_int_equal(beat_of(guest), before);
}

static void guest_that_comes_is_beaten_for(void **state)
{
    (void)state;
    guest_heart_add(&heart, &beat[0]);
    expect_beats(0);
    assert_int_equal(beat_of(1), 0);
}

static void as_many_guests_as_there_may_be_are_beaten_for(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CLO_GUESTS_MAX; i++)
        guest_heart_add(&heart, &beat[i]);
    for (unsigned i = 0; i < CLO_GUESTS_MAX; i++)
        expect_beats(i);
}

static void memory_of_a_guest_that_went_is_not_touched(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        guest_heart_add(&heart, &beat[i]);
    expect_beats(1);
    guest_heart_remove(&heart, &beat[1]);
    uint32_t last = beat_of(1);
    expect_beats(0);
    expect_beats(2);
    assert_int_equal(beat_of(1), last);
    guest_heart_remove(&heart, &beat[2]);
    guest_heart_remove(&heart, &beat[2]);
    guest_heart_remove(&heart, &beat[0]);
    expect_rest(0, beat_of(0));
}

static void heart_beats_again_after_a_rest(void **state)
{
    (void)state;
    guest_heart_add(&heart, &beat[0]);
    expect_beats(0);
    guest_heart_remove(&heart, &beat[0]);
    expect_rest(0, beat_of(0));
    guest_heart_add(&heart, &beat[1]);
    expect_beats(1);
}

static void heart_that_ended_does_not_beat(void **state)
{
    guest_heart_add(&heart, &beat[0]);
    expect_beats(0);
    guest_heart_stop(&heart);
    expect_rest(0, beat_of(0));
    (void)start(state);
}

static void heart_that_never_began_can_be_stopped(void **state)
{
    struct guest_heart other;
    (void)state;
    guest_heart_create(&other);
    guest_heart_add(&other, &beat[0]);
    guest_heart_remove(&other, &beat[0]);
    guest_heart_stop(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(guest_that_comes_is_beaten_for),
        TEST(as_many_guests_as_there_may_be_are_beaten_for),
        TEST(memory_of_a_guest_that_went_is_not_touched),
        TEST(heart_beats_again_after_a_rest),
        TEST(heart_that_ended_does_not_beat),
        TEST(heart_that_never_began_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

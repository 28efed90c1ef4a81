/*
 * When a guest takes its world for dead. The clock is the test's.
 */
#include "normal-world/guest/pulse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BEAT 7u
#define START_MS 123456u
#define HOUR_MS 3600000u

static struct pulse pulse;
static uint64_t now_ms;

static int start(void **state)
{
    (void)state;
    now_ms = START_MS;
    pulse_start(&pulse, BEAT, now_ms);
    return 0;
}

static bool look_after(uint32_t ms, uint32_t beat)
{
    now_ms += ms;
    return pulse_felt(&pulse, beat, now_ms);
}

/* Looks every `step` ms for `ms`; false: it was found dead before. */
static bool lives_for(uint32_t ms, uint32_t step, uint32_t beat)
{
    for (uint32_t passed = 0; passed < ms; passed += step)
        if (!look_after(step, beat))
            return false;
    return true;
}

static void beat_that_stands_still_is_death_after_its_time(void **state)
{
    (void)state;
    assert_true(lives_for(CLO_GUEST_DEAD_MS - 1, 1, BEAT));
    assert_false(look_after(1, BEAT));
}

static void death_is_found_within_a_second_of_the_last_beat(void **state)
{
    (void)state;
    static const uint32_t steps[] = {1, 20, 99, CLO_GUEST_BEAT_MS};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        (void)start(state);
        assert_false(lives_for(999, steps[i], BEAT));
    }
}

static void beat_that_changes_begins_anew(void **state)
{
    (void)state;
    for (uint32_t beat = BEAT; beat < BEAT + 20; beat++) {
        assert_true(look_after(1, beat));
        assert_true(lives_for(CLO_GUEST_DEAD_MS - CLO_GUEST_BEAT_MS, 10, beat));
    }
}

static void beat_may_wrap_and_go_back(void **state)
{
    (void)state;
    assert_true(lives_for(CLO_GUEST_DEAD_MS - 1, 1, BEAT));
    assert_true(look_after(1, UINT32_MAX));
    assert_true(lives_for(CLO_GUEST_DEAD_MS - 1, 1, UINT32_MAX));
    assert_true(look_after(1, 0));
}

/* The guest was paused, its host slept: nobody knows what the world did meanwhile. */
static void jump_of_the_clock_is_no_death(void **state)
{
    (void)state;
    assert_true(look_after(HOUR_MS, BEAT));
    assert_true(look_after(1, BEAT));
    assert_true(lives_for(CLO_GUEST_DEAD_MS - 2 * CLO_GUEST_BEAT_MS, 10, BEAT));
}

static void death_takes_several_looks_however_far_apart(void **state)
{
    (void)state;
    const uint32_t looks = CLO_GUEST_DEAD_MS / CLO_GUEST_BEAT_MS;
    for (uint32_t i = 1; i < looks; i++)
        assert_true(look_after(HOUR_MS, BEAT));
    assert_false(look_after(HOUR_MS, BEAT));
    assert_true(looks >= 5);
}

static void jump_shortly_before_the_end_is_one_look(void **state)
{
    (void)state;
    assert_true(lives_for(CLO_GUEST_DEAD_MS - CLO_GUEST_BEAT_MS - 1, 1, BEAT));
    assert_true(look_after(HOUR_MS, BEAT));
    assert_false(look_after(1, BEAT));
}

static void late_beat_is_life_again(void **state)
{
    (void)state;
    assert_false(lives_for(CLO_GUEST_DEAD_MS, 1, BEAT));
    assert_false(look_after(1, BEAT));
    assert_true(look_after(1, BEAT + 1));
    assert_true(lives_for(CLO_GUEST_DEAD_MS - 1, 1, BEAT + 1));
    assert_false(look_after(1, BEAT + 1));
}

static void looks_at_once_count_their_time_once(void **state)
{
    (void)state;
    for (uint32_t passed = 1; passed < CLO_GUEST_DEAD_MS; passed++) {
        assert_true(look_after(1, BEAT));
        for (unsigned thread = 0; thread < 8; thread++) {
            assert_true(pulse_felt(&pulse, BEAT, now_ms));
            assert_true(pulse_felt(&pulse, BEAT, now_ms - thread)); /* it read the clock before */
        }
    }
    assert_false(look_after(1, BEAT));
}

static void death_stays_death_for_ever(void **state)
{
    (void)state;
    assert_false(lives_for(CLO_GUEST_DEAD_MS, 1, BEAT));
    for (unsigned i = 0; i < 1000; i++) {
        assert_false(look_after(HOUR_MS, BEAT));
        assert_false(look_after(1, BEAT));
    }
}

#define TEST(name) cmocka_unit_test_setup(name, start)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(beat_that_stands_still_is_death_after_its_time),
        TEST(death_is_found_within_a_second_of_the_last_beat),
        TEST(beat_that_changes_begins_anew),
        TEST(beat_may_wrap_and_go_back),
        TEST(jump_of_the_clock_is_no_death),
        TEST(death_takes_several_looks_however_far_apart),
        TEST(jump_shortly_before_the_end_is_one_look),
        TEST(late_beat_is_life_again),
        TEST(looks_at_once_count_their_time_once),
        TEST(death_stays_death_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

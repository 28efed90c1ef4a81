/*
 * Time limits: when a module is ended, and that nobody but itself can change that.
 */
#include "vmm/time_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND 1000000000ull

static void module_that_never_starts_is_ended(void **state)
{
    (void)state;
    uint64_t next;
    struct time_limit limit = time_limit_of(1000, 5 * SECOND);
    assert_int_equal(time_limit_look(&limit, 0, 6 * SECOND, &next), TIME_GOES_ON);
    assert_int_equal(next, TIME_LIMIT_IDLE_NS); /* or a call right after the start were unlimited */
    assert_int_equal(time_limit_look(&limit, 0, 15 * SECOND - 5, &next), TIME_GOES_ON);
    assert_int_equal(next, 5);
    assert_int_equal(time_limit_look(&limit, 0, 15 * SECOND, &next), TIME_START_EXCEEDED);
}

static void module_that_waited_once_has_started(void **state)
{
    (void)state;
    uint64_t next;
    struct time_limit limit = time_limit_of(0, 0);
    limit.started = true;
    assert_int_equal(time_limit_look(&limit, 0, 100 * SECOND, &next), TIME_GOES_ON);
}

static void call_is_timed_from_its_first_look(void **state)
{
    (void)state;
    uint64_t next;
    struct time_limit limit = time_limit_of(2000000, 0);
    assert_int_equal(time_limit_look(&limit, 1, 50 * SECOND, &next), TIME_GOES_ON);
    assert_int_equal(next, 2 * SECOND);
    assert_int_equal(time_limit_look(&limit, 1, 51 * SECOND, &next), TIME_GOES_ON);
    assert_int_equal(next, SECOND);
    assert_int_equal(time_limit_look(&limit, 1, 52 * SECOND, &next), TIME_CALL_EXCEEDED);
}

static void many_short_calls_are_not_one_long_one(void **state)
{
    (void)state;
    uint64_t next;
    struct time_limit limit = time_limit_of(1000, 0);
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(time_limit_look(&limit, 2 * i + 1, i * SECOND, &next), TIME_GOES_ON);
}

static void same_progress_after_an_idle_look_is_timed_anew(void **state)
{
    (void)state;
    uint64_t next;
    struct time_limit limit = time_limit_of(1000000, 0);
    assert_int_equal(time_limit_look(&limit, 3, 0, &next), TIME_GOES_ON);
    assert_int_equal(time_limit_look(&limit, 4, SECOND / 2, &next), TIME_GOES_ON);
    assert_int_equal(time_limit_look(&limit, 3, 10 * SECOND, &next), TIME_GOES_ON);
}

static void idle_poller_is_looked_at_seldom(void **state)
{
    (void)state;
    uint64_t next;
    struct time_limit limit = time_limit_of(1, 0);
    assert_int_equal(time_limit_look(&limit, 2, 0, &next), TIME_GOES_ON);
    assert_int_equal(next, TIME_LIMIT_IDLE_NS);
}

static void largest_limit_does_not_wrap(void **state)
{
    (void)state;
    uint64_t next;
    struct time_limit limit = time_limit_of(UINT32_MAX, 0);
    assert_int_equal(time_limit_look(&limit, 1, 0, &next), TIME_GOES_ON);
    assert_int_equal(next, UINT32_MAX * 1000ull);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(module_that_never_starts_is_ended),
        cmocka_unit_test(module_that_waited_once_has_started),
        cmocka_unit_test(call_is_timed_from_its_first_look),
        cmocka_unit_test(many_short_calls_are_not_one_long_one),
        cmocka_unit_test(same_progress_after_an_idle_look_is_timed_anew),
        cmocka_unit_test(idle_poller_is_looked_at_seldom),
        cmocka_unit_test(largest_limit_does_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Rate limits of a module.
 */
#include "vmm/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static unsigned take_all(struct rate *rate, uint64_t now)
{
    unsigned taken = 0;
    while (taken < 100000 && rate_take(rate, now))
        taken++;
    return taken;
}

static void burst_is_one_second_of_events(void **state)
{
    (void)state;
    struct rate rate = rate_of(100, 7);
    assert_int_equal(take_all(&rate, 7), 100);
    assert_false(rate_take(&rate, 7));
}

static void credit_comes_back_with_time(void **state)
{
    (void)state;
    struct rate rate = rate_of(10, 0);
    assert_int_equal(take_all(&rate, 0), 10);
    assert_int_equal(take_all(&rate, RATE_SECOND_NS / 2), 5);
    assert_int_equal(take_all(&rate, RATE_SECOND_NS * 100), 10);
}

static void clock_that_goes_back_gives_nothing(void **state)
{
    (void)state;
    struct rate rate = rate_of(10, RATE_SECOND_NS);
    assert_int_equal(take_all(&rate, RATE_SECOND_NS), 10);
    assert_int_equal(take_all(&rate, 0), 0);
    assert_int_equal(take_all(&rate, RATE_SECOND_NS), 0);
}

static void far_future_does_not_wrap(void **state)
{
    (void)state;
    struct rate rate = rate_of(3, 0);
    assert_int_equal(take_all(&rate, UINT64_MAX), 3);
}

static void zero_rate_is_one(void **state)
{
    (void)state;
    struct rate rate = rate_of(0, 0);
    assert_int_equal(take_all(&rate, 0), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burst_is_one_second_of_events),
        cmocka_unit_test(credit_comes_back_with_time),
        cmocka_unit_test(clock_that_goes_back_gives_nothing),
        cmocka_unit_test(far_future_does_not_wrap),
        cmocka_unit_test(zero_rate_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

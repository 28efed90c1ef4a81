/*
 * Arithmetic that says when the true result does not fit.
 */
#include "base/checked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void sums_that_fit_are_right(void **state)
{
    (void)state;
    uint64_t out;
    assert_true(checked_add(UINT64_MAX - 1, 1, &out));
    assert_true(out == UINT64_MAX);
    assert_true(checked_add(0, 0, &out));
    assert_true(out == 0);
}

static void sum_that_wraps_is_refused(void **state)
{
    (void)state;
    uint64_t out = 7;
    assert_false(checked_add(UINT64_MAX, 1, &out));
    assert_false(checked_add(UINT64_MAX, UINT64_MAX, &out));
    assert_true(out == 7);
}

static void product_that_wraps_is_refused(void **state)
{
    (void)state;
    uint64_t out = 7;
    assert_false(checked_multiply(1ull << 32, 1ull << 32, &out));
    assert_false(checked_multiply(UINT64_MAX, 2, &out));
    assert_true(out == 7);
    assert_true(checked_multiply(UINT64_MAX, 1, &out));
    assert_true(out == UINT64_MAX);
    assert_true(checked_multiply(1ull << 32, (1ull << 32) - 1, &out));
    assert_true(out == ((1ull << 32) - 1) << 32);
}

static void rounding_up_reaches_the_next_multiple(void **state)
{
    (void)state;
    uint64_t out;
    assert_true(checked_round_up(0, 4096, &out));
    assert_true(out == 0);
    assert_true(checked_round_up(1, 4096, &out));
    assert_true(out == 4096);
    assert_true(checked_round_up(4096, 4096, &out));
    assert_true(out == 4096);
    assert_true(checked_round_up(UINT64_MAX - 4095, 4096, &out));
    assert_true(out == UINT64_MAX - 4095);
}

static void rounding_up_past_the_end_is_refused(void **state)
{
    (void)state;
    uint64_t out = 7;
    assert_false(checked_round_up(UINT64_MAX - 4094, 4096, &out));
    assert_false(checked_round_up(UINT64_MAX, 4096, &out));
    assert_true(out == 7);
}

static void ranges_inside_are_within(void **state)
{
    (void)state;
    assert_true(range_within(0, 0, 0));
    assert_true(range_within(0, 10, 10));
    assert_true(range_within(10, 0, 10));
    assert_true(range_within(9, 1, 10));
    assert_true(range_within(0, UINT64_MAX, UINT64_MAX));
}

static void ranges_outside_are_not_within(void **state)
{
    (void)state;
    assert_false(range_within(0, 11, 10));
    assert_false(range_within(10, 1, 10));
    assert_false(range_within(11, 0, 10));
    assert_false(range_within(1, 10, 10));
    assert_false(range_within(UINT64_MAX, 1, 10));
    assert_false(range_within(1, UINT64_MAX, 10));
    assert_false(range_within(UINT64_MAX, UINT64_MAX, UINT64_MAX));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_that_fit_are_right),
        cmocka_unit_test(sum_that_wraps_is_refused),
        cmocka_unit_test(product_that_wraps_is_refused),
        cmocka_unit_test(rounding_up_reaches_the_next_multiple),
        cmocka_unit_test(rounding_up_past_the_end_is_refused),
        cmocka_unit_test(ranges_inside_are_within),
        cmocka_unit_test(ranges_outside_are_not_within),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

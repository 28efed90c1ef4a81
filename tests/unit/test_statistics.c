/*
 * Order statistics of the measurements, and the verdict of a row.
 */
#include "bench/row.h"
#include "bench/statistics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NEAR(a, b) assert_true((a) - (b) < 1e-9 && (b) - (a) < 1e-9)

static void median_of_odd_count_is_the_middle_one(void **state)
{
    (void)state;
    double samples[] = {9, 1, 5};
    NEAR(statistics_median(samples, 3), 5);
}

static void median_of_even_count_lies_between_two(void **state)
{
    (void)state;
    double samples[] = {4, 1, 2, 100};
    NEAR(statistics_median(samples, 4), 3);
}

static void nothing_has_the_median_zero(void **state)
{
    (void)state;
    double none[1] = {7};
    NEAR(statistics_median(none, 0), 0);
    NEAR(statistics_spread(none, 0), 0);
}

static void quantiles_reach_both_ends(void **state)
{
    (void)state;
    double samples[] = {30, 10, 20};
    NEAR(statistics_quantile(samples, 3, 0), 10);
    NEAR(statistics_quantile(samples, 3, 1), 30);
}

static void one_outlier_leaves_spread_alone(void **state)
{
    (void)state;
    double samples[] = {100, 100, 100, 100, 100, 100, 100, 9000};
    NEAR(statistics_spread(samples, 8), 0);
}

static void spread_is_the_distance_of_the_quartiles(void **state)
{
    (void)state;
    double samples[] = {80, 90, 100, 110, 120};
    NEAR(statistics_spread(samples, 5), 0.2);
}

static void cost_above_its_target_does_not_hold(void **state)
{
    (void)state;
    static const struct row_head head = {.aim = ROW_AT_MOST, .target = 1.3};
    struct row_samples samples = {.ours = {140, 130}, .reference = {100, 100}, .count = 2};
    struct row row;
    row_finish(&row, &head, &samples);
    NEAR(row.ratio, 1.35);
    assert_false(row.holds);
}

static void speed_below_its_target_does_not_hold(void **state)
{
    (void)state;
    static const struct row_head head = {.aim = ROW_AT_LEAST, .target = 0.95};
    struct row_samples samples = {.ours = {100, 100}, .reference = {90, 90}, .count = 2};
    struct row row;
    row_finish(&row, &head, &samples);
    NEAR(row.ratio, 0.9);
    assert_false(row.holds);
}

static void reference_of_two_parts_is_their_sum(void **state)
{
    (void)state;
    static const struct row_head head = {
        .aim = ROW_AT_MOST, .target = 1.5, .part = {"one", "other"}};
    static struct row_samples samples;
    struct row row;
    row_add_sum(&samples, 160, 30, 70);
    row_add_sum(&samples, 150, 40, 60);
    row_add_sum(&samples, 140, 50, 50);
    row_finish(&row, &head, &samples);
    NEAR(row.reference, 100);
    NEAR(row.part[0], 40);
    NEAR(row.part[1], 60);
    NEAR(row.ratio, 1.5);
    assert_true(row.holds);
}

static void row_without_samples_does_not_hold(void **state)
{
    (void)state;
    static const struct row_head head = {.aim = ROW_AT_MOST, .target = 1.3};
    struct row_samples samples = {.count = 0};
    struct row row;
    row_finish(&row, &head, &samples);
    assert_false(row.holds);
}

static void samples_beyond_the_room_are_dropped(void **state)
{
    (void)state;
    const struct row_plan plan = {.ns_per_tick = 2};
    static struct row_samples samples;
    for (unsigned i = 0; i < ROW_ROUNDS_MAX + 5; i++)
        row_add_ticks(&plan, &samples, 10, 20, 0.5);
    assert_int_equal(samples.count, ROW_ROUNDS_MAX);
    NEAR(samples.ours[0], 10);
    NEAR(samples.reference[ROW_ROUNDS_MAX - 1], 20);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(median_of_odd_count_is_the_middle_one),
        cmocka_unit_test(median_of_even_count_lies_between_two),
        cmocka_unit_test(nothing_has_the_median_zero),
        cmocka_unit_test(quantiles_reach_both_ends),
        cmocka_unit_test(one_outlier_leaves_spread_alone),
        cmocka_unit_test(spread_is_the_distance_of_the_quartiles),
        cmocka_unit_test(cost_above_its_target_does_not_hold),
        cmocka_unit_test(speed_below_its_target_does_not_hold),
        cmocka_unit_test(reference_of_two_parts_is_their_sum),
        cmocka_unit_test(row_without_samples_does_not_hold),
        cmocka_unit_test(samples_beyond_the_room_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

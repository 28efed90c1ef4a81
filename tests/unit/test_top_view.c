/*
 * Rates, percentiles and order of what `cloister top` shows, from snapshots made by hand.
 */
#include "tools/show/top_print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000ull

static struct clo_module_metrics module_before;
static struct clo_module_metrics module_now;
static struct world_sample before_world;
static struct world_sample now_world;
static struct snapshot before = {&before_world, 1};
static struct snapshot now = {&now_world, 1};
static char name_of_world[] = "w";

static struct world_sample sample_of(struct clo_module_metrics *module, uint64_t at)
{
    return (struct world_sample){.name = name_of_world,
                                 .status = CLOISTER_OK,
                                 .taken_ns = at,
                                 .info = {.pid = 7, .module_count = 1, .exits = at / SECOND * 3},
                                 .module = module};
}

static int set_up(void **state)
{
    (void)state;
    module_before = (struct clo_module_metrics){.name = "m",
                                                .generation = 1,
                                                .threads = 1,
                                                .calls = 100,
                                                .exits = 10,
                                                .service = {[5] = 9}};
    module_now = (struct clo_module_metrics){.name = "m",
                                             .generation = 1,
                                             .threads = 1,
                                             .polling = 1,
                                             .calls = 300,
                                             .exits = 20,
                                             .service = {[5] = 9, [8] = 50, [12] = 49, [40] = 1}};
    before_world = sample_of(&module_before, 10 * SECOND);
    now_world = sample_of(&module_now, 12 * SECOND);
    return 0;
}

static struct top_view made(enum top_order order, bool reverse)
{
    struct top_view view;
    assert_int_equal(top_view_make(&before, &now, order, reverse, &view), CLOISTER_OK);
    return view;
}

static void rates_are_differences_over_time(void **state)
{
    (void)state;
    struct top_view view = made(TOP_BY_NAME, false);
    assert_int_equal(view.count, 2);
    assert_true(view.row[1].is_module && view.row[1].rates_are_known);
    assert_true(view.row[1].calls_per_s == 100 && view.row[1].exits_per_s == 5);
    assert_true(view.row[0].calls_per_s == 100 && view.row[0].exits_per_s == 3);
    top_view_free(&view);
}

static void percentiles_are_of_calls_since_the_last_look(void **state)
{
    (void)state;
    struct top_view view = made(TOP_BY_NAME, false);
    assert_int_equal(view.row[1].p50_ns, CLO_SERVICE_BOUND(9));
    assert_int_equal(view.row[1].p99_ns, CLO_SERVICE_BOUND(13));
    top_view_free(&view);
}

static void another_process_of_that_name_has_no_rates(void **state)
{
    (void)state;
    now_world.info.pid = 8;
    struct top_view view = made(TOP_BY_NAME, false);
    assert_false(view.row[0].rates_are_known || view.row[1].rates_are_known);
    assert_int_equal(view.row[0].p50_ns, 0);
    top_view_free(&view);
}

static void another_instance_of_a_module_has_no_rates(void **state)
{
    (void)state;
    module_now.generation = 2;
    struct top_view view = made(TOP_BY_NAME, false);
    assert_true(view.row[0].rates_are_known);
    assert_false(view.row[1].rates_are_known);
    top_view_free(&view);
}

static void counters_that_went_down_give_no_rate(void **state)
{
    (void)state;
    module_now.calls = 5;
    module_now.exits = 0;
    memset(module_now.service, 0, sizeof module_now.service);
    struct top_view view = made(TOP_BY_NAME, false);
    assert_true(view.row[1].calls_per_s == 0 && view.row[1].exits_per_s == 0);
    assert_int_equal(view.row[1].p99_ns, 0);
    top_view_free(&view);
}

static void silent_world_is_a_row_without_modules(void **state)
{
    (void)state;
    now_world.status = CLOISTER_TIMEOUT;
    struct top_view view = made(TOP_BY_NAME, false);
    assert_int_equal(view.count, 1);
    assert_string_equal(view.row[0].state, "silent");
    top_view_free(&view);
}

static void module_that_vanishes_from_a_world_is_no_trouble(void **state)
{
    (void)state;
    before_world.info.module_count = 0;
    before_world.module = NULL;
    struct top_view view = made(TOP_BY_NAME, false);
    assert_false(view.row[1].rates_are_known);
    top_view_free(&view);
}

static void worlds_are_in_the_order_asked_for(void **state)
{
    (void)state;
    static char a[] = "a", b[] = "b", c[] = "c";
    struct world_sample worlds[3] = {
        {.name = c, .host = {.rss = 5}}, {.name = a, .host = {.rss = 9}}, {.name = b}};
    struct snapshot three = {worlds, 3};
    struct snapshot none = {NULL, 0};
    struct top_view view;
    for (unsigned i = 0; i < 3; i++)
        worlds[i].info.module_count = 0;
    assert_int_equal(top_view_make(&none, &three, TOP_BY_NAME, false, &view), CLOISTER_OK);
    assert_string_equal(view.row[0].name, "a");
    assert_string_equal(view.row[2].name, "c");
    top_view_free(&view);
    assert_int_equal(top_view_make(&none, &three, TOP_BY_MEMORY, false, &view), CLOISTER_OK);
    assert_string_equal(view.row[0].name, "a");
    assert_string_equal(view.row[1].name, "c");
    top_view_free(&view);
    assert_int_equal(top_view_make(&none, &three, TOP_BY_MEMORY, true, &view), CLOISTER_OK);
    assert_string_equal(view.row[0].name, "b");
    top_view_free(&view);
}

static void expect_count(double value, const char *expected)
{
    char text[24];
    top_count(value, text, sizeof text);
    assert_string_equal(text, expected);
}

static void numbers_have_three_digits_and_a_unit(void **state)
{
    (void)state;
    char text[24];
    expect_count(0, "0");
    expect_count(0.25, "0.25");
    expect_count(12.53, "12.5");
    expect_count(999, "999");
    expect_count(999.6, "1.00k");
    expect_count(3400000, "3.40M");
    top_time(0, text, sizeof text);
    assert_string_equal(text, "-");
    top_time(1536, text, sizeof text);
    assert_string_equal(text, "1.54us");
    top_bytes(1024 * 1536, text, sizeof text);
    assert_string_equal(text, "1.50M");
}

static void lines_fit_the_width_and_print_no_control_characters(void **state)
{
    (void)state;
    char line[TOP_LINE_SIZE];
    struct top_row row = {.name = "/tmp/\x1b[2J/a/very/long/path/to/the/world", .state = "serving"};
    for (size_t width = 0; width < 120; width++) {
        top_line(&row, line, width);
        assert_true(strlen(line) <= width);
        top_head(line, width);
        assert_true(strlen(line) <= width);
    }
    row.name = "\x1b[2Jx";
    top_line(&row, line, TOP_LINE_SIZE);
    assert_null(strchr(line, '\x1b'));
}

static void unknown_values_are_null_in_json(void **state)
{
    (void)state;
    now_world.info.pid = 8;
    struct top_view view = made(TOP_BY_NAME, false);
    json_t *json = top_json(&view);
    json_t *world = json_array_get(json_object_get(json, "worlds"), 0);
    assert_true(json_is_null(json_object_get(world, "calls_per_s")));
    assert_true(json_is_null(json_object_get(world, "service_p99_ns")));
    json_t *module = json_array_get(json_object_get(world, "modules"), 0);
    assert_int_equal(json_integer_value(json_object_get(module, "calls")), 300);
    json_decref(json);
    top_view_free(&view);
}

static void guests_of_a_world_are_counted(void **state)
{
    (void)state;
    char line[TOP_LINE_SIZE];
    now_world.guests_are_known = true;
    now_world.guests = 41;
    struct top_view view = made(TOP_BY_NAME, false);
    json_t *json = top_json(&view);
    json_t *world = json_array_get(json_object_get(json, "worlds"), 0);
    assert_int_equal(json_integer_value(json_object_get(world, "guests")), 41);
    top_line(&view.row[0], line, TOP_LINE_SIZE);
    assert_non_null(strstr(line, " 41 "));
    top_line(&view.row[1], line, TOP_LINE_SIZE);
    assert_null(strstr(line, " 41 "));
    json_decref(json);
    top_view_free(&view);
}

static void guests_that_nobody_told_of_are_null(void **state)
{
    (void)state;
    struct top_view view = made(TOP_BY_NAME, false);
    json_t *json = top_json(&view);
    json_t *world = json_array_get(json_object_get(json, "worlds"), 0);
    assert_true(json_is_null(json_object_get(world, "guests")));
    json_decref(json);
    top_view_free(&view);
}

static void percentile_of_nothing_is_zero(void **state)
{
    (void)state;
    struct service_times times = {0};
    assert_int_equal(service_times_percentile(&times, 50), 0);
}

static void percentile_of_huge_counts_does_not_wrap(void **state)
{
    (void)state;
    struct service_times times;
    memset(&times, 0xff, sizeof times);
    assert_int_equal(service_times_count(&times), UINT64_MAX);
    assert_int_equal(service_times_percentile(&times, 99), CLO_SERVICE_BOUND(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(rates_are_differences_over_time, set_up),
        cmocka_unit_test_setup(percentiles_are_of_calls_since_the_last_look, set_up),
        cmocka_unit_test_setup(another_process_of_that_name_has_no_rates, set_up),
        cmocka_unit_test_setup(another_instance_of_a_module_has_no_rates, set_up),
        cmocka_unit_test_setup(counters_that_went_down_give_no_rate, set_up),
        cmocka_unit_test_setup(silent_world_is_a_row_without_modules, set_up),
        cmocka_unit_test_setup(module_that_vanishes_from_a_world_is_no_trouble, set_up),
        cmocka_unit_test(worlds_are_in_the_order_asked_for),
        cmocka_unit_test(numbers_have_three_digits_and_a_unit),
        cmocka_unit_test_setup(guests_of_a_world_are_counted, set_up),
        cmocka_unit_test_setup(guests_that_nobody_told_of_are_null, set_up),
        cmocka_unit_test(lines_fit_the_width_and_print_no_control_characters),
        cmocka_unit_test_setup(unknown_values_are_null_in_json, set_up),
        cmocka_unit_test(percentile_of_nothing_is_zero),
        cmocka_unit_test(percentile_of_huge_counts_does_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

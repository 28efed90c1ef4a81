/*
 * What a measuring guest says: which lines are taken.
 */
#include "bench/guest_times.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

static bool parse(const char *line)
{
    struct guest_times times;
    return guest_times_parse(line, strlen(line), &times);
}

static void round_has_two_times_in_picoseconds(void **state)
{
    (void)state;
    struct guest_times times;
    assert_true(guest_times_parse("round 912345 1000", 17, &times));
    assert_int_equal(times.native * 1000, 912345);
    assert_int_equal(times.call * 1000, 1000);
    assert_true(parse("round 1 1000000000000"));
}

static void other_lines_are_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",           "round",       "round ",      "round 1",     "round 1 ",      "rounds 1 2",
        "Round 1 2",  "round  1 2",  "round 1  2",  "round 1 2 ",  "round 1 2 3",   "round 1 -2",
        "round +1 2", "round 0x1 2", "round 1 2.5", "round 1e3 2", "round nan nan", "round 1\t2",
        " round 1 2", "ready",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_false(parse(lines[i]));
}

static void times_that_cannot_be_are_refused(void **state)
{
    (void)state;
    assert_false(parse("round 0 1"));
    assert_false(parse("round 1 0"));
    assert_false(parse("round 1000000000001 1"));
    assert_false(parse("round 1 18446744073709551617"));
    assert_false(parse("round 1 99999999999999999999999999999999999999"));
}

static void nothing_is_read_beyond_the_end(void **state)
{
    (void)state;
    struct guest_times times = {7, 7};
    assert_false(guest_times_parse("round 12 34", 5, &times));
    assert_false(guest_times_parse("round 12 34", 8, &times));
    assert_false(guest_times_parse("round 12 34", 9, &times));
    assert_false(guest_times_parse("round 12 34\0", 12, &times));
    assert_int_equal(times.native, 7);
    assert_true(guest_times_parse("round 12 34", 10, &times));
    assert_int_equal(times.call * 1000, 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_has_two_times_in_picoseconds),
        cmocka_unit_test(other_lines_are_refused),
        cmocka_unit_test(times_that_cannot_be_are_refused),
        cmocka_unit_test(nothing_is_read_beyond_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

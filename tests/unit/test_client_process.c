/*
 * Start times out of /proc/PID/stat, whatever the process calls itself.
 */
#include "vmm/client_process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#define NUMBERS " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 "

static uint64_t parse(const char *text)
{
    return client_process_parse(text, strlen(text));
}

static void start_is_field_22(void **state)
{
    (void)state;
    assert_int_equal(parse("7 (cat)" NUMBERS "4711 20 21\n"), 4711);
}

static void name_may_look_like_fields(void **state)
{
    (void)state;
    assert_int_equal(parse("7 (a) S 1 2 (b) c"
                           ") )" NUMBERS "4711 20 21\n"),
                     4711);
}

static void text_that_ends_early_has_no_start(void **state)
{
    (void)state;
    assert_int_equal(parse(""), 0);
    assert_int_equal(parse("7 (cat"), 0);
    assert_int_equal(parse("7 (cat)"), 0);
    assert_int_equal(parse("7 (cat)" NUMBERS), 0);
    assert_int_equal(parse("7 (cat)" NUMBERS "47"), 0);
}

static void number_that_overflows_is_none(void **state)
{
    (void)state;
    assert_int_equal(parse("7 (cat)" NUMBERS "99999999999999999999 1\n"), 0);
    assert_int_equal(parse("7 (cat)" NUMBERS "x 1\n"), 0);
}

static void without_proc_nothing_is_known(void **state)
{
    (void)state;
    assert_int_equal(client_process_start(-1, -1, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_is_field_22),
        cmocka_unit_test(name_may_look_like_fields),
        cmocka_unit_test(text_that_ends_early_has_no_start),
        cmocka_unit_test(number_that_overflows_is_none),
        cmocka_unit_test(without_proc_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

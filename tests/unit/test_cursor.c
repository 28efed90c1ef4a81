/*
 * A cursor never passes its end, and a read that fails changes nothing.
 */
#include "base/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint8_t bytes[8] = {0, 1, 2, 3, 4, 5, 6, 7};

static void reads_follow_each_other(void **state)
{
    (void)state;
    struct cursor cursor = cursor_over(bytes, sizeof bytes);
    uint8_t out[3];
    const uint8_t *view;
    assert_true(cursor_copy(&cursor, out, 3));
    assert_memory_equal(out, bytes, 3);
    assert_true(cursor_skip(&cursor, 2));
    assert_true(cursor_view(&cursor, &view, 3));
    assert_ptr_equal(view, bytes + 5);
    assert_int_equal(cursor_left(&cursor), 0);
}

static void read_past_the_end_is_refused(void **state)
{
    (void)state;
    static const size_t sizes[] = {9, 1000, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct cursor cursor = cursor_over(bytes, sizeof bytes);
        uint8_t out[16] = {99};
        const uint8_t *view = NULL;
        assert_false(cursor_copy(&cursor, out, sizes[i]));
        assert_false(cursor_view(&cursor, &view, sizes[i]));
        assert_false(cursor_skip(&cursor, sizes[i]));
        assert_int_equal(out[0], 99);
        assert_null(view);
        assert_int_equal(cursor_left(&cursor), sizeof bytes);
    }
}

static void failed_read_leaves_the_rest_readable(void **state)
{
    (void)state;
    struct cursor cursor = cursor_over(bytes, sizeof bytes);
    uint8_t out[8];
    assert_true(cursor_skip(&cursor, 6));
    assert_false(cursor_copy(&cursor, out, 3));
    assert_true(cursor_copy(&cursor, out, 2));
    assert_int_equal(out[1], 7);
}

static void empty_cursor_gives_nothing_but_nothing(void **state)
{
    (void)state;
    struct cursor cursor = cursor_over(bytes, 0);
    uint8_t out;
    assert_true(cursor_skip(&cursor, 0));
    assert_false(cursor_copy(&cursor, &out, 1));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_follow_each_other),
        cmocka_unit_test(read_past_the_end_is_refused),
        cmocka_unit_test(failed_read_leaves_the_rest_readable),
        cmocka_unit_test(empty_cursor_gives_nothing_but_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Extents of a module's part of the channel window.
 */
#include "vmm/extents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void extents_refuse_no_pages(void **state)
{
    (void)state;
    struct extents extents;
    assert_false(extents_create(&extents, 0));
}

static void extents_refuse_an_empty_run(void **state)
{
    (void)state;
    struct extents extents;
    uint32_t first;
    assert_true(extents_create(&extents, 8));
    assert_false(extents_take(&extents, 0, &first));
    extents_destroy(&extents);
}

static void extents_refuse_more_than_there_is(void **state)
{
    (void)state;
    struct extents extents;
    uint32_t first = 77;
    assert_true(extents_create(&extents, 8));
    assert_false(extents_take(&extents, 9, &first));
    assert_false(extents_take(&extents, UINT32_MAX, &first));
    assert_int_equal(first, 77);
    extents_destroy(&extents);
}

static void extents_never_overlap(void **state)
{
    (void)state;
    struct extents extents;
    uint8_t owner[200] = {0};
    uint32_t first;
    assert_true(extents_create(&extents, 200));
    for (uint32_t count = 1; extents_take(&extents, count % 13 + 1, &first); count++)
        for (uint32_t i = 0; i < count % 13 + 1; i++) {
            assert_true(first + i < 200);
            assert_int_equal(owner[first + i]++, 0);
        }
    extents_destroy(&extents);
}

static void extents_reuse_what_was_given_back(void **state)
{
    (void)state;
    struct extents extents;
    uint32_t a, b, c;
    assert_true(extents_create(&extents, 64));
    assert_true(extents_take(&extents, 30, &a));
    assert_true(extents_take(&extents, 34, &b));
    assert_false(extents_take(&extents, 1, &c));
    extents_give(&extents, a, 30);
    assert_false(extents_take(&extents, 31, &c));
    assert_true(extents_take(&extents, 30, &c));
    assert_int_equal(c, a);
    extents_destroy(&extents);
}

static void neighbours_given_back_become_one_run(void **state)
{
    (void)state;
    struct extents extents;
    uint32_t a, b, c;
    assert_true(extents_create(&extents, 130));
    assert_true(extents_take(&extents, 65, &a));
    assert_true(extents_take(&extents, 65, &b));
    extents_give(&extents, b, 65);
    extents_give(&extents, a, 65);
    assert_true(extents_take(&extents, 130, &c));
    assert_int_equal(c, 0);
    extents_destroy(&extents);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extents_refuse_no_pages),
        cmocka_unit_test(extents_refuse_an_empty_run),
        cmocka_unit_test(extents_refuse_more_than_there_is),
        cmocka_unit_test(extents_never_overlap),
        cmocka_unit_test(extents_reuse_what_was_given_back),
        cmocka_unit_test(neighbours_given_back_become_one_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

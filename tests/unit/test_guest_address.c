/*
 * The guest's memory: addresses at its edges, across and beyond them, and ranges that wrap (G1).
 */
#include "vmm/guest/guest_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define SMALL (64ull << 20)
#define LARGE (GUEST_MEMORY_HOLE + (32ull << 20))

static struct guest_memory memory;
static uint8_t *bytes;

static int make(uint64_t size)
{
    struct reason why;
    return guest_memory_create(&memory, size, &why) == CLOISTER_OK ? 0 : -1;
}

static int make_small(void **state)
{
    (void)state;
    return make(SMALL);
}

static int make_large(void **state)
{
    (void)state;
    return make(LARGE);
}

static int destroy(void **state)
{
    (void)state;
    guest_memory_destroy(&memory);
    return 0;
}

static void range_up_to_the_last_byte_is_given(void **state)
{
    (void)state;
    assert_true(guest_memory_range(&memory, SMALL - 1, 1, &bytes));
    assert_ptr_equal(bytes, memory.bytes + SMALL - 1);
    assert_true(guest_memory_range(&memory, 0, SMALL, &bytes));
    assert_ptr_equal(bytes, memory.bytes);
}

static void range_across_the_end_is_refused(void **state)
{
    (void)state;
    assert_false(guest_memory_range(&memory, SMALL - 1, 2, &bytes));
    assert_false(guest_memory_range(&memory, 0, SMALL + 1, &bytes));
}

static void range_beyond_the_end_is_refused(void **state)
{
    (void)state;
    assert_false(guest_memory_range(&memory, SMALL, 1, &bytes));
    assert_false(guest_memory_range(&memory, SMALL, 0, &bytes));
    assert_false(guest_memory_range(&memory, GUEST_MEMORY_HOLE, 1, &bytes));
    assert_false(guest_memory_range(&memory, GUEST_MEMORY_ABOVE, 1, &bytes));
    assert_false(guest_memory_range(&memory, GUEST_MEMORY_DEVICES, 1, &bytes));
}

static void range_that_wraps_is_refused(void **state)
{
    (void)state;
    assert_false(guest_memory_range(&memory, 1, UINT64_MAX, &bytes));
    assert_false(guest_memory_range(&memory, UINT64_MAX, 1, &bytes));
    assert_false(guest_memory_range(&memory, UINT64_MAX, 2, &bytes));
    assert_false(guest_memory_range(&memory, UINT64_MAX - 4095, 8192, &bytes));
    assert_false(guest_memory_range(&memory, GUEST_MEMORY_ABOVE, UINT64_MAX, &bytes));
}

static void refused_copy_changes_nothing(void **state)
{
    uint8_t out[4] = {1, 2, 3, 4};
    const uint8_t kept[4] = {1, 2, 3, 4};
    (void)state;
    assert_false(guest_memory_read(&memory, SMALL - 3, out, 4));
    assert_memory_equal(out, kept, 4);
    assert_false(guest_memory_write(&memory, SMALL - 3, kept, 4));
    assert_int_equal(memory.bytes[SMALL - 3], 0);
}

static void memory_on_both_sides_of_the_hole_is_given_but_not_the_hole(void **state)
{
    (void)state;
    assert_true(guest_memory_range(&memory, GUEST_MEMORY_HOLE - 1, 1, &bytes));
    assert_ptr_equal(bytes, memory.bytes + GUEST_MEMORY_HOLE - 1);
    assert_false(guest_memory_range(&memory, GUEST_MEMORY_HOLE - 1, 2, &bytes));
    assert_false(guest_memory_range(&memory, GUEST_MEMORY_HOLE, 1, &bytes));
    assert_false(guest_memory_range(&memory, GUEST_MEMORY_ABOVE - 1, 1, &bytes));
    assert_false(guest_memory_range(&memory, GUEST_MEMORY_ABOVE - 1, 2, &bytes));
    assert_true(guest_memory_range(&memory, GUEST_MEMORY_ABOVE, 32u << 20, &bytes));
    assert_ptr_equal(bytes, memory.bytes + GUEST_MEMORY_HOLE);
    assert_false(guest_memory_range(&memory, GUEST_MEMORY_ABOVE, (32u << 20) + 1, &bytes));
    assert_false(guest_memory_range(&memory, GUEST_MEMORY_ABOVE + (32u << 20), 1, &bytes));
}

static void memory_cannot_be_resized(void **state)
{
    (void)state;
    assert_int_equal(ftruncate(memory.fd, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(memory.fd, 2 * SMALL), -1);
    assert_int_equal(fcntl(memory.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(range_up_to_the_last_byte_is_given, make_small, destroy),
        cmocka_unit_test_setup_teardown(range_across_the_end_is_refused, make_small, destroy),
        cmocka_unit_test_setup_teardown(range_beyond_the_end_is_refused, make_small, destroy),
        cmocka_unit_test_setup_teardown(range_that_wraps_is_refused, make_small, destroy),
        cmocka_unit_test_setup_teardown(refused_copy_changes_nothing, make_small, destroy),
        cmocka_unit_test_setup_teardown(memory_on_both_sides_of_the_hole_is_given_but_not_the_hole,
                                        make_large, destroy),
        cmocka_unit_test_setup_teardown(memory_cannot_be_resized, make_small, destroy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

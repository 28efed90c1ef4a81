/*
 * The PC's clock as a guest reads it.
 */
#include "vmm/guest/rtc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static time_t monday(time_t *unused)
{
    (void)unused;
    return 1794212584; /* 2026-11-09 08:23:04 UTC, a Monday */
}

static struct rtc rtc;

static int create(void **state)
{
    (void)state;
    rtc_create(&rtc, monday);
    return 0;
}

static unsigned read_register(uint8_t number)
{
    rtc_write(&rtc, 0, number);
    return rtc_read(&rtc, 1);
}

static void clock_tells_the_time_in_utc(void **state)
{
    (void)state;
    assert_int_equal(read_register(0), 4);
    assert_int_equal(read_register(2), 0x23);
    assert_int_equal(read_register(4), 8);
    assert_int_equal(read_register(6), 2);
    assert_int_equal(read_register(7), 9);
    assert_int_equal(read_register(8), 0x11);
    assert_int_equal(read_register(9), 0x26);
}

static void clock_is_never_busy_and_always_valid(void **state)
{
    (void)state;
    assert_int_equal(read_register(10) & 0x80, 0);
    assert_int_equal(read_register(11), 2);
    assert_int_equal(read_register(12), 0);
    assert_int_equal(read_register(13), 0x80);
}

static void bit_that_masks_the_nmi_is_no_part_of_the_number(void **state)
{
    (void)state;
    assert_int_equal(read_register(0x80 | 9), 0x26);
}

static void writes_change_nothing_and_other_registers_are_zero(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        rtc_write(&rtc, 0, (uint8_t)i);
        rtc_write(&rtc, 1, 0x55);
        if ((i & 0x7f) > 13)
            assert_int_equal(rtc_read(&rtc, 1), 0);
    }
    assert_int_equal(rtc_read(&rtc, 0), 0xff);
    clock_tells_the_time_in_utc(state);
}

#define TEST(name) cmocka_unit_test_setup(name, create)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(clock_tells_the_time_in_utc),
        TEST(clock_is_never_busy_and_always_valid),
        TEST(bit_that_masks_the_nmi_is_no_part_of_the_number),
        TEST(writes_change_nothing_and_other_registers_are_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

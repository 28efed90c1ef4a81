/*
 * The power registers as a guest reads and writes them.
 */
#include "vmm/guest/power.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define STATUS POWER_EVENTS_PORT
#define ENABLE (POWER_EVENTS_PORT + 2)
#define CONTROL POWER_CONTROL_PORT
#define SLEEP 0x2000u

static struct power power;

static int create(void **state)
{
    (void)state;
    power = (struct power){0};
    return 0;
}

static void acpi_is_on_and_nothing_has_happened(void **state)
{
    (void)state;
    assert_int_equal(power_read(&power, CONTROL), 1);
    assert_int_equal(power_read(&power, STATUS), 0);
    assert_true(power_write(&power, STATUS, 0xffff));
    assert_int_equal(power_read(&power, STATUS), 0);
}

static void enabled_events_are_remembered(void **state)
{
    (void)state;
    assert_true(power_write(&power, ENABLE, 0x10020));
    assert_int_equal(power_read(&power, ENABLE), 0x20);
}

static void only_sleep_of_the_right_type_switches_off(void **state)
{
    (void)state;
    for (uint32_t type = 0; type < 8; type++) {
        assert_true(power_write(&power, CONTROL, type << 10));
        assert_true(power_write(&power, STATUS, SLEEP | type << 10));
        assert_int_equal(power_write(&power, CONTROL, SLEEP | type << 10), type != POWER_OFF_TYPE);
    }
    assert_int_equal(power_read(&power, CONTROL), 1);
}

static void ports_are_six(void **state)
{
    (void)state;
    assert_false(power_has_port(STATUS - 1));
    assert_true(power_has_port(STATUS));
    assert_true(power_has_port(CONTROL + 1));
    assert_false(power_has_port(CONTROL + 2));
}

#define TEST(name) cmocka_unit_test_setup(name, create)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(acpi_is_on_and_nothing_has_happened),
        TEST(enabled_events_are_remembered),
        TEST(only_sleep_of_the_right_type_switches_off),
        TEST(ports_are_six),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * ACPI tables as a kernel reads them: from the root pointer on, by their own lengths and checksums.
 */
#include "vmm/guest/acpi_tables.h"

#include "vmm/guest/mailbox_device.h"
#include "vmm/guest/power.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HEADER_SIZE 36u

static struct guest_memory memory;
static struct reason why;

static int create(void **state)
{
    (void)state;
    assert_int_equal(guest_memory_create(&memory, GUEST_MEMORY_MIN, &why), CLOISTER_OK);
    return acpi_tables_write(&memory) ? 0 : -1;
}

static int destroy(void **state)
{
    (void)state;
    guest_memory_destroy(&memory);
    return 0;
}

static uint64_t number(uint64_t address, unsigned size)
{
    uint64_t value = 0;
    assert_true(address >= ACPI_TABLES && address + size <= ACPI_TABLES_END);
    assert_true(guest_memory_read(&memory, address, &value, size));
    return value;
}

static bool sums_to_zero(uint64_t address, uint64_t size)
{
    uint8_t sum = 0;
    for (uint64_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + number(address + i, 1));
    return sum == 0;
}

static bool is_signed(uint64_t address, const char *signature)
{
    return memcmp(memory.bytes + address, signature, strlen(signature)) == 0;
}

static uint64_t list(void)
{
    return number(ACPI_TABLES + 24, 8);
}

/* The table in the list that has this name. */
static uint64_t find(const char *signature)
{
    for (uint64_t at = list() + HEADER_SIZE; at < list() + number(list() + 4, 4); at += 8)
        if (is_signed(number(at, 8), signature))
            return number(at, 8);
    fail_msg("no table %s", signature);
    return 0;
}

static void assert_table(uint64_t address, const char *signature)
{
    assert_true(is_signed(address, signature));
    uint64_t length = number(address + 4, 4);
    assert_true(length > HEADER_SIZE && length < 0x1000);
    assert_true(sums_to_zero(address, length));
}

static void root_leads_to_tables_with_good_checksums(void **state)
{
    (void)state;
    assert_true(is_signed(ACPI_TABLES, "RSD PTR "));
    assert_true(sums_to_zero(ACPI_TABLES, 20));
    assert_true(sums_to_zero(ACPI_TABLES, number(ACPI_TABLES + 20, 4)));
    assert_table(list(), "XSDT");
    assert_table(find("FACP"), "FACP");
    assert_table(find("APIC"), "APIC");
    assert_table(number(find("FACP") + 40, 4), "DSDT");
    assert_true(is_signed(number(find("FACP") + 36, 4), "FACS"));
    assert_int_equal(number(find("FACP") + 36, 4) % 64, 0);
}

static void tables_do_not_overlap(void **state)
{
    const uint64_t starts[] = {ACPI_TABLES,  list(),       number(find("FACP") + 36, 4),
                               find("APIC"), find("FACP"), number(find("FACP") + 40, 4)};
    (void)state;
    assert_true(starts[0] + number(starts[0] + 20, 4) <= starts[1]);
    for (size_t i = 1; i + 1 < sizeof starts / sizeof *starts; i++)
        assert_true(starts[i] + number(starts[i] + 4, 4) <= starts[i + 1]);
}

static void fixed_hardware_is_where_the_power_registers_are(void **state)
{
    uint64_t table = find("FACP");
    (void)state;
    assert_int_equal(number(table + 4, 4), 244);
    assert_int_equal(number(table + 46, 2), 9);
    assert_int_equal(number(table + 56, 4), POWER_EVENTS_PORT);
    assert_int_equal(number(table + 64, 4), POWER_CONTROL_PORT);
    assert_int_equal(number(table + 88, 1), POWER_EVENTS_SIZE);
    assert_int_equal(number(table + 89, 1), POWER_CONTROL_SIZE);
    /* No keyboard controller to look for. */
    assert_int_equal(number(table + 109, 2) & 2, 0);
    assert_int_equal(number(table + 112, 4) & 1 << 20, 0);
}

static void one_processor_has_a_local_apic(void **state)
{
    uint64_t table = find("APIC");
    (void)state;
    assert_int_equal(number(table + 36, 4), 0xfee00000);
    assert_int_equal(number(table + 4, 4), 52);
    assert_int_equal(number(table + 44, 2), 0x0800);
    assert_int_equal(number(table + 48, 4), 1);
}

/* The compiled devices have our numbers: an integer of AML stands as it is. */
static bool has_bytes(const void *bytes, size_t size)
{
    uint64_t table = number(find("FACP") + 40, 4);
    return memmem(memory.bytes + table, number(table + 4, 4), bytes, size) != NULL;
}

static void devices_are_what_the_machine_has(void **state)
{
    const uint32_t low[] = {PCI_WINDOW, PCI_WINDOW_END - 1};
    const uint64_t high[] = {GUEST_MEMORY_DEVICES, PCI_HIGH_END - 1};
    const uint8_t sleep[] = {'_', 'S', '5', '_', 0x12, 8, 4, 0x0a, POWER_OFF_TYPE};
    /* A package of four: address (a double word), pin 0, no source, line. */
    const uint8_t mailbox[] = {0x12,           11, 4, 0x0c, 0xff, 0xff,
                               MAILBOX_NUMBER, 0,  0, 0,    0x0a, MAILBOX_IRQ};
    (void)state;
    assert_true(has_bytes(low, sizeof low));
    assert_true(has_bytes(high, sizeof high));
    assert_true(has_bytes(sleep, sizeof sleep));
    assert_true(has_bytes(mailbox, sizeof mailbox));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(root_leads_to_tables_with_good_checksums),
        TEST(tables_do_not_overlap),
        TEST(fixed_hardware_is_where_the_power_registers_are),
        TEST(one_processor_has_a_local_apic),
        TEST(devices_are_what_the_machine_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * PCI configuration and BARs: what a guest finds, and where nothing it writes can put a BAR.
 */
#include "vmm/guest/pci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MEMORY_END (6ull << 30)
#define HIGH (1ull << 37)
#define ALL_ONES 0xffffffffu

static struct pci pci;
static struct pci_function function;
static unsigned changes;
static bool wanted;
static struct {
    unsigned bar;
    uint64_t offset;
    unsigned size;
    uint64_t value;
} last;

static uint64_t on_read(void *device, unsigned bar, uint64_t offset, unsigned size)
{
    (void)device;
    last.bar = bar;
    last.offset = offset;
    last.size = size;
    return 0x1234;
}

static void on_write(void *device, unsigned bar, uint64_t offset, unsigned size, uint64_t value)
{
    (void)on_read(device, bar, offset, size);
    last.value = value;
}

static void on_change(void *device)
{
    (void)device;
    changes++;
}

static bool wants(void *device)
{
    (void)device;
    return wanted;
}

static int create(void **state)
{
    static const struct pci_identity identity = {
        .vendor = 0x1af4, .device = 0x1110, .class = 0x050000, .revision = 1, .irq = 10};
    static const struct pci_operations operations = {
        .read = on_read, .write = on_write, .changed = on_change, .interrupt = wants};
    (void)state;
    changes = 0;
    wanted = false;
    memset(&last, 0, sizeof last);
    pci_create(&pci, MEMORY_END, HIGH);
    pci_function_create(&function, &identity, &operations, NULL);
    function.bar[0].size = 256;
    function.bar[2].size = 16u << 20;
    function.bar[2].is_64 = true;
    bool added = pci_add(&pci, 1, &function);
    assert_int_equal(changes, 1); /* its BARs are on */
    changes = 0;
    return added ? 0 : -1;
}

static void select_register(unsigned device, unsigned offset)
{
    pci_port_write(&pci, 0, 4, 0x80000000u | device << 11 | (offset & 0xfc));
}

static uint32_t read_config(unsigned device, unsigned offset)
{
    select_register(device, offset);
    return pci_port_read(&pci, 4 + (offset & 3), 4);
}

static void write_config(unsigned offset, uint32_t value)
{
    select_register(1, offset);
    pci_port_write(&pci, 4, 4, value);
}

static void enable(void)
{
    write_config(PCI_COMMAND, PCI_COMMAND_MEMORY);
}

static void guest_finds_a_bridge_and_the_function(void **state)
{
    (void)state;
    assert_int_equal(read_config(0, PCI_CLASS_REVISION) >> 8, 0x060000);
    assert_int_equal(read_config(1, PCI_VENDOR_ID), 0x11101af4);
    assert_int_equal(read_config(1, PCI_CLASS_REVISION), 0x05000001);
    assert_int_equal(read_config(1, PCI_INTERRUPT_LINE) & 0xffff, 0x010a);
    for (unsigned device = 2; device < 32; device++)
        assert_int_equal(read_config(device, PCI_VENDOR_ID), ALL_ONES);
}

static void other_buses_functions_and_disabled_access_read_ones(void **state)
{
    static const uint32_t addresses[] = {0x80010800, 0x80000900, 0x00000800, 0xffffffff};
    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        pci_port_write(&pci, 0, 4, addresses[i]);
        assert_int_equal(pci_port_read(&pci, 4, 4), ALL_ONES);
        pci_port_write(&pci, 4, 4, 0);
    }
    assert_int_equal(changes, 0);
}

static void narrow_and_crooked_accesses_are_safe(void **state)
{
    (void)state;
    select_register(1, 0);
    assert_int_equal(pci_port_read(&pci, 4, 2) & 0xffff, 0x1af4);
    assert_int_equal(pci_port_read(&pci, 6, 2) & 0xffff, 0x1110);
    assert_int_equal(pci_port_read(&pci, 7, 1) & 0xff, 0x11);
    assert_int_equal(pci_port_read(&pci, 5, 2), ALL_ONES);
    assert_int_equal(pci_port_read(&pci, 7, 4), ALL_ONES);
    assert_int_equal(pci_port_read(&pci, 8, 1), ALL_ONES);
    assert_int_equal(pci_port_read(&pci, 0, 1), ALL_ONES);
    pci_port_write(&pci, 1, 2, 0xffff);
    pci_port_write(&pci, 0, 1, 0);
    assert_int_equal(pci_port_read(&pci, 4, 2) & 0xffff, 0x1af4);
}

static void bars_tell_their_sizes(void **state)
{
    (void)state;
    write_config(PCI_BASE_ADDRESS_0, ALL_ONES);
    assert_int_equal(read_config(1, PCI_BASE_ADDRESS_0), 0xffffff00);
    write_config(PCI_BASE_ADDRESS_2, ALL_ONES);
    write_config(PCI_BASE_ADDRESS_3, ALL_ONES);
    assert_int_equal(read_config(1, PCI_BASE_ADDRESS_2), 0xff00000c);
    assert_int_equal(read_config(1, PCI_BASE_ADDRESS_3), ALL_ONES);
    write_config(PCI_BASE_ADDRESS_1, ALL_ONES);
    assert_int_equal(read_config(1, PCI_BASE_ADDRESS_1), 0);
    write_config(PCI_ROM_ADDRESS, ALL_ONES);
    assert_int_equal(read_config(1, PCI_ROM_ADDRESS), 0);
}

static void bars_are_placed_in_their_windows(void **state)
{
    (void)state;
    assert_int_equal(pci_bar_mapped(&function, 0), PCI_WINDOW);
    assert_int_equal(pci_bar_mapped(&function, 2), HIGH);
    assert_int_equal(pci_bar_mapped(&function, 4), 0);
    write_config(PCI_COMMAND, 0);
    assert_int_equal(pci_bar_mapped(&function, 0), 0);
    assert_int_equal(pci_bar_mapped(&function, 2), 0);
}

static void move_high_bar(uint64_t address)
{
    write_config(PCI_BASE_ADDRESS_2, (uint32_t)address);
    write_config(PCI_BASE_ADDRESS_3, (uint32_t)(address >> 32));
}

static void bar_over_memory_is_not_mapped(void **state)
{
    static const uint64_t places[] = {0,
                                      16u << 20,
                                      (4ull << 30) - (16u << 20),
                                      4ull << 30,
                                      MEMORY_END - (16u << 20),
                                      PCI_HIGH_END,
                                      PCI_HIGH_END - (8u << 20),
                                      UINT64_MAX};
    (void)state;
    enable();
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        move_high_bar(places[i]);
        uint64_t at = pci_bar_mapped(&function, 2);
        assert_true(at == 0 || (at >= MEMORY_END && at + (16u << 20) <= PCI_HIGH_END));
    }
    move_high_bar(MEMORY_END);
    assert_int_equal(pci_bar_mapped(&function, 2), MEMORY_END);
    write_config(PCI_BASE_ADDRESS_0, 0x100000);
    assert_int_equal(pci_bar_mapped(&function, 0), 0);
    write_config(PCI_BASE_ADDRESS_0, 0xfee00000); /* the local APIC */
    assert_int_equal(pci_bar_mapped(&function, 0), 0);
    write_config(PCI_BASE_ADDRESS_0, 0xfdffff00);
    assert_int_equal(pci_bar_mapped(&function, 0), 0xfdffff00);
}

static void only_writable_bits_change(void **state)
{
    (void)state;
    for (unsigned offset = 0; offset < 256; offset += 4)
        if (offset < PCI_BASE_ADDRESS_0 || offset > PCI_BASE_ADDRESS_5)
            write_config(offset, ALL_ONES);
    assert_int_equal(read_config(1, PCI_VENDOR_ID), 0x11101af4);
    assert_int_equal(read_config(1, PCI_COMMAND),
                     PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
    assert_int_equal(read_config(1, PCI_INTERRUPT_LINE), 0x01ff);
    assert_true(pci_interrupts_disabled(&function));
    assert_true(changes > 0);
}

static void status_shows_a_wanted_interrupt(void **state)
{
    (void)state;
    assert_int_equal(read_config(1, PCI_COMMAND) >> 16, 0);
    wanted = true;
    assert_int_equal(read_config(1, PCI_COMMAND) >> 16, PCI_STATUS_INTERRUPT);
    select_register(1, PCI_COMMAND);
    assert_int_equal(pci_port_read(&pci, 6, 2), PCI_STATUS_INTERRUPT);
}

static void accesses_reach_the_bar_that_holds_all_of_them(void **state)
{
    uint64_t value = 0;
    (void)state;
    write_config(PCI_COMMAND, 0);
    assert_false(pci_memory_read(&pci, PCI_WINDOW, 4, &value));
    enable();
    assert_true(pci_memory_read(&pci, PCI_WINDOW + 252, 4, &value));
    assert_int_equal(value, 0x1234);
    assert_int_equal(last.offset, 252);
    assert_false(pci_memory_read(&pci, PCI_WINDOW + 253, 4, &value));
    assert_false(pci_memory_write(&pci, PCI_WINDOW - 1, 4, 0));
    assert_true(pci_memory_write(&pci, HIGH + 8, 8, 99));
    assert_int_equal(last.bar, 2);
    assert_int_equal(last.value, 99);
    assert_false(pci_memory_write(&pci, UINT64_MAX, 8, 0));
}

static void capabilities_form_a_list(void **state)
{
    static const uint8_t first[16] = {0x09, 0, 16, 1};
    static const uint8_t second[20] = {0x09, 0, 20, 2};
    (void)state;
    assert_int_equal(read_config(1, PCI_CAPABILITY_LIST) & 0xff, 0);
    pci_function_add_capability(&function, first, sizeof first);
    pci_function_add_capability(&function, second, sizeof second);
    assert_true(read_config(1, PCI_COMMAND) >> 16 & PCI_STATUS_CAP_LIST);
    unsigned at = read_config(1, PCI_CAPABILITY_LIST) & 0xff;
    assert_int_equal(read_config(1, at) >> 16, 0x0110);
    at = read_config(1, at) >> 8 & 0xff;
    assert_int_equal(read_config(1, at), 0x02140009);
}

static void device_number_is_given_once(void **state)
{
    static struct pci_function more[PCI_FUNCTIONS];
    (void)state;
    for (unsigned i = 2; i < PCI_FUNCTIONS; i++) {
        more[i].operations = function.operations;
        assert_true(pci_add(&pci, i, &more[i]));
    }
    assert_false(pci_add(&pci, 0, &more[0]));
    assert_false(pci_add(&pci, 2, &more[0]));
    assert_false(pci_add(&pci, PCI_FUNCTIONS, &more[0]));
}

#define TEST(name) cmocka_unit_test_setup(name, create)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(guest_finds_a_bridge_and_the_function),
        TEST(other_buses_functions_and_disabled_access_read_ones),
        TEST(narrow_and_crooked_accesses_are_safe),
        TEST(bars_tell_their_sizes),
        TEST(bars_are_placed_in_their_windows),
        TEST(bar_over_memory_is_not_mapped),
        TEST(only_writable_bits_change),
        TEST(status_shows_a_wanted_interrupt),
        TEST(accesses_reach_the_bar_that_holds_all_of_them),
        TEST(capabilities_form_a_list),
        TEST(device_number_is_given_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

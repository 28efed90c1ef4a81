/*
 * The mailbox's registers and when its interrupt line is raised.
 */
#include "vmm/guest/mailbox_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE CLO_GUEST_SIZE_MIN
#define ID 3u
#define HIGH (1ull << 37)

static struct clo_guest_header header;
static struct mailbox_device device;
static struct pci pci;
static unsigned raised;
static bool connected;
static uint64_t moved[PCI_BARS];

static void on_move(void *wires, unsigned bar, uint64_t before, uint64_t after)
{
    (void)wires;
    assert_int_equal(before, moved[bar]);
    moved[bar] = after;
}

static void on_connect(void *wires, bool on)
{
    (void)wires;
    assert_true(connected != on);
    connected = on;
}

static void on_raise(void *wires)
{
    (void)wires;
    raised++;
}

static const struct mailbox_operations operations = {
    .move = on_move, .connect = on_connect, .raise = on_raise};

static void write_command(uint16_t command)
{
    pci_port_write(&pci, 0, 4, 0x80000000u | 1 << 11 | PCI_COMMAND);
    pci_port_write(&pci, 4, 2, command);
}

static uint16_t status(void)
{
    pci_port_write(&pci, 0, 4, 0x80000000u | 1 << 11 | PCI_COMMAND);
    return (uint16_t)pci_port_read(&pci, 6, 2);
}

static uint32_t read_register(unsigned offset)
{
    uint64_t value;
    assert_true(pci_memory_read(&pci, PCI_WINDOW + offset, 4, &value));
    return (uint32_t)value;
}

static void write_register(unsigned offset, uint32_t value)
{
    assert_true(pci_memory_write(&pci, PCI_WINDOW + offset, 4, value));
}

static void end_interrupt(void)
{
    const uint64_t one = 1;
    assert_int_equal(write(device.resample, &one, sizeof one), sizeof one);
    mailbox_device_resampled(&device);
}

static int create(void **state)
{
    struct reason why;
    (void)state;
    raised = 0;
    connected = false;
    memset(moved, 0, sizeof moved);
    header = (struct clo_guest_header){.interrupts = 0xffffffff};
    pci_create(&pci, 4ull << 30, HIGH);
    if (mailbox_device_create(&device, &operations, NULL, &header, SIZE, ID, &why) != CLOISTER_OK ||
        !pci_add(&pci, 1, &device.function))
        return -1;
    write_command(PCI_COMMAND_MEMORY);
    return 0;
}

static int destroy(void **state)
{
    (void)state;
    mailbox_device_destroy(&device);
    return 0;
}

static void bars_are_moved_with_the_guest(void **state)
{
    (void)state;
    assert_int_equal(moved[MAILBOX_REGISTERS_BAR], PCI_WINDOW);
    assert_int_equal(moved[MAILBOX_MEMORY_BAR], HIGH);
    write_command(0);
    assert_int_equal(moved[MAILBOX_REGISTERS_BAR], 0);
    assert_int_equal(moved[MAILBOX_MEMORY_BAR], 0);
}

static void registers_read_as_they_should(void **state)
{
    (void)state;
    assert_int_equal(read_register(CLO_GUEST_INTERRUPT_MASK), 0);
    assert_int_equal(read_register(CLO_GUEST_INTERRUPT_STATUS), 0);
    assert_int_equal(read_register(CLO_GUEST_POSITION), ID);
    assert_int_equal(read_register(CLO_GUEST_DOORBELL), 0);
    assert_int_equal(read_register(252), 0);
    write_register(CLO_GUEST_INTERRUPT_MASK, 0xffffffff);
    assert_int_equal(read_register(CLO_GUEST_INTERRUPT_MASK), 1);
}

static void accesses_of_other_sizes_do_nothing(void **state)
{
    uint64_t value;
    (void)state;
    header.interrupts++;
    for (unsigned size = 1; size <= 8; size *= 2)
        if (size != 4) {
            assert_true(pci_memory_read(&pci, PCI_WINDOW, size, &value));
            assert_true(value == UINT64_MAX);
            assert_true(pci_memory_write(&pci, PCI_WINDOW, size, 1));
        }
    assert_true(pci_memory_read(&pci, PCI_WINDOW + 3, 4, &value));
    assert_true(value == UINT64_MAX);
    assert_int_equal(read_register(CLO_GUEST_INTERRUPT_MASK), 0);
    assert_int_equal(read_register(CLO_GUEST_INTERRUPT_STATUS), 1);
}

static void status_is_cleared_by_reading(void **state)
{
    (void)state;
    header.interrupts++; /* over the end of 32 bits */
    assert_int_equal(read_register(CLO_GUEST_INTERRUPT_STATUS), 1);
    assert_int_equal(read_register(CLO_GUEST_INTERRUPT_STATUS), 0);
    header.interrupts += 2;
    assert_int_equal(read_register(CLO_GUEST_INTERRUPT_STATUS), 1);
    assert_int_equal(read_register(CLO_GUEST_INTERRUPT_STATUS), 0);
}

static void pci_status_follows_mask_and_count(void **state)
{
    (void)state;
    header.interrupts++;
    assert_int_equal(status(), 0);
    write_register(CLO_GUEST_INTERRUPT_MASK, 1);
    assert_int_equal(status(), PCI_STATUS_INTERRUPT);
    (void)read_register(CLO_GUEST_INTERRUPT_STATUS);
    assert_int_equal(status(), 0);
}

static void mask_connects_and_raises_what_is_due(void **state)
{
    (void)state;
    write_register(CLO_GUEST_INTERRUPT_MASK, 1);
    assert_true(connected);
    assert_int_equal(raised, 0);
    write_register(CLO_GUEST_INTERRUPT_MASK, 0);
    assert_false(connected);
    header.interrupts++;
    write_register(CLO_GUEST_INTERRUPT_MASK, 1);
    assert_int_equal(raised, 1);
}

static void line_is_raised_again_only_while_the_interrupt_is_pending(void **state)
{
    (void)state;
    write_register(CLO_GUEST_INTERRUPT_MASK, 1);
    end_interrupt();
    assert_int_equal(raised, 0);
    header.interrupts++;
    end_interrupt(); /* ended without reading the status: level-triggered */
    assert_int_equal(raised, 1);
    (void)read_register(CLO_GUEST_INTERRUPT_STATUS);
    end_interrupt();
    assert_int_equal(raised, 1);
}

/* As uio_pci_generic works: the handler sets DisINTx, user space clears it when it is done. */
static void disabled_interrupts_wait_until_they_are_enabled(void **state)
{
    (void)state;
    write_register(CLO_GUEST_INTERRUPT_MASK, 1);
    header.interrupts++;
    assert_int_equal(status(), PCI_STATUS_INTERRUPT);
    write_command(PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
    assert_int_equal(status(), PCI_STATUS_INTERRUPT);
    end_interrupt();
    assert_int_equal(raised, 0);
    write_command(PCI_COMMAND_MEMORY);
    assert_int_equal(raised, 1);
    (void)read_register(CLO_GUEST_INTERRUPT_STATUS);
    write_command(PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
    write_command(PCI_COMMAND_MEMORY);
    assert_int_equal(raised, 1);
}

static void doorbells_of_nobody_do_nothing(void **state)
{
    (void)state;
    write_register(CLO_GUEST_DOORBELL, 7u << 16);
    write_register(CLO_GUEST_DOORBELL, 0xffffffff);
    write_register(CLO_GUEST_POSITION, 9);
    write_register(CLO_GUEST_INTERRUPT_STATUS, 1);
    assert_int_equal(read_register(CLO_GUEST_POSITION), ID);
    assert_int_equal(read_register(CLO_GUEST_INTERRUPT_STATUS), 0);
    assert_int_equal(raised, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bars_are_moved_with_the_guest),
        TEST(registers_read_as_they_should),
        TEST(accesses_of_other_sizes_do_nothing),
        TEST(status_is_cleared_by_reading),
        TEST(pci_status_follows_mask_and_count),
        TEST(mask_connects_and_raises_what_is_due),
        TEST(line_is_raised_again_only_while_the_interrupt_is_pending),
        TEST(disabled_interrupts_wait_until_they_are_enabled),
        TEST(doorbells_of_nobody_do_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

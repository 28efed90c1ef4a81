/*
 * Which device answers where: ports and addresses of every width, at the edges of devices and
 * across them, and those that nobody has.
 */
#include "vmm/guest/bus.h"

#include <linux/serial_reg.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define ALL_ONES 0xffffffffu
#define ALL_ONES_64 0xffffffffffffffffull
#define MEMORY_END (64ull << 20)
#define HIGH (1ull << 37)
#define PORTS 0x10000u
#define BAR_SIZE 0x1000u
#define HIGH_SIZE 0x100000u
#define KEYBOARD 0x64u
#define RESET_CONTROL 0xcf9u

/* A device that remembers the last access and reads as its own number. */
struct witness {
    uint64_t number;
    unsigned reads;
    unsigned writes;
    unsigned bar;
    uint64_t offset;
    unsigned size;
    uint64_t value;
};

static struct serial serial;
static struct pci pci;
static struct rtc rtc;
static struct power power;
static struct bus bus = {.serial = &serial, .pci = &pci, .rtc = &rtc, .power = &power};
static struct pci_function function[2];
static struct witness witness[2];
static unsigned sent;

static uint64_t on_read(void *of, unsigned bar, uint64_t offset, unsigned size)
{
    struct witness *at = of;
    at->reads++;
    at->bar = bar;
    at->offset = offset;
    at->size = size;
    return at->number;
}

static void on_write(void *of, unsigned bar, uint64_t offset, unsigned size, uint64_t value)
{
    struct witness *at = of;
    at->writes++;
    at->bar = bar;
    at->offset = offset;
    at->size = size;
    at->value = value;
}

static void ignore_line(void *controller, unsigned line, unsigned source, bool level)
{
    (void)controller, (void)line, (void)source, (void)level;
}

static void count_sent(void *sink, uint8_t byte)
{
    (void)sink, (void)byte;
    sent++;
}

static time_t moment(time_t *unused)
{
    (void)unused;
    return 59; /* seconds of a minute */
}

/* Two functions; their 32-bit BARs lie one behind the other. */
static int create(void **state)
{
    static const struct pci_identity identity = {.vendor = 0x1af4, .device = 1, .class = 0xff0000};
    static const struct pci_operations operations = {.read = on_read, .write = on_write};
    (void)state;
    sent = 0;
    serial_create(&serial, (struct interrupt_line){.set = ignore_line}, count_sent, NULL);
    rtc_create(&rtc, moment);
    power = (struct power){0};
    pci_create(&pci, MEMORY_END, HIGH);
    for (unsigned i = 0; i < 2; i++) {
        witness[i] = (struct witness){.number = 0x1111111111111111 * (i + 1)};
        pci_function_create(&function[i], &identity, &operations, &witness[i]);
        function[i].bar[0].size = BAR_SIZE;
        function[i].bar[2].size = HIGH_SIZE;
        function[i].bar[2].is_64 = true;
        if (!pci_add(&pci, i + 1, &function[i]))
            return -1;
    }
    return 0;
}

static unsigned accesses(void)
{
    return witness[0].reads + witness[0].writes + witness[1].reads + witness[1].writes;
}

/* … and the machine goes on. */
static void write_port(uint16_t port, unsigned size, uint32_t value)
{
    assert_int_equal(bus_port_write(&bus, port, size, value), BUS_NOTHING);
}

static void write_config(unsigned device, unsigned offset, uint32_t value)
{
    write_port(PCI_PORT, 4, 0x80000000u | device << 11 | offset);
    write_port(PCI_PORT + 4, 4, value);
}

/* Ports */

static void every_device_answers_at_its_ports(void **state)
{
    (void)state;
    write_port(SERIAL_PORT + UART_SCR, 1, 0x5a);
    assert_int_equal(bus_port_read(&bus, SERIAL_PORT + UART_SCR, 1), 0x5a);
    write_port(SERIAL_PORT + UART_TX, 1, 'x');
    assert_int_equal(sent, 1);
    write_port(PCI_PORT, 4, 0x80000800);
    assert_int_equal(bus_port_read(&bus, PCI_PORT, 4), 0x80000800);
    assert_int_equal(bus_port_read(&bus, PCI_PORT + 4, 4), 0x00011af4);
    assert_int_equal(bus_port_read(&bus, PCI_PORT + 4, 2) & 0xffff, 0x1af4);
    assert_int_equal(bus_port_read(&bus, PCI_PORT + 6, 1) & 0xff, 1);
    write_port(RTC_PORT, 1, 0);
    assert_int_equal(bus_port_read(&bus, RTC_PORT + 1, 1), 0x59);
    write_port(POWER_EVENTS_PORT + 2, 2, 0x5a5a);
    assert_int_equal(bus_port_read(&bus, POWER_EVENTS_PORT + 2, 2), 0x5a5a);
}

static bool is_claimed(unsigned port)
{
    return (port >= SERIAL_PORT && port < SERIAL_PORT + SERIAL_PORTS) ||
           (port >= PCI_PORT && port < PCI_PORT + PCI_PORTS) ||
           (port >= RTC_PORT && port < RTC_PORT + RTC_PORTS) || power_has_port((uint16_t)port);
}

static void port_that_nobody_has_reads_as_ones_and_takes_everything(void **state)
{
    (void)state;
    for (unsigned port = 0; port < PORTS; port++)
        for (unsigned size = 1; size <= 4 && !is_claimed(port); size *= 2) {
            assert_int_equal(bus_port_read(&bus, (uint16_t)port, size), ALL_ONES);
            write_port((uint16_t)port, size, 0x5a5a5a5a);
        }
    assert_int_equal(sent, 0);
    assert_int_equal(accesses(), 0);
}

static enum bus_effect effect_of(unsigned port, unsigned size, unsigned value)
{
    if (size == 1 && ((port == KEYBOARD && value == 0xfe) || (port == RESET_CONTROL && value & 4)))
        return BUS_RESET;
    return size == 2 && port == POWER_CONTROL_PORT && (value & 0x3c00) == 0x3400 ? BUS_POWER_OFF
                                                                                 : BUS_NOTHING;
}

static void three_writes_end_the_machine_and_no_other(void **state)
{
    (void)state;
    for (unsigned port = 0; port < PORTS; port++)
        for (unsigned size = 1; size <= 4; size *= 2)
            for (unsigned value = 0; value < 0x100; value++)
                for (unsigned shift = 0; shift < 8 * size; shift += 8) {
                    unsigned written = value << shift;
                    if (bus_port_write(&bus, (uint16_t)port, size, written) !=
                        effect_of(port, size, written))
                        fail_msg("%u bytes 0x%x to port 0x%x", size, written, port);
                }
}

/* Registers of one byte: a wide access is none of several of them. */
static void wide_access_to_a_byte_wide_device_is_nobodys(void **state)
{
    (void)state;
    write_port(SERIAL_PORT + UART_SCR, 1, 0x5a);
    for (unsigned size = 2; size <= 4; size *= 2) {
        for (unsigned i = 0; i < SERIAL_PORTS; i++) {
            assert_int_equal(bus_port_read(&bus, (uint16_t)(SERIAL_PORT + i), size), ALL_ONES);
            write_port((uint16_t)(SERIAL_PORT + i), size, 0x21212121);
        }
        for (unsigned i = 0; i < RTC_PORTS; i++) {
            assert_int_equal(bus_port_read(&bus, (uint16_t)(RTC_PORT + i), size), ALL_ONES);
            write_port((uint16_t)(RTC_PORT + i), size, 0x21212121);
        }
    }
    assert_int_equal(sent, 0);
    assert_int_equal(bus_port_read(&bus, SERIAL_PORT + UART_SCR, 1), 0x5a);
}

static void wide_access_over_the_edge_of_a_device_is_nobodys(void **state)
{
    static const struct {
        uint16_t port;
        unsigned size;
    } places[] = {{SERIAL_PORT - 1, 2}, {SERIAL_PORT - 3, 4}, {SERIAL_PORT + 7, 2},
                  {SERIAL_PORT + 5, 4}, {PCI_PORT - 1, 2},    {PCI_PORT - 2, 4},
                  {PCI_PORT + 7, 2},    {PCI_PORT + 6, 4},    {PCI_PORT + 2, 4},
                  {RTC_PORT - 1, 2},    {RTC_PORT + 1, 2},    {RTC_PORT - 3, 4},
                  {0xffff, 2},          {0xfffe, 4}};
    (void)state;
    write_port(PCI_PORT, 4, 0x80000800);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        assert_int_equal(bus_port_read(&bus, places[i].port, places[i].size), ALL_ONES);
        write_port(places[i].port, places[i].size, 0x21212121);
    }
    assert_int_equal(bus_port_read(&bus, PCI_PORT, 4), 0x80000800);
    assert_int_equal(sent, 0);
}

static void reset_register_leaves_the_pci_address_alone(void **state)
{
    (void)state;
    write_port(PCI_PORT, 4, 0x80000800);
    write_port(RESET_CONTROL, 1, 0x02);
    assert_int_equal(bus_port_read(&bus, PCI_PORT, 4), 0x80000800);
    assert_int_equal(bus_port_read(&bus, RESET_CONTROL, 1), ALL_ONES);
}

/* Memory */

static void expect_answer(unsigned device, unsigned bar, uint64_t offset, unsigned size)
{
    uint64_t address = pci_bar_mapped(&function[device], bar) + offset;
    struct witness *at = &witness[device];
    unsigned before = accesses();
    assert_int_equal(bus_memory_read(&bus, address, size), at->number);
    assert_int_equal(at->bar, bar);
    assert_int_equal(at->offset, offset);
    assert_int_equal(at->size, size);
    bus_memory_write(&bus, address, size, 0x0123456789abcdef);
    assert_int_equal(at->value, 0x0123456789abcdef);
    assert_int_equal(at->offset, offset);
    assert_int_equal(accesses(), before + 2);
}

static void expect_nobody(uint64_t address, unsigned size)
{
    unsigned before = accesses();
    assert_int_equal(bus_memory_read(&bus, address, size), ALL_ONES_64);
    bus_memory_write(&bus, address, size, 0);
    assert_int_equal(accesses(), before);
}

/* KVM cuts what crosses a page: three bytes can come too. */
static void access_of_any_width_reaches_the_device_that_has_all_of_it(void **state)
{
    (void)state;
    for (unsigned device = 0; device < 2; device++)
        for (unsigned size = 1; size <= 8; size++) {
            expect_answer(device, 0, 0, size);
            expect_answer(device, 0, BAR_SIZE / 2 + 1, size);
            expect_answer(device, 0, BAR_SIZE - size, size);
            expect_answer(device, 2, HIGH_SIZE - size, size);
        }
}

static void access_across_two_devices_is_nobodys(void **state)
{
    (void)state;
    uint64_t edge = pci_bar_mapped(&function[1], 0);
    assert_int_equal(edge, pci_bar_mapped(&function[0], 0) + BAR_SIZE);
    for (unsigned size = 2; size <= 8; size++)
        for (unsigned before = 1; before < size; before++) {
            expect_nobody(edge - before, size);
            expect_nobody(edge - BAR_SIZE - before, size);
            expect_nobody(edge + BAR_SIZE - before, size);
        }
}

static void address_that_nobody_has_reads_as_ones(void **state)
{
    static const uint64_t places[] = {0,
                                      MEMORY_END - 8,
                                      MEMORY_END,
                                      0xc0000000,
                                      PCI_WINDOW - 8,
                                      PCI_WINDOW_END - 8,
                                      PCI_WINDOW_END,
                                      0xfec00000,
                                      0xfee00000,
                                      HIGH - 8,
                                      PCI_HIGH_END,
                                      ALL_ONES_64 - 7,
                                      ALL_ONES_64};
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        for (unsigned size = 1; size <= 8; size++)
            expect_nobody(places[i], size);
}

static void device_whose_memory_is_off_does_not_answer(void **state)
{
    (void)state;
    uint64_t address = pci_bar_mapped(&function[0], 0);
    write_config(1, PCI_COMMAND, 0);
    expect_nobody(address, 4);
    expect_answer(1, 0, 0, 4);
    write_config(1, PCI_COMMAND, PCI_COMMAND_MEMORY);
    expect_answer(0, 0, 0, 4);
}

/* A guest may put one over another: each access has one answer, from the lower number. */
static void of_two_devices_at_one_address_one_answers(void **state)
{
    (void)state;
    uint32_t start = (uint32_t)pci_bar_mapped(&function[0], 0);
    write_config(2, PCI_BASE_ADDRESS_0, start);
    assert_int_equal(pci_bar_mapped(&function[1], 0), start);
    for (unsigned size = 1; size <= 8; size *= 2)
        expect_answer(0, 0, BAR_SIZE - size, size);
    assert_int_equal(witness[1].reads + witness[1].writes, 0);
    write_config(1, PCI_COMMAND, 0);
    expect_answer(1, 0, BAR_SIZE - 4, 4);
}

#define TEST(name) cmocka_unit_test_setup(name, create)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_device_answers_at_its_ports),
        TEST(port_that_nobody_has_reads_as_ones_and_takes_everything),
        TEST(three_writes_end_the_machine_and_no_other),
        TEST(wide_access_to_a_byte_wide_device_is_nobodys),
        TEST(wide_access_over_the_edge_of_a_device_is_nobodys),
        TEST(reset_register_leaves_the_pci_address_alone),
        TEST(access_of_any_width_reaches_the_device_that_has_all_of_it),
        TEST(access_across_two_devices_is_nobodys),
        TEST(address_that_nobody_has_reads_as_ones),
        TEST(device_whose_memory_is_off_does_not_answer),
        TEST(of_two_devices_at_one_address_one_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

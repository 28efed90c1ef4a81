/*
 * Decodes ports and addresses. Holds no state of its own.
 */
#include "vmm/guest/bus.h"

#define KEYBOARD_COMMAND 0x64u /* of the PC's keyboard controller, which can reset the machine */
#define KEYBOARD_RESET 0xfeu
#define RESET_CONTROL 0xcf9u
#define RESET_NOW 0x04u
#define ALL_ONES 0xffffffffu

static bool is_serial(uint16_t port)
{
    return port >= SERIAL_PORT && port < SERIAL_PORT + SERIAL_PORTS;
}

static bool is_pci(uint16_t port)
{
    return port >= PCI_PORT && port < PCI_PORT + PCI_PORTS;
}

static bool is_rtc(uint16_t port)
{
    return port >= RTC_PORT && port < RTC_PORT + RTC_PORTS;
}

uint32_t bus_port_read(struct bus *bus, uint16_t port, unsigned size)
{
    if (is_serial(port) && size == 1)
        return serial_read(bus->serial, port - SERIAL_PORT);
    if (is_pci(port))
        return pci_port_read(bus->pci, port - PCI_PORT, size);
    if (is_rtc(port) && size == 1)
        return rtc_read(bus->rtc, port - RTC_PORT);
    if (power_has_port(port) && size == 2)
        return power_read(bus->power, port);
    return ALL_ONES;
}

static bool is_reset(uint16_t port, uint32_t value)
{
    return (port == KEYBOARD_COMMAND && value == KEYBOARD_RESET) ||
           (port == RESET_CONTROL && value & RESET_NOW);
}

enum bus_effect bus_port_write(struct bus *bus, uint16_t port, unsigned size, uint32_t value)
{
    if (size == 1 && is_reset(port, value))
        return BUS_RESET;
    if (size == 2 && power_has_port(port))
        return power_write(bus->power, port, value) ? BUS_NOTHING : BUS_POWER_OFF;
    if (is_serial(port) && size == 1)
        serial_write(bus->serial, port - SERIAL_PORT, (uint8_t)value);
    else if (is_pci(port))
        pci_port_write(bus->pci, port - PCI_PORT, size, value);
    else if (is_rtc(port) && size == 1)
        rtc_write(bus->rtc, port - RTC_PORT, (uint8_t)value);
    return BUS_NOTHING;
}

uint64_t bus_memory_read(struct bus *bus, uint64_t address, unsigned size)
{
    uint64_t value;
    return pci_memory_read(bus->pci, address, size, &value) ? value : ~0ull;
}

void bus_memory_write(struct bus *bus, uint64_t address, unsigned size, uint64_t value)
{
    (void)pci_memory_write(bus->pci, address, size, value);
}

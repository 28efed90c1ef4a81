/*
 * Which device answers at which port and address. What nobody answers reads as ones, as on a bus
 * without pull-downs, and writes there are lost.
 */
#ifndef GUEST_BUS_H
#define GUEST_BUS_H

#include "vmm/guest/pci.h"
#include "vmm/guest/power.h"
#include "vmm/guest/rtc.h"
#include "vmm/guest/serial.h"

/* What a write does to the machine as a whole. */
enum bus_effect {
    BUS_NOTHING,
    BUS_RESET,
    BUS_POWER_OFF,
};

struct bus {
    struct serial *serial;
    struct pci *pci;
    struct rtc *rtc;
    struct power *power;
};

uint32_t bus_port_read(struct bus *bus, uint16_t port, unsigned size);
__attribute__((warn_unused_result)) enum bus_effect bus_port_write(struct bus *bus, uint16_t port,
                                                                   unsigned size, uint32_t value);

uint64_t bus_memory_read(struct bus *bus, uint64_t address, unsigned size);
void bus_memory_write(struct bus *bus, uint64_t address, unsigned size, uint64_t value);

#endif

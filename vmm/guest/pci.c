/*
 * Configuration space and BARs of the functions on bus 0. Must never map a BAR over the guest's
 * memory or the interrupt controllers, whatever the guest writes.
 */
#include "vmm/guest/pci.h"

#include "base/checked.h"

#include <string.h>

#define ENABLE 0x80000000u
#define DATA_PORT 4u /* of the ports: where the data begin */
#define ALL_ONES 0xffffffffu
#define CAPABILITIES_AT 0x40u
#define LOW_ALIGNMENT 0x1000u

#define HOST_BRIDGE_VENDOR 0x8086u
#define HOST_BRIDGE_DEVICE 0x0d57u
#define HOST_BRIDGE_CLASS 0x060000u

static void put_16(uint8_t *at, uint16_t value)
{
    memcpy(at, &value, sizeof value);
}

static uint16_t get_16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

void pci_function_create(struct pci_function *function, const struct pci_identity *identity,
                         const struct pci_operations *operations, void *device)
{
    *function = (struct pci_function){.operations = operations, .device = device};
    uint8_t *config = function->config;
    put_16(config + PCI_VENDOR_ID, identity->vendor);
    put_16(config + PCI_DEVICE_ID, identity->device);
    put_16(config + PCI_SUBSYSTEM_VENDOR_ID, identity->subsystem_vendor);
    put_16(config + PCI_SUBSYSTEM_ID, identity->subsystem);
    config[PCI_REVISION_ID] = identity->revision;
    config[PCI_CLASS_PROG] = (uint8_t)identity->class;
    put_16(config + PCI_CLASS_DEVICE, (uint16_t)(identity->class >> 8));
    if (!operations)
        return;
    put_16(function->writable + PCI_COMMAND,
           PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
    if (identity->irq == 0)
        return;
    config[PCI_INTERRUPT_PIN] = 1;
    config[PCI_INTERRUPT_LINE] = identity->irq;
    function->writable[PCI_INTERRUPT_LINE] = 0xff;
}

void pci_function_add_capability(struct pci_function *function, const void *capability, size_t size)
{
    unsigned last = function->last_capability;
    unsigned at = last ? (last + function->config[last + 2] + 3u) & ~3u : CAPABILITIES_AT;
    if (!range_within(at, size, PCI_CONFIG_SIZE))
        return;
    memcpy(function->config + at, capability, size);
    function->config[at + 1] = 0;
    function->config[last ? last + 1 : PCI_CAPABILITY_LIST] = (uint8_t)at;
    function->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
    function->last_capability = at;
}

void pci_create(struct pci *pci, uint64_t memory_end, uint64_t high)
{
    static const struct pci_identity bridge = {
        .vendor = HOST_BRIDGE_VENDOR, .device = HOST_BRIDGE_DEVICE, .class = HOST_BRIDGE_CLASS};
    *pci = (struct pci){.next_low = PCI_WINDOW, .next_high = high};
    pci_function_create(&pci->bridge, &bridge, NULL, NULL);
    pci->bridge.memory_end = memory_end;
    pci->function[0] = &pci->bridge;
}

bool pci_add(struct pci *pci, unsigned number, struct pci_function *function)
{
    if (number >= PCI_FUNCTIONS || pci->function[number])
        return false;
    function->memory_end = pci->bridge.memory_end;
    for (unsigned i = 0; i < PCI_BARS; i++) {
        struct pci_bar *bar = &function->bar[i];
        if (bar->size == 0)
            continue;
        if (bar->is_64) {
            bar->address = (pci->next_high + bar->size - 1) & ~(bar->size - 1);
            pci->next_high = bar->address + bar->size;
        } else {
            uint32_t unit = bar->size > LOW_ALIGNMENT ? (uint32_t)bar->size : LOW_ALIGNMENT;
            bar->address = (pci->next_low + unit - 1) & ~(unit - 1);
            pci->next_low = (uint32_t)bar->address + unit;
        }
    }
    pci->function[number] = function;
    put_16(function->config + PCI_COMMAND, PCI_COMMAND_MEMORY);
    if (function->operations->changed)
        function->operations->changed(function->device);
    return true;
}

static uint16_t command(const struct pci_function *function)
{
    return get_16(function->config + PCI_COMMAND);
}

bool pci_interrupts_disabled(const struct pci_function *function)
{
    return command(function) & PCI_COMMAND_INTX_DISABLE;
}

uint64_t pci_bar_mapped(const struct pci_function *function, unsigned number)
{
    const struct pci_bar *bar = &function->bar[number];
    uint64_t start = PCI_WINDOW;
    uint64_t end = PCI_WINDOW_END;
    if (bar->size == 0 || !(command(function) & PCI_COMMAND_MEMORY))
        return 0;
    if (bar->is_64) {
        start = function->memory_end;
        end = PCI_HIGH_END;
    }
    if (bar->address < start || bar->address >= end || bar->size > end - bar->address)
        return 0;
    return bar->address;
}

/* The BAR that the register at `offset` belongs to, if it does to one. */
static struct pci_bar *bar_at(struct pci_function *function, unsigned offset, bool *upper)
{
    if (offset < PCI_BASE_ADDRESS_0 || offset > PCI_BASE_ADDRESS_5)
        return NULL;
    unsigned number = (offset - PCI_BASE_ADDRESS_0) / 4;
    *upper = number > 0 && function->bar[number - 1].size > 0 && function->bar[number - 1].is_64;
    if (*upper)
        return &function->bar[number - 1];
    return function->bar[number].size > 0 ? &function->bar[number] : NULL;
}

static uint32_t read_bar(const struct pci_bar *bar, bool upper)
{
    if (upper)
        return (uint32_t)(bar->address >> 32);
    uint32_t flags = bar->is_64 ? PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH : 0;
    return (uint32_t)bar->address | flags;
}

/* One aligned register of configuration space. */
static uint32_t read_config(struct pci_function *function, unsigned offset)
{
    bool upper;
    uint32_t value;
    const struct pci_bar *bar = bar_at(function, offset, &upper);
    if (bar)
        return read_bar(bar, upper);
    memcpy(&value, function->config + offset, sizeof value);
    if (offset == PCI_COMMAND && function->operations && function->operations->interrupt &&
        function->operations->interrupt(function->device))
        value |= (uint32_t)PCI_STATUS_INTERRUPT << 16;
    return value;
}

/* Sizing works by itself: a written address loses the bits that the size leaves no room for. */
static void write_bar(struct pci_bar *bar, bool upper, uint32_t value)
{
    uint64_t address = upper ? (bar->address & ALL_ONES) | (uint64_t)value << 32
                             : (bar->address & ~(uint64_t)ALL_ONES) | value;
    bar->address = address & ~(bar->size - 1);
}

/* `value` and `mask` stand where they are in the register. */
static void write_config(struct pci_function *function, unsigned offset, uint32_t value,
                         uint32_t mask)
{
    bool upper;
    uint32_t old;
    uint32_t writable;
    struct pci_bar *bar = bar_at(function, offset, &upper);
    if (bar) {
        write_bar(bar, upper, (read_bar(bar, upper) & ~mask) | (value & mask));
    } else {
        memcpy(&old, function->config + offset, sizeof old);
        memcpy(&writable, function->writable + offset, sizeof writable);
        mask &= writable;
        value = (old & ~mask) | (value & mask);
        memcpy(function->config + offset, &value, sizeof value);
    }
    if ((bar || offset == PCI_COMMAND) && function->operations && function->operations->changed)
        function->operations->changed(function->device);
}

/* The function that the address register names. */
static struct pci_function *selected(const struct pci *pci)
{
    unsigned bus = pci->address >> 16 & 0xff;
    unsigned device = pci->address >> 11 & 0x1f;
    unsigned function = pci->address >> 8 & 7;
    if (!(pci->address & ENABLE) || bus != 0 || function != 0 || device >= PCI_FUNCTIONS)
        return NULL;
    return pci->function[device];
}

static uint32_t size_mask(unsigned size)
{
    return size >= 4 ? ALL_ONES : (1u << size * 8) - 1;
}

static bool is_valid(unsigned offset, unsigned size)
{
    return (size == 1 || size == 2 || size == 4) && offset < PCI_PORTS && offset % size == 0;
}

uint32_t pci_port_read(struct pci *pci, unsigned offset, unsigned size)
{
    if (!is_valid(offset, size))
        return ALL_ONES;
    if (offset < DATA_PORT)
        return size == 4 ? pci->address : ALL_ONES;
    struct pci_function *function = selected(pci);
    if (!function)
        return ALL_ONES;
    return read_config(function, pci->address & 0xfc) >> (offset - DATA_PORT) * 8;
}

void pci_port_write(struct pci *pci, unsigned offset, unsigned size, uint32_t value)
{
    if (!is_valid(offset, size))
        return;
    if (offset < DATA_PORT) {
        if (size == 4)
            pci->address = value;
        return;
    }
    unsigned shift = (offset - DATA_PORT) * 8;
    struct pci_function *function = selected(pci);
    if (function)
        write_config(function, pci->address & 0xfc, value << shift, size_mask(size) << shift);
}

/* The function and BAR that hold all of the access. */
static struct pci_function *find_bar(struct pci *pci, uint64_t address, unsigned size,
                                     unsigned *bar, uint64_t *offset)
{
    for (unsigned i = 1; i < PCI_FUNCTIONS; i++) {
        struct pci_function *function = pci->function[i];
        for (*bar = 0; function && *bar < PCI_BARS; ++*bar) {
            uint64_t start = pci_bar_mapped(function, *bar);
            if (start == 0 || address < start)
                continue;
            *offset = address - start;
            if (range_within(*offset, size, function->bar[*bar].size))
                return function;
        }
    }
    return NULL;
}

bool pci_memory_read(struct pci *pci, uint64_t address, unsigned size, uint64_t *value)
{
    unsigned bar;
    uint64_t offset;
    struct pci_function *function = find_bar(pci, address, size, &bar, &offset);
    if (!function)
        return false;
    *value = function->operations->read(function->device, bar, offset, size);
    return true;
}

bool pci_memory_write(struct pci *pci, uint64_t address, unsigned size, uint64_t value)
{
    unsigned bar;
    uint64_t offset;
    struct pci_function *function = find_bar(pci, address, size, &bar, &offset);
    if (!function)
        return false;
    function->operations->write(function->device, bar, offset, size, value);
    return true;
}

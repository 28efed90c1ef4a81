/*
 * Mailbox devices of this guest, found and mapped through sysfs: no driver and no kernel code.
 * Changes nothing in a device's configuration. What lies in the memory is guest_memory.h's.
 */
#ifndef GUEST_PCI_H
#define GUEST_PCI_H

#include "base/reason.h"

#include <stddef.h>
#include <stdint.h>

#define PCI_DEVICES_MAX 32
#define PCI_ADDRESS_SIZE 24 /* 0000:00:04.0; domains may have more digits */

/* Where the kernel shows devices. Other folders than these are for tests; the texts are kept. */
struct pci_places {
    const char *devices; /* /sys/bus/pci/devices */
    const char *nodes;   /* /dev */
};

struct pci_devices {
    char address[PCI_DEVICES_MAX][PCI_ADDRESS_SIZE]; /* sorted */
    size_t count;
};

struct pci_mapping {
    int file;       /* resource2, open as long as it is mapped */
    uint8_t *bytes; /* the memory BAR */
    size_t size;
    volatile uint32_t *registers; /* CLO_GUEST_REGISTERS_SIZE bytes */
    void *register_pages;
    size_t register_pages_size;
};

/* Lists the devices 1af4:1110, the first PCI_DEVICES_MAX of them. NOT_FOUND: there is none; DENIED;
   IO. */
CLOISTER_MUST_USE cloister_status pci_find(const struct pci_places *places,
                                           struct pci_devices *found, struct reason *why);

/* Maps registers and memory of a device that pci_find has listed. DENIED: no right to its files;
   UNSUPPORTED: the kernel is locked down; BAD_FORMAT: not such a device; IO. */
CLOISTER_MUST_USE cloister_status pci_map(const struct pci_places *places, const char *address,
                                          struct pci_mapping *mapping, struct reason *why);

void pci_unmap(struct pci_mapping *mapping);

#endif

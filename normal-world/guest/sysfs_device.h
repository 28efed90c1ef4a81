/*
 * Mailbox devices of this guest, found and mapped through sysfs: no driver and no kernel code.
 * Changes nothing in a device's configuration. What lies in the memory is mailbox.h's.
 */
#ifndef GUEST_SYSFS_DEVICE_H
#define GUEST_SYSFS_DEVICE_H

#include "base/reason.h"

#include <stddef.h>
#include <stdint.h>

#define SYSFS_DEVICES_MAX 32
#define SYSFS_ADDRESS_SIZE 24 /* 0000:00:04.0; domains may have more digits */

/* Where the kernel shows devices. Other folders than these are for tests; the texts are kept. */
struct sysfs_places {
    const char *devices; /* /sys/bus/pci/devices */
    const char *nodes;   /* /dev */
};

struct sysfs_devices {
    char address[SYSFS_DEVICES_MAX][SYSFS_ADDRESS_SIZE]; /* sorted */
    size_t count;
};

struct sysfs_mapping {
    int file;       /* resource2, open as long as it is mapped */
    uint8_t *bytes; /* the memory BAR */
    size_t size;
    volatile uint32_t *registers; /* CLO_GUEST_REGISTERS_SIZE bytes */
    void *register_pages;
    size_t register_pages_size;
};

/* Lists the devices 1af4:1110, the first SYSFS_DEVICES_MAX of them. NOT_FOUND: there is none;
   DENIED; IO. */
CLOISTER_MUST_USE cloister_status sysfs_device_find(const struct sysfs_places *places,
                                                    struct sysfs_devices *found,
                                                    struct reason *why);

/* Maps registers and memory of a device that sysfs_device_find has listed. DENIED: no right to its
   files; UNSUPPORTED: the kernel is locked down; BAD_FORMAT: not such a device; IO. */
CLOISTER_MUST_USE cloister_status sysfs_device_map(const struct sysfs_places *places,
                                                   const char *address,
                                                   struct sysfs_mapping *mapping,
                                                   struct reason *why);

void sysfs_device_unmap(struct sysfs_mapping *mapping);

#endif

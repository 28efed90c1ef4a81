/*
 * The guest's mailbox: PCI 1af4:1110 with the registers of ivshmem-doorbell and INTx (abi/guest.h).
 * BAR 0 has the registers, BAR 2 the memory that the guest shares with the world.
 *
 * Whether an interrupt is pending is not kept here: it is whether the world has counted
 * `interrupts` on since the guest last read the status. So the world's signal can go through KVM
 * straight to the guest, and this process need not run for it.
 */
#ifndef GUEST_MAILBOX_DEVICE_H
#define GUEST_MAILBOX_DEVICE_H

#include "vmm/guest/pci.h"

#include "abi/guest.h"
#include "base/reason.h"

#include <pthread.h>

#define MAILBOX_NUMBER 1u /* of the device on its bus; dsdt.asl has both */
#define MAILBOX_IRQ 10u
#define MAILBOX_REGISTERS_BAR 0u
#define MAILBOX_MEMORY_BAR 2u

/* What the device does to the machine: mailbox_wires.c does it with KVM. */
struct mailbox_operations {
    /* BAR `bar` was at `before` and is at `after`; 0: nowhere. */
    void (*move)(void *wires, unsigned bar, uint64_t before, uint64_t after);
    /* Signals of the world reach the interrupt line, or do so no more. */
    void (*connect)(void *wires, bool on);
    /* Raises the line, until the guest's end of interrupt. */
    void (*raise)(void *wires);
};

struct mailbox_device {
    struct pci_function function;
    const struct mailbox_operations *operations;
    void *wires;
    const struct clo_guest_header *header;
    uint32_t id;
    int resample; /* eventfd: the guest has ended an interrupt */
    uint64_t at[PCI_BARS];

    pthread_mutex_t lock; /* what follows: vCPU thread and attendant */
    uint32_t mask;
    uint32_t acknowledged; /* `interrupts` when the status was last read */
    bool disabled;         /* DisINTx, as last seen */
};

/* `header` starts `size` bytes shared with the world. NO_MEMORY. */
CLOISTER_MUST_USE cloister_status mailbox_device_create(
    struct mailbox_device *device, const struct mailbox_operations *operations, void *wires,
    const struct clo_guest_header *header, uint64_t size, uint32_t id, struct reason *why);
void mailbox_device_destroy(struct mailbox_device *device);

/* `resample` was signalled: raises the line again if it should still be high. */
void mailbox_device_resampled(struct mailbox_device *device);

#endif

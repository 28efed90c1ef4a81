/*
 * A virtio device with one queue on PCI (virtio 1.2, section 4.1), modern only, interrupts by INTx.
 * What kind of device it is, its operations say. Used by the vCPU thread alone.
 */
#ifndef GUEST_VIRTIO_PCI_H
#define GUEST_VIRTIO_PCI_H

#include "vmm/guest/interrupt_line.h"
#include "vmm/guest/pci.h"
#include "vmm/guest/virtio_queue.h"

struct virtio_operations {
    /* Serves the queue. false: the driver has broken the rules. */
    bool (*notified)(void *device, struct virtio_queue *queue);
};

struct virtio_kind {
    uint16_t device; /* virtio's number of the kind */
    uint32_t class;  /* PCI's */
    uint64_t features;
    const void *config; /* what the driver reads; lives as long as the device */
    size_t config_size;
};

struct virtio_pci {
    struct pci_function function;
    struct interrupt_line line;
    const struct virtio_operations *operations;
    void *device;
    struct virtio_kind kind;
    struct virtio_queue queue;
    uint32_t feature_page; /* which 32 of the device's features are read … */
    uint32_t driver_page;  /* … and of the driver's written */
    uint64_t accepted;     /* features */
    uint16_t selected;     /* queue */
    uint8_t status;
    uint8_t interrupts; /* the ISR register */
};

void virtio_pci_create(struct virtio_pci *pci, const struct virtio_kind *kind,
                       const struct virtio_operations *operations, void *device,
                       const struct guest_memory *memory, struct interrupt_line line);

#endif

/*
 * A driver's side of a virtqueue in a guest's memory, for tests: writes rings as they are told,
 * right or wrong.
 */
#ifndef TESTS_VIRTIO_DRIVER_H
#define TESTS_VIRTIO_DRIVER_H

#include "vmm/guest/virtio_queue.h"

#include <linux/virtio_ring.h>

/* Where the test's rings and buffers are. */
#define DRIVER_DESCRIPTORS 0x10000u
#define DRIVER_AVAILABLE 0x11000u
#define DRIVER_USED 0x12000u
#define DRIVER_BUFFERS 0x100000u

struct virtio_driver {
    struct guest_memory *memory;
    uint16_t size;
    uint16_t offered;
};

void virtio_driver_describe(const struct virtio_driver *driver, uint16_t index, uint64_t address,
                            uint32_t length, uint16_t flags, uint16_t next);
/* Makes a chain available. */
void virtio_driver_offer(struct virtio_driver *driver, uint16_t head);
/* The used ring's index, and the entry before it. */
uint16_t virtio_driver_used(const struct virtio_driver *driver, struct vring_used_elem *last);

#endif

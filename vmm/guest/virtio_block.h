/*
 * A virtio disk over a raw image (virtio 1.2, section 5.2): read, write, flush, identify. Requests
 * are served at once, by the vCPU thread.
 */
#ifndef GUEST_VIRTIO_BLOCK_H
#define GUEST_VIRTIO_BLOCK_H

#include "vmm/guest/options.h"
#include "vmm/guest/virtio_pci.h"

#include <linux/virtio_blk.h>

struct virtio_block {
    struct virtio_pci pci;
    struct virtio_blk_config config;
    int image;
    bool read_only;
    uint64_t sectors;
};

/* Opens the image and locks it: whole for who writes, shared for readers. NOT_FOUND, DENIED;
   BUSY: another guest has it; BAD_FORMAT: no regular file or block device, or not one sector. */
CLOISTER_MUST_USE cloister_status virtio_block_create(struct virtio_block *disk,
                                                      const struct guest_disk_option *option,
                                                      const struct guest_memory *memory,
                                                      struct interrupt_line line,
                                                      struct reason *why);
void virtio_block_destroy(struct virtio_block *disk);

#endif

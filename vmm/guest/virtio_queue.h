/*
 * A split virtqueue (virtio 1.2, section 2.7), the device's side. The guest writes every byte of
 * it; each index, address and length is copied, then checked, then used.
 */
#ifndef GUEST_VIRTIO_QUEUE_H
#define GUEST_VIRTIO_QUEUE_H

#include "vmm/guest/guest_memory.h"

#include <sys/uio.h>

#define VIRTIO_QUEUE_SIZE_MAX 128u

struct virtio_queue {
    const struct guest_memory *memory;
    /* What the driver has set; checked by virtio_queue_enable. */
    uint16_t size;
    uint64_t descriptors;
    uint64_t available;
    uint64_t used;
    /* Ours. */
    bool enabled;
    uint16_t taken;    /* of the available ring */
    uint16_t returned; /* to the used ring */
};

/* A request: first what the device reads, then what it writes. All of it is memory of the guest. */
struct virtio_chain {
    uint16_t head;
    unsigned readable;
    unsigned writable;
    struct iovec part[VIRTIO_QUEUE_SIZE_MAX]; /* `readable`, then `writable` of them */
};

enum virtio_take {
    VIRTIO_EMPTY,
    VIRTIO_TAKEN,
    VIRTIO_BROKEN, /* the driver has broken the rules: the device stops until it is reset */
};

void virtio_queue_reset(struct virtio_queue *queue, const struct guest_memory *memory);

/* false: a size, alignment or place that the queue cannot have. */
__attribute__((warn_unused_result)) bool virtio_queue_enable(struct virtio_queue *queue);

/* The next request, of at most as many parts as the queue has descriptors. */
enum virtio_take virtio_queue_take(struct virtio_queue *queue, struct virtio_chain *chain);

/* Gives a request back, with `written` bytes in its writable parts. */
__attribute__((warn_unused_result)) bool virtio_queue_return(struct virtio_queue *queue,
                                                             uint16_t head, uint32_t written);

/* Does the driver want an interrupt for what was returned? */
bool virtio_queue_wants_interrupt(const struct virtio_queue *queue);

#endif

/*
 * Takes requests off the available ring and puts them on the used ring. Must never follow a chain
 * for longer than the queue is, nor touch memory that guest_memory_range does not give.
 */
#include "vmm/guest/virtio_queue.h"

#include <linux/virtio_ring.h>
#include <stdatomic.h>

#define INDEX_AT 2u /* in both rings: flags, index, entries */
#define ENTRIES_AT 4u
#define DESCRIPTOR_ALIGNMENT 16u
#define AVAILABLE_ALIGNMENT 2u
#define USED_ALIGNMENT 4u

void virtio_queue_reset(struct virtio_queue *queue, const struct guest_memory *memory)
{
    *queue = (struct virtio_queue){.memory = memory, .size = VIRTIO_QUEUE_SIZE_MAX};
}

static bool is_place(const struct virtio_queue *queue, uint64_t address, uint64_t size,
                     uint64_t alignment)
{
    uint8_t *unused;
    return address % alignment == 0 && guest_memory_range(queue->memory, address, size, &unused);
}

bool virtio_queue_enable(struct virtio_queue *queue)
{
    uint64_t size = queue->size;
    if (size == 0 || size > VIRTIO_QUEUE_SIZE_MAX || (size & (size - 1)) != 0)
        return false;
    queue->enabled = is_place(queue, queue->descriptors, size * sizeof(struct vring_desc),
                              DESCRIPTOR_ALIGNMENT) &&
                     is_place(queue, queue->available, ENTRIES_AT + size * sizeof(uint16_t),
                              AVAILABLE_ALIGNMENT) &&
                     is_place(queue, queue->used,
                              ENTRIES_AT + size * sizeof(struct vring_used_elem), USED_ALIGNMENT);
    return queue->enabled;
}

static bool read_16(const struct virtio_queue *queue, uint64_t address, uint16_t *value)
{
    return guest_memory_read(queue->memory, address, value, sizeof *value);
}

/* Readable parts come first: one that is readable behind a writable one is against the rules. */
static bool add_part(const struct virtio_queue *queue, const struct vring_desc *descriptor,
                     struct virtio_chain *chain)
{
    uint8_t *bytes;
    unsigned count = chain->readable + chain->writable;
    bool writable = descriptor->flags & VRING_DESC_F_WRITE;
    if ((descriptor->flags & VRING_DESC_F_INDIRECT) || (!writable && chain->writable > 0) ||
        !guest_memory_range(queue->memory, descriptor->addr, descriptor->len, &bytes))
        return false;
    chain->part[count] = (struct iovec){.iov_base = bytes, .iov_len = descriptor->len};
    if (writable)
        chain->writable++;
    else
        chain->readable++;
    return true;
}

static bool follow(const struct virtio_queue *queue, struct virtio_chain *chain)
{
    uint16_t index = chain->head;
    for (unsigned i = 0; i < queue->size; i++) {
        struct vring_desc descriptor;
        if (index >= queue->size ||
            !guest_memory_read(queue->memory, queue->descriptors + index * sizeof descriptor,
                               &descriptor, sizeof descriptor) ||
            !add_part(queue, &descriptor, chain))
            return false;
        if (!(descriptor.flags & VRING_DESC_F_NEXT))
            return true;
        index = descriptor.next;
    }
    return false; /* a loop */
}

enum virtio_take virtio_queue_take(struct virtio_queue *queue, struct virtio_chain *chain)
{
    uint16_t index;
    uint16_t head;
    if (!queue->enabled)
        return VIRTIO_EMPTY;
    if (!read_16(queue, queue->available + INDEX_AT, &index))
        return VIRTIO_BROKEN;
    if (index == queue->taken)
        return VIRTIO_EMPTY;
    if ((uint16_t)(index - queue->taken) > queue->size)
        return VIRTIO_BROKEN;
    atomic_thread_fence(memory_order_acquire); /* the entry was written before the index */
    uint64_t entry = queue->available + ENTRIES_AT + queue->taken % queue->size * sizeof head;
    if (!read_16(queue, entry, &head))
        return VIRTIO_BROKEN;
    queue->taken++;
    chain->head = head;
    chain->readable = 0;
    chain->writable = 0;
    return follow(queue, chain) ? VIRTIO_TAKEN : VIRTIO_BROKEN;
}

bool virtio_queue_return(struct virtio_queue *queue, uint16_t head, uint32_t written)
{
    const struct vring_used_elem element = {.id = head, .len = written};
    uint64_t entry = queue->used + ENTRIES_AT + queue->returned % queue->size * sizeof element;
    uint16_t next = (uint16_t)(queue->returned + 1);
    if (!queue->enabled || !guest_memory_write(queue->memory, entry, &element, sizeof element))
        return false;
    atomic_thread_fence(memory_order_release); /* the index is written after the entry */
    queue->returned = next;
    return guest_memory_write(queue->memory, queue->used + INDEX_AT, &next, sizeof next);
}

bool virtio_queue_wants_interrupt(const struct virtio_queue *queue)
{
    uint16_t flags = 0;
    return read_16(queue, queue->available, &flags) && !(flags & VRING_AVAIL_F_NO_INTERRUPT);
}

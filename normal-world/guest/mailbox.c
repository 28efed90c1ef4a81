/*
 * Copies and checks the header of a guest's memory once, and watches the world's heartbeat.
 */
#include "normal-world/guest/mailbox.h"

#include "base/checked.h"
#include "normal-world/client/shared_word.h"

#include <time.h>

static struct clo_guest_header *header_of(const struct mailbox *mailbox)
{
    return (struct clo_guest_header *)(void *)mailbox->mapping.bytes;
}

static cloister_status check_header(const struct clo_guest_header *copy, size_t size,
                                    const char *address, struct reason *why)
{
    if (copy->magic == UINT32_MAX)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "device %s does not answer: is it enabled (its file 'enable' in sysfs)?",
                      address);
    if (copy->magic != CLO_GUEST_MAGIC)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "device %s is shared memory, but not of a world: it begins with 0x%08x, not "
                      "0x%08x",
                      address, copy->magic, CLO_GUEST_MAGIC);
    if (copy->abi_major != CLO_ABI_MAJOR)
        return refuse(why, CLOISTER_UNSUPPORTED, "the world behind device %s speaks ABI %u, not %u",
                      address, copy->abi_major, CLO_ABI_MAJOR);
    if (copy->size != size || copy->lanes != CLO_GUEST_LANES || copy->reserved != 0)
        return refuse(why, CLOISTER_PROTOCOL,
                      "the world behind device %s states %u bytes and %u lanes; there are %zu and "
                      "%u",
                      address, copy->size, copy->lanes, size, CLO_GUEST_LANES);
    if (copy->state != CLO_GUEST_LIVE)
        return refuse(why, CLOISTER_DEAD, "the world behind device %s has ended", address);
    return CLOISTER_OK;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

cloister_status mailbox_open(const struct sysfs_places *places, const char *address,
                             struct mailbox *mailbox, struct reason *why)
{
    struct sysfs_mapping mapping;
    struct clo_guest_header copy;
    cloister_status status = sysfs_device_map(places, address, &mapping, why);
    if (status != CLOISTER_OK)
        return status;
    shared_copy(&copy, mapping.bytes, sizeof copy);
    status = check_header(&copy, mapping.size, address, why);
    if (status != CLOISTER_OK) {
        sysfs_device_unmap(&mapping);
        return status;
    }
    mailbox->mapping = mapping;
    mailbox->generation = copy.generation;
    pulse_start(&mailbox->pulse, copy.beat, now_ms());
    return CLOISTER_OK;
}

void mailbox_close(struct mailbox *mailbox)
{
    sysfs_device_unmap(&mailbox->mapping);
}

bool mailbox_alive(struct mailbox *mailbox)
{
    const struct clo_guest_header *header = header_of(mailbox);
    const _Atomic uint64_t *generation = (const _Atomic uint64_t *)&header->generation;
    return atomic_load_explicit(generation, memory_order_relaxed) == mailbox->generation &&
           shared_read(&header->state) == CLO_GUEST_LIVE &&
           pulse_felt(&mailbox->pulse, shared_peek(&header->beat), now_ms());
}

/* The peer in the upper half is 0, the world host. */
void mailbox_ring(const struct mailbox *mailbox, uint32_t vector)
{
    mailbox->mapping.registers[CLO_GUEST_DOORBELL / sizeof(uint32_t)] = vector;
}

bool mailbox_has_channel(const struct mailbox *mailbox, uint64_t offset, uint64_t size)
{
    uint64_t end;
    return offset >= CLO_GUEST_CHANNELS_OFFSET && offset % CLO_PAGE_SIZE == 0 &&
           size >= CLO_ARENA_OFFSET && size <= CLO_ARENA_OFFSET + CLO_ARENA_MAX &&
           checked_add(offset, size, &end) && end <= mailbox->mapping.size;
}

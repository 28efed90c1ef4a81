/*
 * The memory that a guest and a world host share (abi/guest.h): its header, and whether the world
 * is still there. Every byte of it is hostile.
 */
#ifndef GUEST_MAILBOX_H
#define GUEST_MAILBOX_H

#include "abi/guest.h"
#include "normal-world/guest/pulse.h"
#include "normal-world/guest/sysfs_device.h"

struct mailbox {
    struct sysfs_mapping mapping;
    uint64_t generation;
    struct pulse pulse;
};

/* Maps the device and checks the header. Statuses: of sysfs_device_map; BAD_FORMAT: not the memory
   of a world; UNSUPPORTED: of another ABI; PROTOCOL: it does not fit the device; DEAD: the world
   has closed it. */
CLOISTER_MUST_USE cloister_status mailbox_open(const struct sysfs_places *places,
                                               const char *address, struct mailbox *mailbox,
                                               struct reason *why);

void mailbox_close(struct mailbox *mailbox);

/* Does the world that we found when we opened it still live? Any thread may ask; who waits asks at
   least every CLO_GUEST_BEAT_MS, and gets the answer "no" at most CLO_GUEST_DEAD_MS late. */
bool mailbox_alive(struct mailbox *mailbox);

/* Rings one of the world host's doorbells. */
void mailbox_ring(const struct mailbox *mailbox, uint32_t vector);

/* The range of a channel that the world offers; false: it is not in the room for channels. */
CLOISTER_MUST_USE bool mailbox_has_channel(const struct mailbox *mailbox, uint64_t offset,
                                           uint64_t size);

#endif

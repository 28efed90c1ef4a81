/*
 * The memory of one guest (abi/guest.h) and its doorbells: a sealed memfd of which the header and
 * the lanes are mapped here; channels lie behind them and are mapped only into the window. Main
 * thread only. Knows nothing of sockets and requests.
 */
#ifndef VMM_GUEST_MEMORY_H
#define VMM_GUEST_MEMORY_H

#include "abi/guest.h"
#include "vmm/channel.h"
#include "vmm/extents.h"

struct guest_memory {
    int memfd;
    uint32_t size;
    struct clo_guest_header *header; /* mapped, with the lanes behind it; NULL: none */
    struct clo_lane *lanes;
    struct extents channels; /* pages from CLO_GUEST_CHANNELS_OFFSET on */
    /* Eventfds shared with the VMM: never read or written here. */
    int doorbell[CLO_GUEST_VECTORS];
    int interrupt[CLO_GUEST_VECTORS];
};

/* Makes a memory of `size` bytes, a power of two from CLO_GUEST_SIZE_MIN to …_MAX, for guest
   `number`, and fills its header. The caller ends with guest_memory_destroy, also on failure. */
CLOISTER_MUST_USE cloister_status guest_memory_create(struct guest_memory *memory, uint32_t size,
                                                      uint32_t number, struct reason *why);

/* Room for a channel of `size` bytes, all zero, whoever used it before, and the vector of `lane`.
   TOO_BIG: never; BUSY: not now; IO. */
CLOISTER_MUST_USE cloister_status guest_memory_take(struct guest_memory *memory, unsigned lane,
                                                    uint32_t size, struct channel_place *place,
                                                    struct reason *why);

/* Gives it back, emptied. The channel is closed. */
void guest_memory_give(struct guest_memory *memory, uint32_t offset, uint32_t size);

/* Tells the guest that it is served no longer. */
void guest_memory_say_closed(struct guest_memory *memory);

void guest_memory_destroy(struct guest_memory *memory);

/* Of the channels in a lane. */
unsigned guest_memory_vector(unsigned lane);

#endif

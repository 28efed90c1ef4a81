/*
 * The memory that a guest and a world host share (abi/guest.h): its header, and whether the world
 * is still there. Every byte of it is hostile.
 */
#ifndef GUEST_MEMORY_H
#define GUEST_MEMORY_H

#include "abi/guest.h"
#include "normal-world/guest/pci.h"

#include <stdatomic.h>
#include <stdbool.h>

struct guest_memory {
    struct pci_mapping mapping;
    uint64_t generation;
    _Atomic uint64_t pulse;  /* the beat last seen, << 32, and when it was first, ms */
    _Atomic uint32_t looked; /* when it was last looked at, ms */
};

/* Maps the device and checks the header. Statuses: of pci_map; BAD_FORMAT: not the memory of a
   world; UNSUPPORTED: of another ABI; PROTOCOL: it does not fit the device; DEAD: the world has
   closed it. */
CLOISTER_MUST_USE cloister_status guest_memory_open(const struct pci_places *places,
                                                    const char *address,
                                                    struct guest_memory *memory,
                                                    struct reason *why);

void guest_memory_close(struct guest_memory *memory);

/* Does the world that we found when we opened it still live? Any thread may ask; who waits asks at
   least every CLO_GUEST_DEAD_MS / 2, and gets the answer "no" at most CLO_GUEST_DEAD_MS late. */
bool guest_memory_alive(struct guest_memory *memory);

/* Rings one of the world host's doorbells. */
void guest_memory_ring(const struct guest_memory *memory, uint32_t vector);

/* The range of a channel that the world offers; false: it is not in the room for channels. */
CLOISTER_MUST_USE bool guest_memory_has_channel(const struct guest_memory *memory, uint64_t offset,
                                                uint64_t size);

#endif

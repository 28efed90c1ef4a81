/*
 * The guest's memory, and the only way to it: every address and length that comes from the guest
 * or from a file goes through guest_memory_range. Up to 3 GiB lie at address 0, the rest at 4 GiB;
 * between them are devices.
 */
#ifndef GUEST_MEMORY_H
#define GUEST_MEMORY_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_MEMORY_HOLE (3ull << 30)  /* devices begin here … */
#define GUEST_MEMORY_ABOVE (4ull << 30) /* … and memory goes on here */
#define GUEST_MEMORY_MIN (32ull << 20)
#define GUEST_MEMORY_MAX (64ull << 30)
/* Above all memory that a guest can have: for devices with large windows. Within the 39 bits of
   physical address that the smallest processors with KVM have. */
#define GUEST_MEMORY_DEVICES (1ull << 37)

struct guest_memory {
    uint8_t *bytes;
    uint64_t size;
    uint64_t low; /* bytes of it at address 0 */
    int fd;
};

/* Makes fresh zeroed memory: a memfd that nobody can resize, never handed to anyone. `size` is a
   multiple of the page size. NO_MEMORY, UNSUPPORTED. */
CLOISTER_MUST_USE cloister_status guest_memory_create(struct guest_memory *memory, uint64_t size,
                                                      struct reason *why);
void guest_memory_destroy(struct guest_memory *memory);

/* Where [address, address + size) of the guest is; false unless all of it is one piece of memory.
   An empty range must have a valid address too. The guest may change the bytes at any time that it
   runs: copy once. */
__attribute__((warn_unused_result)) bool guest_memory_range(const struct guest_memory *memory,
                                                            uint64_t address, uint64_t size,
                                                            uint8_t **bytes);

/* Copies out of and into the guest. false: nothing was copied. */
__attribute__((warn_unused_result)) bool
guest_memory_read(const struct guest_memory *memory, uint64_t address, void *out, size_t size);
__attribute__((warn_unused_result)) bool guest_memory_write(const struct guest_memory *memory,
                                                            uint64_t address, const void *in,
                                                            size_t size);

#endif

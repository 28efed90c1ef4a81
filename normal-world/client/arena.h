/*
 * Who has which bytes of a channel's arena: private to the client. Calls in flight have ranges, one
 * each, and so have reservations, which callers fill themselves and give to calls as parameters.
 * Freestanding.
 */
#ifndef CLIENT_ARENA_H
#define CLIENT_ARENA_H

#include "abi/channel.h"

#include <stdbool.h>

#define ARENA_RESERVATIONS 64u
#define ARENA_RANGES (CLO_RING_SIZE + ARENA_RESERVATIONS)

struct arena_range {
    uint32_t offset; /* bytes, CLO_ARENA_ALIGN-aligned */
    uint32_t size;   /* bytes, not 0 */
};

struct arena {
    uint8_t *bytes; /* shared */
    uint32_t size;
    uint32_t next; /* where the latest range ends: the first place to look at */
    /* Ranges in use, bit n for range n: [0] those of calls, [1] reservations. */
    uint64_t used[2];
    uint64_t released; /* reservations that go when their last call does */
    uint8_t users[ARENA_RESERVATIONS];
    struct arena_range range[ARENA_RANGES];
};

/* Gives call `n` a range of `size` bytes, not 0; false while there is no gap for it. */
bool arena_take(struct arena *arena, unsigned n, uint32_t size);

void arena_give(struct arena *arena, unsigned n);

/* The same for a reservation, whose number is found here. */
bool arena_reserve(struct arena *arena, uint32_t size, unsigned *n);

/* Ends reservation `n` as soon as no call uses it, and wipes it then. */
void arena_release(struct arena *arena, unsigned n);

/* Where an address lies. */
enum arena_place {
    ARENA_OUTSIDE,  /* not in the arena */
    ARENA_RESERVED, /* `size` bytes from there are in one reservation, and aligned */
    ARENA_WRONG,    /* in the arena, but not that */
};

enum arena_place arena_find(const struct arena *arena, const void *address, size_t size,
                            unsigned *n);

/* Is `address` in the arena at all? */
static inline bool arena_has(const struct arena *arena, const void *address)
{
    return (uintptr_t)address - (uintptr_t)arena->bytes < arena->size;
}

/* A call uses these reservations (bit n), and no longer does. */
void arena_use(struct arena *arena, uint64_t reservations);
void arena_unuse(struct arena *arena, uint64_t reservations);

#endif

/*
 * The module's heap region, as brk and anonymous mmap hand it out: the break grows from the bottom,
 * mappings from the top. Memory that comes back is kept in a list and zeroed when it is given out
 * again; what was never given out is zero already and is not touched.
 *
 * A fence is a range that lost rights for good (mprotect): it is never given out again.
 */
#ifndef PERSONALITY_HEAP_H
#define PERSONALITY_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#define HEAP_FREE_MAX 256u
#define HEAP_FENCES_MAX 64u

struct heap_range {
    uint64_t start;
    uint64_t end;
};

struct heap_fence {
    struct heap_range range;
    uint32_t rights; /* CLO_RIGHT_… that remain */
};

struct heap {
    uint64_t base;
    uint64_t limit;
    uint64_t brk;
    uint64_t brk_high; /* the highest break so far: nothing above it was touched through it */
    uint64_t low;      /* mappings lie in [low, limit) */
    unsigned free_count;
    unsigned fence_count;
    struct heap_range free[HEAP_FREE_MAX]; /* ascending, with gaps between them */
    struct heap_fence fence[HEAP_FENCES_MAX];
};

/* `base` and `size` are page multiples; the memory is zero. */
void heap_init(struct heap *heap, uint64_t base, uint64_t size);

/* Moves the break and returns it; where it cannot, it stays and the old one is returned. */
uint64_t heap_set_brk(struct heap *heap, uint64_t brk);

/* Gives out `size` bytes of zeros, a page multiple that is not 0. Returns 0 if there is no room. */
uint64_t heap_map(struct heap *heap, uint64_t size);

/* Takes a range of the mapped part back; parts that are free already stay so. False: outside the
   mapped part, or too many pieces; nothing has changed. */
bool heap_unmap(struct heap *heap, struct heap_range range);

/* Notes that the range is about to keep only `rights`. False: there is no room for the note. */
bool heap_add_fence(struct heap *heap, struct heap_range range, uint32_t rights);

/* The rights that every page of the range still has. */
uint32_t heap_rights(const struct heap *heap, struct heap_range range);

bool heap_contains(const struct heap *heap, struct heap_range range);

/* Is the range inside the mapped part? */
bool heap_is_mapping(const struct heap *heap, struct heap_range range);

/* Zeroes what of the range is not fenced. */
void heap_zero(const struct heap *heap, struct heap_range range);

#endif

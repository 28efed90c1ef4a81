/*
 * What placement.c and placement_change.c share. Private to them.
 */
#ifndef VMM_PLACEMENT_PARTS_H
#define VMM_PLACEMENT_PARTS_H

#include "vmm/placement.h"

#define PAGE CLO_PAGE_SIZE

static inline uint64_t placement_segment_start(const struct clo_segment *segment)
{
    return segment->vaddr & ~(uint64_t)(PAGE - 1);
}

static inline size_t placement_segment_size(const struct clo_segment *segment)
{
    uint64_t end = (segment->vaddr + segment->memsz + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    return (size_t)(end - placement_segment_start(segment));
}

/* Tables for `size` bytes, wherever they start: a page for each 2 MiB and for each 1 GiB, two more
   at both levels, and two for the level above. */
static inline size_t placement_table_need(size_t size)
{
    return (size / (2u << 20) + 2 + size / (1u << 30) + 2 + 2) * PAGE;
}

/* Where the stack of a thread begins to grow. */
static inline uint64_t placement_stack_top(const struct placement *placement, unsigned thread)
{
    return thread == 0 ? placement->first_stack_top : CLO_VA_STACK_TOP(thread);
}

static inline size_t placement_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

#endif

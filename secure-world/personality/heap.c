/*
 * The allocator behind brk and mmap: see heap.h. Knows addresses and nothing of system calls.
 */
#include "heap.h"

#include "abi/hypercall.h"

#include <string.h>

static uint64_t page_up(uint64_t value)
{
    return (value + CLO_PAGE_SIZE - 1) & ~(uint64_t)(CLO_PAGE_SIZE - 1);
}

static bool overlap(struct heap_range a, struct heap_range b)
{
    return a.start < b.end && b.start < a.end;
}

void heap_init(struct heap *heap, uint64_t base, uint64_t size)
{
    heap->base = base;
    heap->limit = base + size;
    heap->brk = base;
    heap->brk_high = base;
    heap->low = heap->limit;
    heap->free_count = 0;
    heap->fence_count = 0;
}

bool heap_contains(const struct heap *heap, struct heap_range range)
{
    return range.start >= heap->base && range.end <= heap->limit && range.start <= range.end;
}

bool heap_is_mapping(const struct heap *heap, struct heap_range range)
{
    return range.start >= heap->low && range.end <= heap->limit && range.start < range.end;
}

uint32_t heap_rights(const struct heap *heap, struct heap_range range)
{
    uint32_t rights = CLO_RIGHT_READ | CLO_RIGHT_WRITE;
    for (unsigned i = 0; i < heap->fence_count; i++)
        if (overlap(heap->fence[i].range, range))
            rights &= heap->fence[i].rights;
    return rights;
}

bool heap_add_fence(struct heap *heap, struct heap_range range, uint32_t rights)
{
    if (heap->fence_count == HEAP_FENCES_MAX)
        return false;
    heap->fence[heap->fence_count++] = (struct heap_fence){.range = range, .rights = rights};
    return true;
}

/* The part of `range` from `at` on that has no fence and is followed by one or by the end; false if
   there is none. */
static bool next_unfenced(const struct heap *heap, struct heap_range range, uint64_t at,
                          struct heap_range *part)
{
    struct heap_range rest = {at, range.end};
    for (unsigned i = 0; i < heap->fence_count && rest.start < rest.end;) {
        const struct heap_range *fence = &heap->fence[i].range;
        if (fence->start <= rest.start && rest.start < fence->end) {
            rest.start = fence->end;
            i = 0;
        } else {
            i++;
        }
    }
    if (rest.start >= rest.end)
        return false;
    for (unsigned i = 0; i < heap->fence_count; i++)
        if (overlap(heap->fence[i].range, rest))
            rest.end = heap->fence[i].range.start;
    *part = rest;
    return true;
}

void heap_zero(const struct heap *heap, struct heap_range range)
{
    struct heap_range part;
    for (uint64_t at = range.start; next_unfenced(heap, range, at, &part); at = part.end)
        memset((void *)(uintptr_t)part.start, 0, part.end - part.start);
}

uint64_t heap_set_brk(struct heap *heap, uint64_t brk)
{
    if (brk < heap->base || brk > heap->low)
        return heap->brk;
    if (brk > heap->brk) {
        uint64_t dirty_end = brk < heap->brk_high ? brk : heap->brk_high;
        struct heap_range dirty = {heap->brk, dirty_end};
        uint32_t all = CLO_RIGHT_READ | CLO_RIGHT_WRITE;
        if (heap_rights(heap, (struct heap_range){heap->brk, brk}) != all)
            return heap->brk;
        if (dirty.start < dirty.end)
            heap_zero(heap, dirty);
    }
    heap->brk = brk;
    if (brk > heap->brk_high)
        heap->brk_high = brk;
    return brk;
}

static void remove_free(struct heap *heap, unsigned first, unsigned count)
{
    memmove(&heap->free[first], &heap->free[first + count],
            (heap->free_count - first - count) * sizeof heap->free[0]);
    heap->free_count -= count;
}

/* Adds a range, merged with those that it overlaps or touches. There must be room for one more. */
static void add_free(struct heap *heap, struct heap_range range)
{
    unsigned first = 0;
    while (first < heap->free_count && heap->free[first].end < range.start)
        first++;
    unsigned last = first;
    for (; last < heap->free_count && heap->free[last].start <= range.end; last++) {
        if (heap->free[last].start < range.start)
            range.start = heap->free[last].start;
        if (heap->free[last].end > range.end)
            range.end = heap->free[last].end;
    }
    if (last > first) {
        heap->free[first] = range;
        remove_free(heap, first + 1, last - first - 1);
        return;
    }
    memmove(&heap->free[first + 1], &heap->free[first],
            (heap->free_count - first) * sizeof heap->free[0]);
    heap->free[first] = range;
    heap->free_count++;
}

bool heap_unmap(struct heap *heap, struct heap_range range)
{
    struct heap_range part;
    unsigned parts = 0;
    if (!heap_is_mapping(heap, range))
        return false;
    for (uint64_t at = range.start; next_unfenced(heap, range, at, &part); at = part.end)
        parts++;
    if (heap->free_count + parts > HEAP_FREE_MAX)
        return false;
    for (uint64_t at = range.start; next_unfenced(heap, range, at, &part); at = part.end)
        add_free(heap, part);
    return true;
}

/* From the list, lowest address first; 0 if no entry is large enough. */
static uint64_t reuse(struct heap *heap, uint64_t size)
{
    for (unsigned i = 0; i < heap->free_count; i++) {
        struct heap_range *range = &heap->free[i];
        if (range->end - range->start < size)
            continue;
        uint64_t start = range->start;
        range->start += size;
        if (range->start == range->end)
            remove_free(heap, i, 1);
        heap_zero(heap, (struct heap_range){start, start + size});
        return start;
    }
    return 0;
}

uint64_t heap_map(struct heap *heap, uint64_t size)
{
    uint64_t start = reuse(heap, size);
    if (start != 0)
        return start;
    uint64_t floor = page_up(heap->brk_high);
    if (heap->low < floor || heap->low - floor < size)
        return 0;
    /* A fence that the program put over memory it had not asked for. */
    struct heap_range fresh = {heap->low - size, heap->low};
    if (heap_rights(heap, fresh) != (CLO_RIGHT_READ | CLO_RIGHT_WRITE))
        return 0;
    heap->low = fresh.start;
    return fresh.start;
}

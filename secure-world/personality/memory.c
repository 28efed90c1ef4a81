/*
 * Memory calls: brk, anonymous mmap and their relatives. Nothing becomes executable, rights are
 * only ever taken away (PROTECT), files cannot be mapped. A PROT_NONE reservation is plain memory,
 * because the right to write it could never come back.
 */
#include "personality.h"

#include "heap.h"

#include <linux/errno.h>
#include <linux/mman.h>
#include <stdatomic.h>
#include <string.h>

static struct heap heap;
static atomic_flag busy;

/* All threads of the module share it. */
static struct heap *lock(void)
{
    while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire))
        __builtin_ia32_pause();
    if (heap.limit == 0)
        heap_init(&heap, personality_boot()->heap_base, personality_boot()->heap_size);
    return &heap;
}

static int64_t unlock(int64_t result)
{
    atomic_flag_clear_explicit(&busy, memory_order_release);
    return result;
}

/* A page-aligned start and a length, as the kernel takes them. */
static bool page_range(uint64_t start, uint64_t size, struct heap_range *range)
{
    uint64_t end;
    if (start % CLO_PAGE_SIZE || __builtin_add_overflow(start, size, &end) ||
        __builtin_add_overflow(end, CLO_PAGE_SIZE - 1, &end))
        return false;
    *range = (struct heap_range){start, end & ~(uint64_t)(CLO_PAGE_SIZE - 1)};
    return true;
}

int64_t memory_brk(const uint64_t argument[6])
{
    struct heap *mine = lock();
    return unlock((int64_t)heap_set_brk(mine, argument[0]));
}

static int64_t map(uint64_t size)
{
    struct heap *mine = lock();
    uint64_t start = heap_map(mine, size);
    return unlock(start != 0 ? (int64_t)start : -ENOMEM);
}

int64_t memory_mmap(const uint64_t argument[6])
{
    uint64_t protection = argument[2];
    uint64_t flags = argument[3];
    struct heap_range range;
    if (protection & PROT_EXEC)
        return -EACCES;
    if (!(flags & MAP_ANONYMOUS))
        return -ENODEV;
    if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
        return -EOPNOTSUPP;
    if (argument[1] == 0)
        return -EINVAL;
    if (!page_range(0, argument[1], &range))
        return -ENOMEM;
    return map(range.end);
}

int64_t memory_munmap(const uint64_t argument[6])
{
    struct heap_range range;
    if (argument[1] == 0 || !page_range(argument[0], argument[1], &range))
        return -EINVAL;
    struct heap *mine = lock();
    if (!heap_is_mapping(mine, range))
        return unlock(-EINVAL);
    return unlock(heap_unmap(mine, range) ? 0 : -ENOMEM);
}

/* Copies to a new place; the old one may be lost if the list of free ranges is full. */
static int64_t move(struct heap *mine, struct heap_range old, uint64_t new_size)
{
    uint64_t start = heap_map(mine, new_size);
    if (start == 0)
        return -ENOMEM;
    memcpy(personality_pointer(start), personality_pointer(old.start), old.end - old.start);
    (void)heap_unmap(mine, old);
    return (int64_t)start;
}

static int64_t resize(struct heap *mine, struct heap_range old, struct heap_range new,
                      uint64_t flags)
{
    if (!heap_is_mapping(mine, old) || heap_rights(mine, old) != (CLO_RIGHT_READ | CLO_RIGHT_WRITE))
        return -EFAULT;
    if (new.end == old.end)
        return (int64_t)old.start;
    if (new.end < old.end)
        return heap_unmap(mine, (struct heap_range){new.end, old.end}) ? (int64_t)old.start
                                                                       : -ENOMEM;
    if (!(flags & MREMAP_MAYMOVE))
        return -ENOMEM;
    return move(mine, old, new.end - new.start);
}

int64_t memory_mremap(const uint64_t argument[6])
{
    struct heap_range old;
    struct heap_range new;
    if (argument[1] == 0 || argument[2] == 0 || argument[3] & ~(uint64_t)MREMAP_MAYMOVE ||
        !page_range(argument[0], argument[1], &old))
        return -EINVAL;
    if (!page_range(argument[0], argument[2], &new))
        return -ENOMEM;
    struct heap *mine = lock();
    return unlock(resize(mine, old, new, argument[3]));
}

static int64_t protect(struct heap_range range, uint32_t rights)
{
    switch (personality_hypercall(CLO_HC_PROTECT, range.start, range.end - range.start, rights)) {
    case 0:
        return 0;
    case 1: /* BAD_ARGUMENT */
        return -EINVAL;
    case 4: /* NO_MEMORY */
    case 5: /* NOT_FOUND */
        return -ENOMEM;
    default:
        return -EACCES;
    }
}

/* In the heap the fences tell which rights are left, and a range that loses some gets one. */
static int64_t protect_heap(struct heap *mine, struct heap_range range, uint32_t rights)
{
    uint32_t left = heap_rights(mine, range);
    if (rights & ~left)
        return -EACCES;
    if (rights == (CLO_RIGHT_READ | CLO_RIGHT_WRITE))
        return 0;
    if (!heap_add_fence(mine, range, rights))
        return -ENOMEM;
    int64_t result = protect(range, rights);
    if (result != 0)
        mine->fence_count--;
    return result;
}

int64_t memory_mprotect(const uint64_t argument[6])
{
    uint64_t protection = argument[2];
    struct heap_range range;
    if (protection & ~(uint64_t)(PROT_READ | PROT_WRITE | PROT_EXEC))
        return -EINVAL;
    if (argument[0] % CLO_PAGE_SIZE)
        return -EINVAL;
    if (!page_range(argument[0], argument[1], &range))
        return -ENOMEM;
    if (range.start == range.end)
        return 0;
    if (protection & PROT_EXEC)
        return -EACCES;
    uint32_t rights = protection & PROT_WRITE  ? CLO_RIGHT_READ | CLO_RIGHT_WRITE
                      : protection & PROT_READ ? CLO_RIGHT_READ
                                               : 0;
    struct heap *mine = lock();
    return unlock(heap_contains(mine, range) ? protect_heap(mine, range, rights)
                                             : protect(range, rights));
}

int64_t memory_madvise(const uint64_t argument[6])
{
    struct heap_range range;
    if (!page_range(argument[0], argument[1], &range))
        return -EINVAL;
    if (argument[2] != MADV_DONTNEED)
        return 0;
    struct heap *mine = lock();
    if (!heap_contains(mine, range))
        return unlock(-EINVAL);
    heap_zero(mine, range);
    return unlock(0);
}

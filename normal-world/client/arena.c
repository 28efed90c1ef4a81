/*
 * Ranges of the arena. They are few, so that a gap is found by looking at them all: first behind
 * the latest one, which is where it is as long as calls come and go in order, then from the start.
 */
#include "normal-world/client/arena.h"

#include "base/checked.h"
#include "normal-world/client/shared_word.h"

/* The end of a range among those of `used` that has bytes of [offset, offset + size); 0: none. */
static uint32_t end_of_overlap(const struct arena_range *range, uint64_t used, uint32_t offset,
                               uint32_t size)
{
    for (; used; used &= used - 1) {
        const struct arena_range *other = &range[__builtin_ctzll(used)];
        if (offset < other->offset + other->size && other->offset < offset + size)
            return other->offset + other->size;
    }
    return 0;
}

static uint32_t obstacle(const struct arena *arena, uint32_t offset, uint32_t size)
{
    uint32_t end = end_of_overlap(arena->range, arena->used[0], offset, size);
    if (end == 0)
        end = end_of_overlap(arena->range + CLO_RING_SIZE, arena->used[1], offset, size);
    return end;
}

static bool find_gap(const struct arena *arena, uint32_t size, uint32_t *offset)
{
    if (arena->used[0] | arena->used[1]) {
        *offset = arena->next;
        if (range_within(*offset, size, arena->size) && !obstacle(arena, *offset, size))
            return true;
    }
    *offset = 0;
    while (range_within(*offset, size, arena->size)) {
        uint32_t end = obstacle(arena, *offset, size);
        if (end == 0)
            return true;
        *offset = end;
    }
    return false;
}

static bool take_range(struct arena *arena, unsigned index, uint32_t size)
{
    uint32_t offset;
    uint64_t lines;
    if (!checked_round_up(size, CLO_ARENA_ALIGN, &lines) || lines > arena->size ||
        !find_gap(arena, (uint32_t)lines, &offset))
        return false;
    arena->range[index] = (struct arena_range){.offset = offset, .size = (uint32_t)lines};
    arena->next = offset + (uint32_t)lines;
    return true;
}

bool arena_take(struct arena *arena, unsigned n, uint32_t size)
{
    if (!take_range(arena, n, size))
        return false;
    arena->used[0] |= 1ull << n;
    return true;
}

void arena_give(struct arena *arena, unsigned n)
{
    arena->used[0] &= ~(1ull << n);
}

bool arena_reserve(struct arena *arena, uint32_t size, unsigned *n)
{
    if (size == 0 || arena->used[1] == UINT64_MAX)
        return false;
    unsigned free = (unsigned)__builtin_ctzll(~arena->used[1]);
    if (!take_range(arena, CLO_RING_SIZE + free, size))
        return false;
    arena->used[1] |= 1ull << free;
    arena->users[free] = 0;
    *n = free;
    return true;
}

static void end_reservation(struct arena *arena, unsigned n)
{
    const struct arena_range *range = &arena->range[CLO_RING_SIZE + n];
    shared_wipe(arena->bytes + range->offset, range->size);
    arena->used[1] &= ~(1ull << n);
    arena->released &= ~(1ull << n);
}

void arena_release(struct arena *arena, unsigned n)
{
    if (arena->users[n] == 0)
        end_reservation(arena, n);
    else
        arena->released |= 1ull << n;
}

enum arena_place arena_find(const struct arena *arena, const void *address, size_t size,
                            unsigned *n)
{
    uint64_t offset = (uintptr_t)address - (uintptr_t)arena->bytes;
    if (offset >= arena->size)
        return ARENA_OUTSIDE;
    for (uint64_t left = arena->used[1] & ~arena->released; left; left &= left - 1) {
        unsigned index = (unsigned)__builtin_ctzll(left);
        const struct arena_range *range = &arena->range[CLO_RING_SIZE + index];
        if (offset < range->offset || !range_within(offset - range->offset, size, range->size))
            continue;
        *n = index;
        return offset % CLO_ARENA_ALIGN == 0 ? ARENA_RESERVED : ARENA_WRONG;
    }
    return ARENA_WRONG;
}

void arena_use(struct arena *arena, uint64_t reservations)
{
    for (; reservations; reservations &= reservations - 1)
        arena->users[__builtin_ctzll(reservations)]++;
}

void arena_unuse(struct arena *arena, uint64_t reservations)
{
    for (; reservations; reservations &= reservations - 1) {
        unsigned n = (unsigned)__builtin_ctzll(reservations);
        arena->users[n]--;
        if (arena->users[n] == 0 && (arena->released >> n & 1))
            end_reservation(arena, n);
    }
}

/*
 * First-fit allocation of page runs over a bitmap. Used by the main thread only.
 */
#include "vmm/extents.h"

#include "base/checked.h"

#include <assert.h>
#include <stdlib.h>

static bool is_taken(const struct extents *extents, uint32_t page)
{
    return (extents->taken[page / 64] >> (page % 64)) & 1;
}

static void mark(struct extents *extents, uint32_t first, uint32_t count, bool taken)
{
    for (uint32_t page = first; page < first + count; page++) {
        uint64_t bit = 1ull << (page % 64);
        assert(is_taken(extents, page) != taken);
        if (taken)
            extents->taken[page / 64] |= bit;
        else
            extents->taken[page / 64] &= ~bit;
    }
}

bool extents_create(struct extents *extents, uint32_t pages)
{
    uint64_t *taken = pages ? calloc((pages + 63ull) / 64, sizeof *taken) : NULL;
    if (!taken)
        return false;
    *extents = (struct extents){.pages = pages, .taken = taken};
    return true;
}

bool extents_take(struct extents *extents, uint32_t count, uint32_t *first)
{
    uint32_t run = 0;
    if (count == 0)
        return false;
    for (uint32_t page = 0; page < extents->pages; page++) {
        run = is_taken(extents, page) ? 0 : run + 1;
        if (run == count) {
            *first = page + 1 - count;
            mark(extents, *first, count, true);
            return true;
        }
    }
    return false;
}

void extents_give(struct extents *extents, uint32_t first, uint32_t count)
{
    assert(range_within(first, count, extents->pages));
    mark(extents, first, count, false);
}

void extents_destroy(struct extents *extents)
{
    free(extents->taken);
    *extents = (struct extents){0};
}

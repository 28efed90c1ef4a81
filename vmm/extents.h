/*
 * Extents: which pages of one module's part of the channel window are taken. Each module has a
 * part of its own, so that what was once visible to one module is never given to another.
 */
#ifndef VMM_EXTENTS_H
#define VMM_EXTENTS_H

#include <stdbool.h>
#include <stdint.h>

struct extents {
    uint32_t pages;
    uint64_t *taken; /* one bit a page */
};

/* false: no memory, or no pages. */
__attribute__((warn_unused_result)) bool extents_create(struct extents *extents, uint32_t pages);

/* Takes the lowest run of `count` free pages. false: none is that long, or count is 0. */
__attribute__((warn_unused_result)) bool extents_take(struct extents *extents, uint32_t count,
                                                      uint32_t *first);

/* Gives back what extents_take gave. */
void extents_give(struct extents *extents, uint32_t first, uint32_t count);

void extents_destroy(struct extents *extents);

#endif

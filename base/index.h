/*
 * An index that someone else chose, behind its check. A processor that runs ahead of the check
 * would read, or jump to, whatever the number leads to, and leave traces of it in the cache
 * (Spectre, variant 1).
 */
#ifndef BASE_INDEX_H
#define BASE_INDEX_H

#include <stdint.h>

/* `index` if it is below `count`, else 0: by arithmetic, which waits for its inputs and for no
   guess. */
static inline uint64_t index_clamp(uint64_t index, uint64_t count)
{
    uint64_t mask;
    __asm__ volatile("cmp %2, %1; sbb %0, %0" : "=r"(mask) : "r"(index), "r"(count) : "cc");
    return index & mask;
}

#endif

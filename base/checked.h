/*
 * Arithmetic on sizes and offsets that someone else chose. Each function returns false where the
 * mathematical result does not fit or the range does not lie inside, and leaves `out` alone.
 */
#ifndef BASE_CHECKED_H
#define BASE_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

__attribute__((warn_unused_result)) static inline bool checked_add(uint64_t a, uint64_t b,
                                                                   uint64_t *out)
{
    uint64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *out = sum;
    return true;
}

__attribute__((warn_unused_result)) static inline bool checked_multiply(uint64_t a, uint64_t b,
                                                                        uint64_t *out)
{
    uint64_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

/* `unit` is a power of two. */
__attribute__((warn_unused_result)) static inline bool checked_round_up(uint64_t a, uint64_t unit,
                                                                        uint64_t *out)
{
    uint64_t sum;
    if (__builtin_add_overflow(a, unit - 1, &sum))
        return false;
    *out = sum & ~(unit - 1);
    return true;
}

/* Does [offset, offset + size) lie inside [0, limit)? An empty range at `limit` does. */
static inline bool range_within(uint64_t offset, uint64_t size, uint64_t limit)
{
    return size <= limit && offset <= limit - size;
}

#endif

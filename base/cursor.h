/*
 * A cursor over bytes that someone else wrote. It knows its end; a read that would pass it fails,
 * moves nothing and leaves `out` alone. Integers are little-endian.
 */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

static inline struct cursor cursor_over(const void *bytes, size_t size)
{
    const uint8_t *start = bytes;
    return (struct cursor){.at = start, .end = start + size};
}

static inline size_t cursor_left(const struct cursor *cursor)
{
    return (size_t)(cursor->end - cursor->at);
}

/* Copies the next `size` bytes out. */
__attribute__((warn_unused_result)) static inline bool cursor_copy(struct cursor *cursor, void *out,
                                                                   size_t size)
{
    if (size > cursor_left(cursor))
        return false;
    memcpy(out, cursor->at, size);
    cursor->at += size;
    return true;
}

/* Points `out` at the next `size` bytes without copying: only for bytes nobody else can change. */
__attribute__((warn_unused_result)) static inline bool cursor_view(struct cursor *cursor,
                                                                   const uint8_t **out, size_t size)
{
    if (size > cursor_left(cursor))
        return false;
    *out = cursor->at;
    cursor->at += size;
    return true;
}

__attribute__((warn_unused_result)) static inline bool cursor_skip(struct cursor *cursor,
                                                                   size_t size)
{
    if (size > cursor_left(cursor))
        return false;
    cursor->at += size;
    return true;
}

#endif

/*
 * A submission, checked: pure functions over a private copy. What is malformed no client library
 * ever sends, so it breaks the channel; what is well-formed but not what the method declares is
 * answered with a status.
 */
#ifndef SDK_SUBMISSION_H
#define SDK_SUBMISSION_H

#include "abi/channel.h"
#include "abi/manifest.h"

#include <stdbool.h>

/* One bit, or one kind, for each of the four parameters. */
#define SUBMISSION_EACH 0x1111u

/* Kind of parameter `i`. */
static inline unsigned submission_kind(uint16_t kinds, unsigned i)
{
    return (unsigned)kinds >> (4 * i) & 15u;
}

static inline bool submission_kind_is_buffer(unsigned plain)
{
    return plain >= CLO_PARAM_BUFFER_IN && plain <= CLO_PARAM_BUFFER_INOUT;
}

static inline bool submission_kind_goes_in(unsigned plain)
{
    return plain == CLO_PARAM_BUFFER_IN || plain == CLO_PARAM_BUFFER_INOUT;
}

static inline bool submission_kind_comes_out(unsigned plain)
{
    return plain == CLO_PARAM_BUFFER_OUT || plain == CLO_PARAM_BUFFER_INOUT;
}

/* Are there words, in the second line or the first: is some kind neither NONE nor inline? */
static inline bool submission_is_wide(uint16_t kinds)
{
    unsigned used = (kinds | kinds >> 1 | kinds >> 2) & SUBMISSION_EACH;
    unsigned in_line = kinds >> 3 & SUBMISSION_EACH;
    return (used & ~in_line) != 0;
}

static inline bool submission_has_inline(uint16_t kinds)
{
    return kinds & SUBMISSION_EACH * CLO_PARAM_INLINE;
}

/* Bytes of a buffer parameter: what comes with it, and what there is room for. */
struct submission_size {
    uint32_t in;
    uint32_t capacity;
};

static inline uint32_t submission_size_larger(struct submission_size size)
{
    return size.in > size.capacity ? size.in : size.capacity;
}

static inline struct submission_size submission_size(const struct clo_submission *copy, unsigned i)
{
    unsigned kind = submission_kind(copy->kinds, i);
    unsigned plain = kind & ~CLO_PARAM_INLINE;
    struct submission_size size = {copy->inline_in, copy->inline_out};
    if (kind == plain) {
        uint64_t word = copy->parameter[i].b;
        size.in = (uint32_t)word;
        size.capacity = (uint32_t)(plain == CLO_PARAM_BUFFER_INOUT ? word >> 32 : word);
    }
    if (!submission_kind_goes_in(plain))
        size.in = 0;
    if (!submission_kind_comes_out(plain))
        size.capacity = 0;
    return size;
}

/* 0, or the CLO_BROKEN_… that the copy deserves. Only the first line is looked at if it is not
   wide. Every arena buffer of a sound one is aligned, inside the arena and apart from the others,
   but for an output that begins where an input does. */
uint32_t submission_broken(const struct clo_submission *copy, uint32_t arena_size);

/* Does a sound submission fit the method's declaration? 0, or the CLO_STATUS_LIST number. What is
   zero-copy shares its place with nothing. */
int submission_check(const struct clo_submission *copy, const struct clo_method *method);

#endif

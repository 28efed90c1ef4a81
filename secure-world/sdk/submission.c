/*
 * Checks of a submission's private copy: see submission.h.
 */
#include "submission.h"

#include "cloister/status.h"

/* Kinds that exist, at most one inline buffer each way, and no inline bytes without one. */
static uint32_t first_line_broken(const struct clo_submission *copy)
{
    unsigned ins = 0;
    unsigned outs = 0;
    for (unsigned i = 0; copy->kinds >> (4 * i) != 0; i++) {
        unsigned kind = submission_kind(copy->kinds, i);
        unsigned plain = kind & ~CLO_PARAM_INLINE;
        if (plain == 4 || (kind != plain && !submission_kind_is_buffer(plain)))
            return CLO_BROKEN_KIND;
        ins += kind != plain && submission_kind_goes_in(plain);
        outs += kind != plain && submission_kind_comes_out(plain);
    }
    if (ins > 1 || outs > 1)
        return CLO_BROKEN_KIND;
    if (copy->inline_in > (ins ? CLO_INLINE_SIZE : 0) ||
        copy->inline_out > (outs ? CLO_INLINE_SIZE : 0))
        return CLO_BROKEN_PARAMETER;
    return 0;
}

/* Where a buffer is in the arena; empty: it has no bytes there. */
struct extent {
    uint64_t start, end;
    unsigned kind;
};

static inline bool extent_is_sound(const struct clo_parameter *parameter,
                                   const struct extent *extent, uint32_t arena_size)
{
    return parameter->a % CLO_ARENA_ALIGN == 0 && parameter->a <= arena_size &&
           extent->end <= arena_size &&
           (extent->kind == CLO_PARAM_BUFFER_INOUT || parameter->b <= UINT32_MAX);
}

/* An input and an output that begin together: the one has been copied when the other is written. */
static inline bool have_one_place(const struct extent *one, const struct extent *other)
{
    return one->start == other->start &&
           ((one->kind == CLO_PARAM_BUFFER_IN && other->kind == CLO_PARAM_BUFFER_OUT) ||
            (one->kind == CLO_PARAM_BUFFER_OUT && other->kind == CLO_PARAM_BUFFER_IN));
}

static inline bool overlaps_one(const struct extent *extent, const struct extent others[],
                                unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (others[i].start < extent->end && extent->start < others[i].end &&
            !have_one_place(extent, &others[i]))
            return true;
    return false;
}

static uint32_t second_line_broken(const struct clo_submission *copy, uint32_t arena_size)
{
    struct extent extents[CLO_PARAMETERS_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        const struct clo_parameter *parameter = &copy->parameter[i];
        unsigned kind = submission_kind(copy->kinds, i);
        if (kind == CLO_PARAM_NONE && (parameter->a || parameter->b))
            return CLO_BROKEN_RESERVED;
        if (!submission_kind_is_buffer(kind))
            continue;
        uint32_t larger = submission_size_larger(submission_size(copy, i));
        const struct extent extent = {parameter->a, parameter->a + larger, kind};
        if (!extent_is_sound(parameter, &extent, arena_size) ||
            (larger > 0 && overlaps_one(&extent, extents, count)))
            return CLO_BROKEN_PARAMETER;
        if (larger > 0)
            extents[count++] = extent;
    }
    return 0;
}

uint32_t submission_broken(const struct clo_submission *copy, uint32_t arena_size)
{
    uint32_t broken = first_line_broken(copy);
    if (!broken && submission_is_wide(copy->kinds))
        broken = second_line_broken(copy, arena_size);
    return broken;
}

/* Bytes of the arena that are a parameter. */
static bool is_in_arena(const struct clo_submission *copy, unsigned i)
{
    return submission_kind_is_buffer(submission_kind(copy->kinds, i)) &&
           submission_size_larger(submission_size(copy, i)) > 0;
}

/* Without a copy an output would change the input that lies in its place. */
static bool shares_without_copy(const struct clo_submission *copy, const struct clo_method *method)
{
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
        for (unsigned j = 0; j < CLO_PARAMETERS_MAX; j++)
            if ((method->flags & CLO_METHOD_ZERO_COPY(i)) && i != j && is_in_arena(copy, i) &&
                is_in_arena(copy, j) && copy->parameter[i].a == copy->parameter[j].a)
                return true;
    return false;
}

int submission_check(const struct clo_submission *copy, const struct clo_method *method)
{
    unsigned inline_bits = SUBMISSION_EACH * CLO_PARAM_INLINE;
    if ((copy->kinds & ~inline_bits) != method->kinds)
        return CLOISTER_BAD_ARGUMENT;
    if (method->flags && shares_without_copy(copy, method))
        return CLOISTER_BAD_ARGUMENT;
    for (unsigned i = 0; copy->kinds >> (4 * i) != 0; i++) {
        struct submission_size size = submission_size(copy, i);
        if (size.in > method->size_max[i] || size.capacity > method->size_max[i])
            return CLOISTER_TOO_BIG;
        if (submission_kind_goes_in(submission_kind(method->kinds, i)) &&
            size.in < method->size_min[i])
            return CLOISTER_BAD_ARGUMENT;
    }
    return CLOISTER_OK;
}

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

/* End of parameter i's place in the arena, which starts at its word a; 0: it has none. */
static uint64_t arena_end(const struct clo_submission *copy, unsigned i)
{
    uint32_t larger = submission_size_larger(submission_size(copy, i));
    if (!submission_kind_is_buffer(submission_kind(copy->kinds, i)) || larger == 0)
        return 0;
    return copy->parameter[i].a + larger;
}

static bool overlaps_earlier(const struct clo_submission *copy, unsigned i)
{
    uint64_t end = arena_end(copy, i);
    for (unsigned j = 0; j < i; j++)
        if (copy->parameter[j].a < end && copy->parameter[i].a < arena_end(copy, j))
            return true;
    return false;
}

static bool buffer_is_sound(const struct clo_submission *copy, unsigned i, uint32_t arena_size)
{
    const struct clo_parameter *parameter = &copy->parameter[i];
    bool both = submission_kind(copy->kinds, i) == CLO_PARAM_BUFFER_INOUT;
    if (parameter->a % CLO_ARENA_ALIGN || parameter->a > arena_size ||
        (!both && parameter->b > UINT32_MAX))
        return false;
    return arena_end(copy, i) <= arena_size && !overlaps_earlier(copy, i);
}

static uint32_t second_line_broken(const struct clo_submission *copy, uint32_t arena_size)
{
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        const struct clo_parameter *parameter = &copy->parameter[i];
        unsigned kind = submission_kind(copy->kinds, i);
        if (kind == CLO_PARAM_NONE && (parameter->a || parameter->b))
            return CLO_BROKEN_RESERVED;
        if (submission_kind_is_buffer(kind) && !buffer_is_sound(copy, i, arena_size))
            return CLO_BROKEN_PARAMETER;
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

int submission_check(const struct clo_submission *copy, const struct clo_method *method)
{
    unsigned inline_bits = SUBMISSION_EACH * CLO_PARAM_INLINE;
    if ((copy->kinds & ~inline_bits) != method->kinds)
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

/*
 * Checks a caller's parameters against a method's declaration, and decides where each lies in a
 * submission. Freestanding.
 */
#ifndef CLIENT_PARAMETERS_H
#define CLIENT_PARAMETERS_H

#include "abi/manifest.h"
#include "cloister/parameter.h"
#include "cloister/status.h"
#include "normal-world/client/arena.h"

/* Where the parameters of one call lie. */
struct placement {
    uint16_t kinds;      /* as in struct clo_submission */
    uint8_t inline_in;   /* bytes */
    uint8_t inline_out;  /* bytes */
    bool inline_in_used; /* by some parameter, perhaps with no bytes */
    bool inline_out_used;
    bool wide;            /* some parameter has words: in the second line, */
    bool lean;            /* or in the first one */
    uint8_t direct;       /* bit i: parameter i lies in a reservation, nothing is copied */
    uint64_t borrowed;    /* those reservations, bit n */
    uint32_t arena_size;  /* bytes of arena for this call */
    uint32_t offset[4];   /* of a buffer in the arena: from the start of the call's part, or, in a
                             reservation, of the arena */
    uint32_t in[4];       /* buffers in: bytes given */
    uint32_t capacity[4]; /* buffers out: what we take, at most the method's own limit */
    uint8_t last;         /* 1 + the parameter that lies last in the arena, if another may share its
                             place; else 0 */
};

static inline bool placement_has_second_line(const struct placement *placement)
{
    return placement->wide && !placement->lean;
}

/* Kind of parameter `i` in a `kinds` word. */
static inline unsigned kind_at(uint16_t kinds, unsigned i)
{
    return kinds >> (4 * i) & 15u;
}

static inline bool kind_is_buffer(unsigned kind)
{
    return kind >= CLO_PARAM_BUFFER_IN && kind <= CLO_PARAM_BUFFER_INOUT;
}

static inline bool kind_goes_in(unsigned kind)
{
    return kind == CLO_PARAM_BUFFER_IN || kind == CLO_PARAM_BUFFER_INOUT;
}

static inline bool kind_comes_out(unsigned kind)
{
    return kind == CLO_PARAM_BUFFER_OUT || kind == CLO_PARAM_BUFFER_INOUT;
}

/* What can be known of a method before it is called: whether its calls are a pair, at most one
   buffer in and one out and nothing else, and of which sizes. */
struct method_plan {
    bool pair;
    bool one_place;           /* the output may take the input's place in the arena */
    bool lean;                /* the module takes words in the line */
    uint8_t in, out;          /* which parameters; CLO_PARAMETERS_MAX: none */
    uint16_t kinds;           /* as declared */
    uint16_t in_bit, out_bit; /* CLO_PARAM_INLINE of each in `kinds`; 0: no such parameter */
    uint32_t in_least, in_most, out_most;
};

/* `abi_minor`: of the module's manifest. */
struct method_plan method_plan_of(const struct clo_method *method, uint32_t abi_minor);

/* The two buffers of a call that is a pair. */
struct pair_parameters {
    const void *input;
    size_t size;             /* bytes of it */
    cloister_parameter *out; /* NULL: nothing comes out */
    uint32_t capacity;       /* bytes of it that we take */
    bool in_line, out_line;  /* in the entry's line, not in the arena */
};

/* Are the parameters of these kinds, and of sizes that the method takes? Then *pair has them. */
static inline bool method_plan_fits(const struct method_plan *plan, cloister_parameter p[4],
                                    struct pair_parameters *pair)
{
    *pair = (struct pair_parameters){.in_line = true, .out_line = true};
    if (!plan->pair || (p[0].kind | p[1].kind | p[2].kind | p[3].kind) > 15 ||
        (p[0].kind | p[1].kind << 4 | p[2].kind << 8 | p[3].kind << 12) != plan->kinds)
        return false;
    if (plan->in_bit) {
        const cloister_parameter *in = &p[plan->in];
        if (in->size > plan->in_most || in->size < plan->in_least || !in->input)
            return false;
        pair->input = in->input;
        pair->size = in->size;
        pair->in_line = in->size <= CLO_INLINE_SIZE;
    }
    if (plan->out_bit) {
        cloister_parameter *out = &p[plan->out];
        if (out->capacity > plan->out_most || !out->output)
            return false;
        pair->out = out;
        pair->capacity = (uint32_t)out->capacity;
        pair->out_line = out->capacity <= CLO_INLINE_SIZE;
    }
    return true;
}

static inline uint16_t pair_kinds(const struct method_plan *plan,
                                  const struct pair_parameters *pair)
{
    return (uint16_t)(plan->kinds | (pair->in_line ? plan->in_bit : 0) |
                      (pair->out_line ? plan->out_bit : 0));
}

/* BAD_ARGUMENT: another kind than declared, too few bytes, a null buffer, a buffer that is partly
   in reserved memory or overlaps another there; TOO_BIG: more bytes than declared, or than any
   arena has. */
CLOISTER_MUST_USE cloister_status parameters_place(const struct clo_method *method,
                                                   uint32_t abi_minor,
                                                   const cloister_parameter parameters[4],
                                                   const struct arena *arena,
                                                   struct placement *placement);

#endif

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
    bool wide;            /* some parameter is in the second line */
    uint8_t direct;       /* bit i: parameter i lies in a reservation, nothing is copied */
    uint64_t borrowed;    /* those reservations, bit n */
    uint32_t arena_size;  /* bytes of arena for this call */
    uint32_t offset[4];   /* of a buffer in the arena: from the start of the call's part, or, in a
                             reservation, of the arena */
    uint32_t in[4];       /* buffers in: bytes given */
    uint32_t capacity[4]; /* buffers out: what we take, at most the method's own limit */
};

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

/* What can be known of a method before it is called. */
struct method_plan {
    bool small; /* at most one buffer in and one out and nothing else: may fit into one line */
    uint8_t in; /* which parameter; CLO_PARAMETERS_MAX: none */
    uint8_t out;
    uint16_t kinds; /* with INLINE */
};

struct method_plan method_plan_of(const struct clo_method *method);

/* BAD_ARGUMENT: another kind than declared, too few bytes, a null buffer, a buffer that is partly
   in reserved memory or overlaps another there; TOO_BIG: more bytes than declared, or than any
   arena has. */
CLOISTER_MUST_USE cloister_status parameters_place(const struct clo_method *method,
                                                   const cloister_parameter parameters[4],
                                                   const struct arena *arena,
                                                   struct placement *placement);

#endif

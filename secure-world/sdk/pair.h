/*
 * Calls with at most one buffer in and one out and nothing else, which is most of them: what can be
 * known of their method before they come, so that the checks of submission.h are a few comparisons
 * and there is no loop over parameters. What does not fit here goes the long way (arguments.h),
 * which finds what is wrong with it, if something is.
 */
#ifndef SDK_PAIR_H
#define SDK_PAIR_H

#include "sdk.h"

struct pair_method {
    bool usable;
    uint8_t in, out;          /* which parameters, of the first two; CLO_PARAMETERS_MAX: none */
    uint8_t count;            /* of parameters */
    uint16_t kinds;           /* as declared */
    uint16_t in_bit, out_bit; /* CLO_PARAM_INLINE of each in `kinds`; 0: no such parameter */
    uint32_t in_least, in_most, out_most;
};

struct pair_method pair_method_of(const struct clo_method *method);

/* Where the buffers of one call are: in the entry's line or in the arena. */
struct pair {
    bool in_line, out_line;
    uint32_t in_size, out_capacity;
    uint32_t in_at, out_at; /* in the arena, bytes from its start */
};

/* The head of the last call that was checked and has both buffers in its line: on the same channel
   the same head passes again, for it says all that is checked. Forgotten when a session or a
   channel goes. */
struct known_head {
    const void *channel; /* NULL: none */
    uint64_t head;
    const struct pair_method *method;
    struct pair pair;
};

/* The words from `method` to `inline_out`. */
static inline uint64_t submission_head(const struct clo_submission *copy)
{
    uint64_t head;
    __builtin_memcpy(&head, &copy->method, sizeof head);
    return head;
}

static inline bool pair_is_wide(const struct pair *pair)
{
    return !pair->in_line || !pair->out_line;
}

/* A buffer in the arena that starts there, aligned, and is not larger than declared. */
static inline bool pair_buffer_fits(const struct clo_parameter *parameter, uint32_t most,
                                    uint32_t arena_size, uint32_t *at, uint32_t *size)
{
    *at = (uint32_t)parameter->a;
    *size = (uint32_t)parameter->b;
    return parameter->b <= most && parameter->a <= arena_size &&
           parameter->b <= arena_size - parameter->a && parameter->a % CLO_ARENA_ALIGN == 0;
}

static inline bool pair_in_fits(const struct pair_method *method, const struct clo_submission *copy,
                                uint32_t arena_size, struct pair *pair)
{
    pair->in_size = copy->inline_in;
    pair->in_line = !method->in_bit || (copy->kinds & method->in_bit);
    if (pair->in_line && (pair->in_size > CLO_INLINE_SIZE || pair->in_size > method->in_most))
        return false;
    if (!pair->in_line &&
        (pair->in_size != 0 || !pair_buffer_fits(&copy->parameter[method->in], method->in_most,
                                                 arena_size, &pair->in_at, &pair->in_size)))
        return false;
    return pair->in_size >= method->in_least;
}

static inline bool pair_out_fits(const struct pair_method *method,
                                 const struct clo_submission *copy, uint32_t arena_size,
                                 struct pair *pair)
{
    pair->out_capacity = copy->inline_out;
    pair->out_line = !method->out_bit || (copy->kinds & method->out_bit);
    if (pair->out_line)
        return pair->out_capacity <= CLO_INLINE_SIZE && pair->out_capacity <= method->out_most;
    return pair->out_capacity == 0 &&
           pair_buffer_fits(&copy->parameter[method->out], method->out_most, arena_size,
                            &pair->out_at, &pair->out_capacity);
}

/* The words of parameters that there are not must be zero, and buffers in one place or apart. */
static inline bool pair_line_fits(const struct pair_method *method,
                                  const struct clo_submission *copy, const struct pair *pair)
{
    uint64_t stray = 0;
    for (unsigned i = method->count; i < CLO_PARAMETERS_MAX; i++)
        stray |= copy->parameter[i].a | copy->parameter[i].b;
    bool apart = pair->in_line || pair->out_line || pair->in_size == 0 || pair->out_capacity == 0 ||
                 pair->in_at == pair->out_at || pair->in_at + pair->in_size <= pair->out_at ||
                 pair->out_at + pair->out_capacity <= pair->in_at;
    return stray == 0 && apart;
}

/* Does the private copy of a submission pass submission_broken and submission_check for sure? Then
 *pair says where its buffers are. */
static inline bool pair_fits(const struct pair_method *method, const struct clo_submission *copy,
                             uint32_t arena_size, struct pair *pair)
{
    if (!method->usable || (copy->kinds & ~(method->in_bit | method->out_bit)) != method->kinds ||
        !pair_in_fits(method, copy, arena_size, pair) ||
        !pair_out_fits(method, copy, arena_size, pair))
        return false;
    return !pair_is_wide(pair) || pair_line_fits(method, copy, pair);
}

#endif

/*
 * Calls whose parameters all lie in the entry's own line, which is most of them: what can be known
 * of them before they come, so that the checks of submission.h are a few comparisons.
 */
#ifndef SDK_SMALL_H
#define SDK_SMALL_H

#include "sdk.h"

struct small_method {
    bool usable;     /* at most one buffer in and one out, and nothing else */
    uint8_t in, out; /* which parameters; CLO_PARAMETERS_MAX: none */
    uint8_t in_least, in_most;
    uint8_t out_most;
    uint16_t kinds; /* with INLINE */
};

struct small_method small_method_of(const struct clo_method *method);

/* Does the private copy of a submission pass submission_broken and submission_check for sure? */
static inline bool small_fits(const struct small_method *small, const struct clo_submission *copy)
{
    return copy->kinds == small->kinds && copy->inline_in >= small->in_least &&
           copy->inline_in <= small->in_most && copy->inline_out <= small->out_most &&
           small->usable;
}

/* Arguments of a call that fits. Results go straight to the private completion. */
static inline void small_place(const struct small_method *small, struct clo_submission *in,
                               struct clo_completion *out, cloister_argument *argument)
{
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
        argument[i] = (cloister_argument){0};
    if (small->in < CLO_PARAMETERS_MAX)
        argument[small->in] =
            (cloister_argument){.kind = CLO_PARAM_BUFFER_IN, .in = in->data, .size = in->inline_in};
    if (small->out < CLO_PARAMETERS_MAX)
        argument[small->out] = (cloister_argument){
            .kind = CLO_PARAM_BUFFER_OUT, .out = out->data, .capacity = in->inline_out};
}

#endif

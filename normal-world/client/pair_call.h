/*
 * The quickest call: a pair of buffers (parameters.h) on a session that is not shared, while
 * nothing else is in flight there. Without a loop over parameters, a record of the call, or a look
 * for room.
 */
#ifndef CLIENT_PAIR_CALL_H
#define CLIENT_PAIR_CALL_H

#include "normal-world/client/session.h"

/* Where the output lies in the arena; the input is at its start. */
static inline size_t pair_out_at(const struct method_plan *plan, const struct pair_parameters *pair)
{
    return pair->in_line || plan->one_place ? 0 : CLO_ARENA_LINES((uint32_t)pair->size);
}

/* Bytes of arena that the pair takes. */
static inline size_t pair_arena(const struct method_plan *plan, const struct pair_parameters *pair)
{
    size_t in = pair->in_line ? 0 : pair->size;
    size_t out = pair->out_line ? 0 : pair_out_at(plan, pair) + pair->capacity;
    return in > out ? in : out;
}

/* Is the arena large enough, does nobody have reserved any of it, and are the caller's buffers
   elsewhere? */
static inline bool pair_goes_alone(const struct arena *arena, const struct method_plan *plan,
                                   const struct pair_parameters *pair)
{
    return (pair->in_line && pair->out_line) ||
           (arena->used[1] == 0 && pair_arena(plan, pair) <= arena->size &&
            !arena_has(arena, pair->input) && !(pair->out && arena_has(arena, pair->out->output)));
}

/* If ring_is_idle and pair_goes_alone. As cloister_call_number. */
cloister_result pair_call(cloister_session *session, unsigned method,
                          const struct pair_parameters *pair, uint64_t deadline_us);

#endif

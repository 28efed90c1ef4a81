/*
 * A call while nothing else is in flight. It has no record; if the reply takes longer than the spin
 * budget one is made, and the call goes on as any other.
 */
#include "normal-world/client/ring_parts.h"

#define LINE_SIZE offsetof(struct clo_completion, parameter)

void ring_send(struct ring *ring, struct clo_submission *entry)
{
    ring->submitted++;
    shared_publish(&entry->turn, (uint32_t)ring->submitted);
    ring_if_parked(ring);
}

static size_t completion_size(const struct ring_expectation *expected)
{
    return expected->wide ? sizeof(struct clo_completion) : LINE_SIZE;
}

/* Nothing else has any of the arena, so that the record gets the start of it. */
static cloister_result receive_late(struct ring *ring, const struct ring_expectation *expected,
                                    struct ring_deadline deadline, struct clo_completion *reply)
{
    struct ring_call call = {
        .slot = in_flight_reserve(&ring->in_flight, ring->submitted, expected->arena_size)};
    call.slot->wide = expected->wide;
    call.slot->inline_capacity = expected->inline_capacity;
    cloister_result result = ring_wait(ring, &call, deadline);
    if (result.status != CLOISTER_OK)
        return result;
    __builtin_memcpy(reply, &call.slot->completion, completion_size(expected));
    ring_end(ring, call.slot);
    return result;
}

cloister_result ring_receive(struct ring *ring, const struct ring_expectation *expected,
                             struct ring_deadline deadline, struct clo_completion *reply)
{
    ring_spin(ring, deadline);
    if (__builtin_expect(!ring_arrived(ring), 0))
        return receive_late(ring, expected, deadline, reply);
    const struct clo_completion *from = ring_next_completion(ring);
    shared_copy(reply, from, LINE_SIZE);
    if (expected->wide)
        shared_copy(reply->parameter, from->parameter, sizeof reply->parameter);
    ring->completed++;
    if (__builtin_expect(!ring_answers(reply, (uint32_t)ring->submitted, expected->inline_capacity),
                         0))
        return ring_break(ring);
    return (cloister_result){CLOISTER_OK, CLOISTER_ORIGIN_NONE};
}

/*
 * A call while nothing else is in flight. It has no record until its caller gives up: then one is
 * made, so that its completion is known when it comes.
 */
#include "normal-world/client/ring_parts.h"

#define LINE_SIZE offsetof(struct clo_completion, parameter)

void ring_send(struct ring *ring, struct clo_submission *entry)
{
    ring->submitted++;
    shared_publish(&entry->turn, (uint32_t)ring->submitted);
    ring_if_parked(ring);
}

/* Nothing else has any of the arena, so that the record gets the start of it. */
static cloister_result give_up(struct ring *ring, const struct ring_expectation *expected,
                               cloister_result why)
{
    struct in_flight_call *call =
        in_flight_reserve(&ring->in_flight, ring->submitted, expected->arena_size);
    call->wide = expected->wide;
    call->inline_capacity = expected->inline_capacity;
    ring_abandon(ring, call);
    return why.status == CLOISTER_TIMEOUT ? why : ring_fail(ring, why);
}

cloister_result ring_receive(struct ring *ring, const struct ring_expectation *expected,
                             struct ring_deadline deadline, struct clo_completion *reply)
{
    ring->wide = expected->wide;
    cloister_result arrival = ring_arrival(ring, deadline);
    if (__builtin_expect(arrival.status != CLOISTER_OK, 0))
        return give_up(ring, expected, arrival);
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

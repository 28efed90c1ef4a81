/*
 * What ring.c and ring_alone.c have in common. Nobody else includes this.
 */
#ifndef CLIENT_RING_PARTS_H
#define CLIENT_RING_PARTS_H

#include "normal-world/client/ring.h"
#include "normal-world/client/shared_word.h"

static inline struct clo_completion *ring_next_completion(const struct ring *ring)
{
    return &ring->completions[ring->completed % CLO_RING_SIZE];
}

static inline bool ring_arrived(const struct ring *ring)
{
    return shared_read(&ring_next_completion(ring)->turn) == ring->completed + 1;
}

/* Does the private copy of a completion answer the submission of this turn, as far as that is alike
   for all calls? */
static inline bool ring_answers(const struct clo_completion *copy, uint32_t turn, uint8_t capacity)
{
    return copy->submission == turn && copy->reserved == 0 && copy->inline_out <= capacity &&
           copy->origin <= CLOISTER_ORIGIN_MODULE;
}

/* After a full fence: wakes the module if it sleeps. */
static inline void ring_if_parked(struct ring *ring)
{
    ring->unrung = false;
    if (__builtin_expect(shared_read(&ring->header->module_parked) != 1, 1))
        return;
    shared_set(&ring->header->module_parked, 0);
    ring->peer.doorbell(ring->peer.context);
}

#endif

/*
 * The calls that have been submitted and not yet been completed: private to the client. A call
 * whose caller gave up (deadline) keeps its entry and its part of the arena, because the module may
 * still write there, until its completion comes.
 */
#ifndef CLIENT_IN_FLIGHT_H
#define CLIENT_IN_FLIGHT_H

#include "abi/channel.h"

#include <stdbool.h>

enum in_flight_state {
    IN_FLIGHT_FREE,
    IN_FLIGHT_WAITING,   /* someone wants the completion */
    IN_FLIGHT_ABANDONED, /* nobody does */
    IN_FLIGHT_DONE,      /* the completion has been copied */
};

struct in_flight_call {
    enum in_flight_state state;
    uint32_t turn;         /* of the submission */
    uint32_t arena_offset; /* its part of the arena, in bytes, CLO_ARENA_ALIGN-aligned */
    uint32_t arena_size;
    uint8_t inline_capacity; /* bytes of inline output that we can take */
    bool wide;               /* the second line of the entries is in use */
    struct clo_completion completion;
};

struct in_flight {
    uint32_t count; /* calls that are not FREE */
    uint32_t arena_size;
    struct in_flight_call call[CLO_RING_SIZE]; /* by submission entry */
};

/* The slot of the submission with this turn. */
static inline struct in_flight_call *in_flight_slot(struct in_flight *table, uint32_t turn)
{
    return &table->call[(turn - 1) % CLO_RING_SIZE];
}

/* Reserves slot and arena for the submission with this turn; NULL while either is taken. `size` is
   at most the arena's. */
struct in_flight_call *in_flight_reserve(struct in_flight *table, uint32_t turn, uint32_t size);

/* Frees both. */
void in_flight_release(struct in_flight *table, struct in_flight_call *call);

#endif

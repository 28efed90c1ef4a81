/*
 * The calls that have been submitted and are not over: private to the client. A call holds its
 * entry of the submission ring until its completion has come, and its record until someone has
 * collected the result. A call whose caller gave up (deadline) keeps its part of the arena, because
 * the module may still write there, until its completion comes. Freestanding.
 */
#ifndef CLIENT_IN_FLIGHT_H
#define CLIENT_IN_FLIGHT_H

#include "normal-world/client/arena.h"

enum in_flight_state {
    IN_FLIGHT_FREE,
    IN_FLIGHT_WAITING,   /* someone wants the completion */
    IN_FLIGHT_ABANDONED, /* nobody does */
    IN_FLIGHT_DONE,      /* the completion has been copied */
};

struct in_flight_call {
    enum in_flight_state state;
    uint32_t arena_offset; /* its part of the arena, in bytes, CLO_ARENA_ALIGN-aligned */
    uint32_t arena_size;
    uint8_t inline_capacity; /* bytes of inline output that we can take */
    bool wide;               /* the second line of the entries is in use */
    bool cancelled;          /* its cancel word is set */
    uint64_t number;         /* of the submission, never used again; the low half is its turn */
    uint64_t borrowed;       /* reservations that its parameters lie in, bit n */
    struct clo_completion completion;
};

struct in_flight {
    uint64_t used;                 /* bit n: record n is not FREE */
    uint64_t entries;              /* bit n: the submission in entry n has not been completed */
    uint8_t record[CLO_RING_SIZE]; /* of the submission in an entry */
    struct in_flight_call call[CLO_RING_SIZE];
    struct arena arena;
};

/* The entry of a submission. */
static inline unsigned in_flight_entry(uint64_t number)
{
    return (unsigned)(number - 1) % CLO_RING_SIZE;
}

/* The record of the submission in an entry, or of the one that was there last. */
static inline struct in_flight_call *in_flight_at(struct in_flight *table, unsigned entry)
{
    return &table->call[table->record[entry]];
}

static inline unsigned in_flight_index(const struct in_flight *table,
                                       const struct in_flight_call *call)
{
    return (unsigned)(call - table->call);
}

/* Reserves entry, record and arena for a submission; NULL while one of them is taken. */
struct in_flight_call *in_flight_reserve(struct in_flight *table, uint64_t number,
                                         uint32_t arena_size);

/* The call's parameters lie in these reservations, which must not go before it ends. */
static inline void in_flight_borrow(struct in_flight *table, struct in_flight_call *call,
                                    uint64_t reservations)
{
    call->borrowed = reservations;
    arena_use(&table->arena, reservations);
}

/* Frees the record and its arena. */
void in_flight_release(struct in_flight *table, struct in_flight_call *call);

#endif

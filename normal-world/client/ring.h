/*
 * Client side of a channel (abi/channel.h): submissions out, completions in, waiting. Knows shared
 * memory and nothing of sockets, files or guests: what the transport does differently is behind
 * struct ring_peer. One thread at a time. No allocation, lock or system call unless one side
 * sleeps.
 *
 * A call: ring_begin, fill call->entry and call->arena, ring_submit, ring_wait, read
 * call->slot->completion, ring_end. Several may be between submit and wait.
 */
#ifndef CLIENT_RING_H
#define CLIENT_RING_H

#include "cloister/client.h"
#include "normal-world/client/in_flight.h"

#include <stdbool.h>

/* How to wake the module, to sleep, and to know that the world is still there. */
struct ring_peer {
    void (*doorbell)(void *context);
    /* Sleeps until *word is not `value`, a wake, or `timeout_us`; may return early. */
    void (*sleep)(void *context, uint32_t *word, uint32_t value, uint64_t timeout_us);
    bool (*connected)(void *context);
    void *context;
};

struct ring {
    struct clo_channel_header *header; /* shared, hostile */
    struct clo_submission *submissions;
    struct clo_completion *completions;
    uint8_t *arena;
    struct ring_peer peer;
    uint64_t ticks_per_us;
    uint32_t spin_us;
    uint32_t submitted;    /* turn of the last submission */
    uint32_t completed;    /* turn of the last completion */
    cloister_result ended; /* not OK: no call can succeed any more, and why */
    struct in_flight in_flight;
};

struct ring_call {
    struct in_flight_call *slot;
    struct clo_submission *entry; /* all but `turn` is the caller's to write; write only */
    uint8_t *arena;               /* the call's part of it */
};

/* When to give up. */
struct ring_deadline {
    uint64_t ticks; /* 0: never */
};

/* Checks a channel's header and attaches to its rings. The memory stays the caller's. PROTOCOL: not
   a channel, or not of these sizes; UNSUPPORTED: of another ABI. */
CLOISTER_MUST_USE cloister_status ring_attach(struct ring *ring, void *memory, size_t size,
                                              uint32_t arena_size, const struct ring_peer *peer,
                                              uint64_t ticks_per_us);

struct ring_deadline ring_deadline_in(const struct ring *ring, uint64_t us);

/* Reserves an entry and `arena_size` bytes of arena, waiting for calls in flight if they are in the
   way. TOO_BIG: the arena is smaller; TIMEOUT; the ring's end. */
cloister_result ring_begin(struct ring *ring, uint32_t arena_size, struct ring_deadline deadline,
                           struct ring_call *call);

/* Publishes the entry and wakes the module if it sleeps. */
void ring_submit(struct ring *ring, struct ring_call *call, bool wide, uint8_t inline_capacity);

/* Waits for the call's completion, which is then in call->slot->completion, checked as far as it is
   alike for all calls. If this fails the call is over: its slot must not be touched any more. */
cloister_result ring_wait(struct ring *ring, struct ring_call *call, struct ring_deadline deadline);

/* The completion was one that an honest module cannot make: the ring ends. Returns why. */
cloister_result ring_break(struct ring *ring);

/* Gives entry and arena back. Only after a ring_wait that succeeded. */
void ring_end(struct ring *ring, struct ring_call *call);

#endif

/*
 * Client side of a channel (abi/channel.h): submissions out, completions in, waiting. Knows shared
 * memory and nothing of sockets, files or guests: what the transport does differently is behind
 * struct ring_peer. No allocation, lock or system call unless one side sleeps. Freestanding but for
 * memcpy and memset: modules that call modules are made of it too.
 *
 * A call: ring_begin, fill call->entry and call->arena, ring_submit, ring_wait, read
 * call->slot->completion, ring_end. Several may be between submit and wait: ring_publish for each
 * and one ring_wake, then ring_arrival and ring_take as often as needed.
 *
 * One thread at a time, with one exception: ring_arrival may run beside all but itself and
 * ring_take, and what runs beside it takes turns among itself.
 */
#ifndef CLIENT_RING_H
#define CLIENT_RING_H

#include "cloister/status.h"
#include "normal-world/client/in_flight.h"
#include "normal-world/client/shared_word.h"

#include <stdbool.h>

/* How to wake the module, to sleep, and to know that the world is still there. */
struct ring_peer {
    void (*doorbell)(void *context);
    /* Sleeps until *word is not `value`, a wake, or `timeout_us`; may return early. */
    void (*sleep)(void *context, uint32_t *word, uint32_t value, uint64_t timeout_us);
    bool (*connected)(void *context);
    void *context;
    bool polls; /* nobody can wake us: `sleep` is only ever for a moment, the module is not asked */
    bool no_pause; /* PAUSE is dear here: polls without */
};

struct ring {
    struct clo_channel_header *header; /* shared, hostile */
    struct clo_submission *submissions;
    struct clo_completion *completions;
    struct ring_peer peer;
    uint64_t ticks_per_us;
    uint32_t spin_us;
    uint32_t completed;    /* turn of the last completion */
    uint64_t submitted;    /* number of the last submission; the low half is its turn */
    bool unrung;           /* something has been published since the last look at the sleeper */
    bool wide;             /* the call that was alone last has a second line */
    cloister_result ended; /* not OK: no call can succeed any more, and why */
    uint64_t looked;       /* ticks of ring_look's last question to the transport */
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

/* µs until then, at least 1, at most `most`; 0: it has passed. */
uint64_t ring_us_left(const struct ring *ring, struct ring_deadline deadline, uint64_t most);

/* Reserves an entry and `arena_size` bytes of arena. A call that begins is published next. BUSY:
   calls in flight are in the way; TOO_BIG: the arena is smaller; the ring's end. */
cloister_result ring_try(struct ring *ring, uint32_t arena_size, struct ring_call *call);

/* The same, but waits for calls in flight if they are in the way. TIMEOUT; BUSY: they all have been
   completed and are waiting to be collected. */
cloister_result ring_begin(struct ring *ring, uint32_t arena_size, struct ring_deadline deadline,
                           struct ring_call *call);

/* Publishes the entry. A module that sleeps sleeps on. */
void ring_publish(struct ring *ring, struct ring_call *call, bool wide, uint8_t inline_capacity);

/* Wakes the module if it sleeps and there is something that it may not have seen. */
void ring_wake(struct ring *ring);

/* Both. */
void ring_submit(struct ring *ring, struct ring_call *call, bool wide, uint8_t inline_capacity);

/* What a completion may be like. */
struct ring_expectation {
    bool wide;               /* the second line is in use */
    uint8_t inline_capacity; /* bytes of inline output that we can take */
    uint32_t arena_size;     /* bytes from the start of the arena that the call has */
};

/* Waits for the next completion. If it answers this call, which is wanted and whose second line is
   not in use, *reply has it and the record is free: true. Else nothing has been taken. */
bool ring_poll_reply(struct ring *ring, struct in_flight_call *call, struct ring_deadline deadline,
                     struct clo_completion *reply);

/* A call while nothing else is in flight, submitted or uncollected: if ring_is_idle, fill
   ring_entry, ring_send, ring_receive, and *reply has the completion. The call is over when
   ring_receive returns. */
static inline bool ring_is_idle(const struct ring *ring)
{
    return (ring->in_flight.used | ring->in_flight.entries) == 0 && !ring->unrung &&
           ring->ended.status == CLOISTER_OK &&
           shared_peek(&ring->header->state) == CLO_CHANNEL_LIVE;
}

static inline struct clo_submission *ring_entry(const struct ring *ring)
{
    return &ring->submissions[in_flight_entry(ring->submitted + 1)];
}

void ring_send(struct ring *ring, struct clo_submission *entry);
cloister_result ring_receive(struct ring *ring, const struct ring_expectation *expected,
                             struct ring_deadline deadline, struct clo_completion *reply);

/* Waits for the next completion: spins, then sleeps. OK: ring_take will find it. TIMEOUT of origin
   client: not yet. Everything else is the end, and for ring_fail. */
cloister_result ring_arrival(const struct ring *ring, struct ring_deadline deadline);

/* Takes the completions that have arrived into their calls' records, checked as far as it is alike
   for all calls; those of abandoned calls are dropped. */
void ring_take(struct ring *ring);

/* Without waiting: has the channel ended? Notes it if so, unless completions are still to be taken.
   Asks the transport now and then. */
void ring_look(struct ring *ring);

/* Notes the end, unless it came earlier, and returns why it came. */
cloister_result ring_fail(struct ring *ring, cloister_result why);

/* Waits for the call's completion, which is then in call->slot->completion. If this fails the call
   is over: its slot must not be touched any more. */
cloister_result ring_wait(struct ring *ring, struct ring_call *call, struct ring_deadline deadline);

/* Asks the module not to begin a call that has not been completed, or to stop it soon. */
void ring_cancel(struct ring *ring, struct in_flight_call *call);

/* Nobody wants the call any more: cancels it, and forgets it when its completion comes. */
void ring_abandon(struct ring *ring, struct in_flight_call *call);

/* The completion was one that an honest module cannot make: the ring ends. Returns why. */
cloister_result ring_break(struct ring *ring);

/* Gives record and arena back. Only after its completion. */
void ring_end(struct ring *ring, struct in_flight_call *call);

#endif

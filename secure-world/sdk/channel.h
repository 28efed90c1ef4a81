/*
 * Module side of one channel (abi/channel.h): positions, parking words, publishing. The client may
 * write every byte of the shared memory at any time; what counts is in struct channel, which it
 * cannot reach.
 */
#ifndef SDK_CHANNEL_H
#define SDK_CHANNEL_H

#include "abi/channel.h"
#include "normal-world/client/shared_word.h"
#include "reply.h"

#include <stdbool.h>

struct channel {
    struct clo_channel_header *header; /* shared; NULL: nothing to serve here */
    struct clo_submission *submissions;
    struct clo_completion *completions;
    uint8_t *arena;
    uint32_t arena_size;
    uint32_t slot;
    uint32_t generation; /* of the slot, once it has been met */
    bool met;
    bool wide;         /* the call before had a second line; the next may well have one */
    uint32_t turn;     /* of the next submission, and of the completion that answers it */
    uint32_t empty;    /* the turn that its entry has until it is full */
    uint64_t taken;    /* submissions so far */
    uint64_t sessions; /* bit n: session n is open */
    struct clo_caller caller;
};

enum channel_look { CHANNEL_EMPTY, CHANNEL_FULL, CHANNEL_WRONG };

/* Attaches to `size` bytes of shared memory; false if they are too few to be a channel. The size is
   the world host's word; the header's own words are not read, for the client can change them. */
bool channel_attach(struct channel *channel, void *memory, uint32_t size,
                    const struct clo_channel_slot *slot, uint32_t number);

static inline struct clo_submission *channel_entry(const struct channel *channel)
{
    return &channel->submissions[channel->taken % CLO_RING_SIZE];
}

/* Is there a submission? One load of the line that carries it. */
static inline enum channel_look channel_look(const struct channel *channel)
{
    uint32_t turn = __atomic_load_n(&channel_entry(channel)->turn, __ATOMIC_ACQUIRE);
    if (__builtin_expect(turn == channel->empty, 1))
        return CHANNEL_EMPTY;
    return turn == channel->turn ? CHANNEL_FULL : CHANNEL_WRONG;
}

/* While there is work: fetches lines of a call that comes later, so that it need not wait for them.
 */
static inline void channel_look_ahead(const struct channel *channel)
{
    unsigned later = (channel->taken + SHARED_AHEAD) % CLO_RING_SIZE;
    __builtin_prefetch(&channel->submissions[later]);
    shared_expect_write(&channel->completions[later]);
}

/* Does the client no longer want the submission that was looked at? A word of its own line, which
   stays in the cache until some call is cancelled. */
static inline bool channel_cancelled(const struct channel *channel)
{
    const uint32_t *word = &channel->header->cancel[channel->taken % CLO_RING_SIZE];
    uint32_t turn = __atomic_load_n(word, __ATOMIC_RELAXED);
    return __builtin_expect(turn != 0, 0) && turn == channel->turn;
}

/* Answers the submission that was looked at and goes on to the next. `wide`: with the second line.
   channel_client_sleeps comes next, before anything that may take long. */
void channel_publish(struct channel *channel, const struct clo_completion *completion, bool wide);

/* After a full fence: does the client sleep, and want a NOTIFY? */
bool channel_client_sleeps(struct channel *channel);

/* Gives the channel up for good and tells the client why (CLO_BROKEN_…). */
void channel_break(struct channel *channel, uint32_t reason);

/* About to sleep, and awake again. Between the two comes a full fence and another look. */
static inline void channel_park(struct channel *channel)
{
    __atomic_store_n(&channel->header->module_parked, 1, __ATOMIC_RELAXED);
}

static inline void channel_unpark(struct channel *channel)
{
    __atomic_store_n(&channel->header->module_parked, 0, __ATOMIC_RELAXED);
}

#endif

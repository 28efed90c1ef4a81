/*
 * Module side of one channel: see channel.h.
 */
#include "channel.h"

#include <string.h>

/* Where entry `taken` stands: turns count from 1, and an entry keeps the turn of the lap before. */
static void set_position(struct channel *channel, uint64_t taken)
{
    channel->taken = taken;
    channel->turn = (uint32_t)taken + 1;
    channel->empty = taken < CLO_RING_SIZE ? 0 : channel->turn - CLO_RING_SIZE;
}

bool channel_attach(struct channel *channel, void *memory, uint32_t size,
                    const struct clo_channel_slot *slot, uint32_t number)
{
    uint8_t *bytes = memory;
    if (size < CLO_ARENA_OFFSET)
        return false;
    *channel = (struct channel){
        .header = memory,
        .submissions = (void *)(bytes + CLO_SUBMISSIONS_OFFSET),
        .completions = (void *)(bytes + CLO_COMPLETIONS_OFFSET),
        .arena = bytes + CLO_ARENA_OFFSET,
        .arena_size = size - (uint32_t)CLO_ARENA_OFFSET,
        .slot = number,
        .generation = slot->generation,
        .met = true,
        .caller = slot->caller,
    };
    set_position(channel, 0);
    return true;
}

bool channel_client_sleeps(struct channel *channel)
{
    uint32_t *parked = &channel->header->client_parked;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__builtin_expect(__atomic_load_n(parked, __ATOMIC_RELAXED) != 1, 1))
        return false;
    __atomic_store_n(parked, 0, __ATOMIC_RELAXED);
    return true;
}

/* Field by field: one wide load over fields that were just stored would wait for them all. */
void channel_publish(struct channel *channel, const struct clo_completion *completion, bool wide)
{
    struct clo_completion *out = &channel->completions[channel->taken % CLO_RING_SIZE];
    if (wide)
        memcpy(out->parameter, completion->parameter, sizeof out->parameter);
    out->submission = completion->submission;
    shared_set_pair(&out->status, reply_head(completion));
    memcpy(out->data, completion->data, sizeof out->data);
    __atomic_store_n(&out->turn, channel->turn, __ATOMIC_RELEASE);
    set_position(channel, channel->taken + 1);
    /* The line of the call after the next, should they come soon. */
    __builtin_prefetch(&channel->submissions[(channel->taken + 1) % CLO_RING_SIZE]);
}

void channel_break(struct channel *channel, uint32_t reason)
{
    struct clo_channel_header *header = channel->header;
    __atomic_store_n(&header->reason, reason, __ATOMIC_RELAXED);
    __atomic_store_n(&header->state, CLO_CHANNEL_BROKEN, __ATOMIC_RELEASE);
    channel->header = NULL;
}

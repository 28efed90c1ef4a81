/*
 * Is the call in progress still wanted? Asked by handlers that take long.
 */
#include "server.h"

/* Has the world host withdrawn the channel since the call began? */
static bool withdrawn(const struct server *server, const struct channel *channel)
{
    const struct clo_channel_slot *slot = &server->control->slot[channel->slot];
    return __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) != CLO_SLOT_LIVE ||
           __atomic_load_n(&slot->generation, __ATOMIC_RELAXED) != channel->generation;
}

int cloister_call_cancelled(const cloister_call *call)
{
    const struct server *server =
        (const void *)((const uint8_t *)call - offsetof(struct server, call));
    if (call->channel >= CLO_CHANNELS_MAX)
        return true;
    const struct channel *channel = &server->channel[call->channel];
    return !channel->header || withdrawn(server, channel) || channel_cancelled(channel);
}

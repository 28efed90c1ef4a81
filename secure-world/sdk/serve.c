/*
 * The hot loop: looks at every channel of the thread, spins for a while when there is nothing, then
 * sleeps. While calls come it makes no hypercall and touches no line but those that carry calls and
 * the one that holds the control epoch, which stays in the cache until the world host writes it.
 */
#include "server.h"

#define SPIN_ALWAYS UINT32_MAX
#define SWEEPS_A_CLOCK 16u /* between two looks at the time-stamp counter */

static struct channel *channel_at(struct server *server, unsigned i)
{
    return &server->channel[server->live[i]];
}

/* Channels that come and go */

static void close_channel(struct server *server, struct channel *channel)
{
    channel->header = NULL;
    server->known.channel = NULL;
    for (unsigned session = 0; channel->sessions >> session; session++) {
        if (!(channel->sessions >> session & 1))
            continue;
        server_progress(server);
        cloister_session_closed(channel->slot, session);
        server_progress(server);
    }
    channel->sessions = 0;
}

static void open_channel(struct server *server, unsigned number,
                         const struct clo_channel_slot *slot)
{
    struct channel *channel = &server->channel[number];
    uint64_t end = (uint64_t)slot->offset + slot->size;
    channel->generation = slot->generation;
    channel->met = true;
    if (end <= server->window_size && slot->offset % CLO_PAGE_SIZE == 0 &&
        channel_attach(channel, server->window + slot->offset, slot->size, slot, number))
        channel_unpark(channel);
}

/* A copy of a live slot of this thread, all of one generation; false if there is none now. If it
   changes meanwhile the epoch does too, and we come back. */
static bool read_slot(const struct server *server, unsigned number, struct clo_channel_slot *copy)
{
    const struct clo_channel_slot *shown = &server->control->slot[number];
    if (__atomic_load_n(&shown->state, __ATOMIC_ACQUIRE) != CLO_SLOT_LIVE)
        return false;
    uint32_t generation = __atomic_load_n(&shown->generation, __ATOMIC_ACQUIRE);
    sdk_copy_once(copy, shown, sizeof *copy);
    return __atomic_load_n(&shown->generation, __ATOMIC_ACQUIRE) == generation &&
           copy->generation == generation && copy->thread == server->thread;
}

static void refresh_slot(struct server *server, unsigned number)
{
    struct channel *channel = &server->channel[number];
    struct clo_channel_slot slot;
    bool live = read_slot(server, number, &slot);
    bool same = live && channel->met && channel->generation == slot.generation;
    if (!same && (channel->header || channel->sessions))
        close_channel(server, channel);
    if (live && !same)
        open_channel(server, number, &slot);
}

/* What there is to look at, in the order of the slots. */
static void list_live(struct server *server)
{
    server->live_count = 0;
    for (unsigned i = 0; i < server->slots; i++)
        if (server->channel[i].header)
            server->live[server->live_count++] = (uint8_t)i;
}

void serve_refresh(struct server *server)
{
    uint32_t epoch = __atomic_load_n(&server->control->epoch, __ATOMIC_ACQUIRE);
    uint32_t slots = __atomic_load_n(&server->control->slots, __ATOMIC_ACQUIRE);
    if (server->owed)
        server_settle(server);
    server->slots = slots < CLO_CHANNELS_MAX ? slots : CLO_CHANNELS_MAX;
    for (unsigned i = 0; i < server->slots; i++)
        refresh_slot(server, i);
    list_live(server);
    server->epoch = epoch;
    __atomic_store_n(&server->mailbox->epoch, epoch, __ATOMIC_RELEASE);
}

static bool control_changed(const struct server *server)
{
    return __atomic_load_n(&server->control->epoch, __ATOMIC_ACQUIRE) != server->epoch;
}

/* Looking */

/* One submission. False: the channel is served no more, or the list of channels is a new one. */
static bool serve_one(struct server *server, struct channel *channel, enum channel_look look)
{
    uint32_t epoch = server->epoch;
    if (__builtin_expect(look == CHANNEL_FULL && call_serve(server, channel), 1))
        return server->epoch == epoch;
    if (look == CHANNEL_WRONG) {
        channel_break(channel, CLO_BROKEN_TURN);
        (void)sdk_hypercall(CLO_HC_NOTIFY, channel->slot, 0, 0);
    }
    /* A broken channel is not looked at; the world host takes it away when the client goes. */
    list_live(server);
    return false;
}

/* Where the sweep goes on behind a slot when the list is a new one. */
static unsigned behind(const struct server *server, unsigned slot)
{
    unsigned i = 0;
    while (i < server->live_count && server->live[i] <= slot)
        i++;
    return i;
}

/* One call a channel, in the order of the slots, whatever comes or goes meanwhile: no channel waits
   for more than one call of each other one. */
bool serve_sweep(struct server *server)
{
    bool worked = false;
    if (__builtin_expect(control_changed(server), 0))
        serve_refresh(server);
    for (unsigned i = 0; i < server->live_count;) {
        struct channel *channel = channel_at(server, i);
        enum channel_look look = channel_look(channel);
        if (__builtin_expect(look == CHANNEL_EMPTY, 1)) {
            if (channel->wide)
                shared_expect_read(channel_entry(channel)->parameter);
            i++;
            continue;
        }
        unsigned slot = channel->slot;
        worked = true;
        if (__builtin_expect(serve_one(server, channel, look), 1))
            i++;
        else
            i = behind(server, slot);
    }
    return worked;
}

/* Sleeping */

static bool anything(struct server *server)
{
    if (control_changed(server))
        return true;
    for (unsigned i = 0; i < server->live_count; i++)
        if (channel_look(channel_at(server, i)) != CHANNEL_EMPTY)
            return true;
    return false;
}

void serve_park(struct server *server)
{
    if (server->owed)
        server_settle(server);
    for (unsigned i = 0; i < server->live_count; i++)
        channel_park(channel_at(server, i));
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!anything(server) && sdk_hypercall(CLO_HC_WAIT, 0, 0, 0) != CLOISTER_OK)
        cloister_panic("WAIT failed");
    for (unsigned i = 0; i < server->live_count; i++)
        channel_unpark(channel_at(server, i));
}

/* Is the spin budget that began at *since (0: now) used up? */
static bool tired(const struct server *server, uint64_t *since)
{
    uint64_t now = __builtin_ia32_rdtsc();
    if (server->live_count == 0 || server->spin_us == 0)
        return true;
    if (server->spin_us == SPIN_ALWAYS)
        return false;
    if (*since == 0)
        *since = now;
    return now - *since >= server->spin_ticks;
}

/* Polls until there was work (true) or the budget is used up. */
static bool spin(struct server *server)
{
    uint64_t since = 0;
    do {
        for (unsigned i = 0; i < SWEEPS_A_CLOCK; i++) {
            if (serve_sweep(server))
                return true;
            __builtin_ia32_pause();
        }
    } while (!tired(server, &since));
    return false;
}

void serve(struct server *server)
{
    for (;;)
        if (!spin(server))
            serve_park(server);
}

/*
 * One memfd, mapped into both modules' parts of the window. The module that serves has an ordinary
 * channel, whose caller is a module. The one that calls has a slot that its control pages do not
 * show: the number is all it needs, and the channel stays until it gives it up or ends.
 */
#include "vmm/channel_peer.h"

#include "vmm/channel_parts.h"
#include "vmm/world.h"

#include "base/index.h"
#include "base/scope.h"

struct ends {
    struct module *caller;
    struct module *callee;
    unsigned caller_slot;
    unsigned callee_slot;
};

/* Modules that this one has channels to, a bit each. */
static uint64_t called_by(const struct module *module)
{
    uint64_t called = 0;
    for (unsigned i = 0; i < module->channel_count; i++)
        if (module->channel[i].calls)
            called |= 1ull << module->channel[i].peer->index;
    return called;
}

static_assert(CLO_MODULES_MAX <= 64, "a bit for each module");

/* Does `from` call `to`, itself or through others? */
static bool reaches(const struct world *world, const struct module *from, const struct module *to)
{
    uint64_t reached = 0;
    uint64_t next = 1ull << from->index;
    while (next & ~reached) {
        unsigned i = (unsigned)__builtin_ctzll(next & ~reached);
        reached |= 1ull << i;
        next |= called_by(&world->module[i]);
    }
    return reached >> to->index & 1;
}

static cloister_status check(const struct ends *ends, struct reason *why)
{
    const struct module *module[] = {ends->caller, ends->callee};
    for (unsigned i = 0; i < 2; i++)
        if (!module_alive(module[i]))
            return refuse(why, CLOISTER_DEAD, "module %s has ended", module[i]->file.name);
    if (reaches(ends->caller->world, ends->callee, ends->caller))
        return refuse(why, CLOISTER_DENIED, "module %s calls %s already: they could wait for ever",
                      ends->callee->file.name, ends->caller->file.name);
    return CLOISTER_OK;
}

static cloister_status take(struct module *module, uint32_t size, unsigned *slot,
                            struct reason *why)
{
    unsigned found;
    cloister_status status = channel_find_slot(module, &found, why);
    if (status == CLOISTER_OK)
        status = channel_reserve(module, found, size, why);
    if (status == CLOISTER_OK)
        *slot = found;
    return status;
}

/* Each end learns whom to wake at the other, before anybody can want to. */
static void introduce(const struct ends *ends, struct module_thread *thread)
{
    struct channel *calls = &ends->caller->channel[ends->caller_slot];
    struct channel *serves = &ends->callee->channel[ends->callee_slot];
    calls->thread = thread->index;
    calls->peer = ends->callee;
    calls->peer_slot = ends->callee_slot;
    atomic_store(&calls->other, &ends->callee->thread[serves->thread]);
    atomic_store(&serves->other, thread);
    atomic_store(&calls->calls, true);
}

static cloister_status connect_ends(const struct ends *ends, struct module_thread *thread,
                                    const struct channel_peer *made, struct reason *why)
{
    const struct clo_caller caller = {.kind = CLO_CALLER_MODULE, .id = ends->caller->index};
    AUTO_FD int memfd = -1;
    cloister_status status = channel_make_memory(made->size, &memfd, why);
    if (status == CLOISTER_OK)
        status = channel_show(ends->caller, ends->caller->channel[ends->caller_slot].page,
                              made->size, memfd, 0, why);
    if (status == CLOISTER_OK)
        status = channel_show(ends->callee, ends->callee->channel[ends->callee_slot].page,
                              made->size, memfd, 0, why);
    if (status != CLOISTER_OK)
        return status;
    channel_fill_header(ends->callee, ends->callee_slot, made->arena_size);
    introduce(ends, thread);
    return channel_go_live(ends->callee, ends->callee_slot, &caller, made->size, why);
}

cloister_status channel_peer_open(struct module_thread *thread, struct module *callee,
                                  uint32_t arena_size, struct channel_peer *made,
                                  struct reason *why)
{
    struct ends ends = {.caller = thread->module, .callee = callee};
    struct channel_peer fresh;
    cloister_status status = check(&ends, why);
    if (status == CLOISTER_OK)
        status = channel_size(arena_size, &fresh.arena_size, &fresh.size, why);
    if (status == CLOISTER_OK)
        status = take(ends.caller, fresh.size, &ends.caller_slot, why);
    if (status != CLOISTER_OK)
        return status;
    status = take(ends.callee, fresh.size, &ends.callee_slot, why);
    if (status == CLOISTER_OK) {
        status = connect_ends(&ends, thread, &fresh, why);
        if (status != CLOISTER_OK)
            channel_unreserve(ends.callee, ends.callee_slot);
    }
    if (status != CLOISTER_OK) {
        channel_unreserve(ends.caller, ends.caller_slot);
        return status;
    }
    fresh.slot = ends.caller_slot;
    fresh.offset = channel_offset(ends.caller, ends.caller->channel[ends.caller_slot].page);
    *made = fresh;
    return CLOISTER_OK;
}

static void close_end(struct module *caller, unsigned slot)
{
    const struct channel *end = &caller->channel[slot];
    channel_close(end->peer, end->peer_slot, CLO_CHANNEL_CLOSED);
    channel_unreserve(caller, slot);
}

bool channel_peer_is_open(const struct module *caller, uint64_t slot)
{
    return slot < caller->channel_count &&
           atomic_load(&caller->channel[index_clamp(slot, caller->channel_count)].calls);
}

cloister_status channel_peer_close(struct module *caller, uint64_t slot)
{
    if (!channel_peer_is_open(caller, slot))
        return CLOISTER_NOT_FOUND;
    close_end(caller, (unsigned)index_clamp(slot, caller->channel_count));
    return CLOISTER_OK;
}

void channel_peer_bury(struct world *world)
{
    for (unsigned i = 0; i < world->module_count; i++) {
        struct module *module = &world->module[i];
        for (unsigned slot = 0; !module_alive(module) && slot < module->channel_count; slot++)
            if (module->channel[slot].calls)
                close_end(module, slot);
    }
}

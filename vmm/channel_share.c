/*
 * Counts what is taken, also by channels that have gone and that some thread has not left yet.
 */
#include "vmm/channel_share.h"

#include "vmm/world.h"

#define KEPT 4u /* one part in so many */

static bool is_bound(const struct module *module, const struct clo_caller *caller)
{
    if (caller->kind == CLO_CALLER_PROCESS)
        return caller->uid != module->world->owner && caller->uid != 0;
    return caller->kind == CLO_CALLER_GUEST;
}

static bool is_same(const struct clo_caller *a, const struct clo_caller *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == CLO_CALLER_GUEST ? a->id == b->id : a->uid == b->uid;
}

cloister_status channel_share_check(const struct module *module, const struct clo_caller *caller,
                                    uint32_t size, struct reason *why)
{
    unsigned slots = 1;
    uint32_t pages = size / CLO_PAGE_SIZE;
    bool has = false;
    if (!is_bound(module, caller))
        return CLOISTER_OK;
    for (unsigned i = 0; i < module->channel_count; i++) {
        const struct channel *channel = &module->channel[i];
        slots += channel->pages > 0;
        pages += channel->pages;
        has |= atomic_load(&channel->header) && is_same(&channel->caller, caller);
    }
    if (!has || (slots <= module->channel_count - module->channel_count / KEPT &&
                 pages <= module->extents.pages - module->extents.pages / KEPT))
        return CLOISTER_OK;
    return refuse(why, CLOISTER_BUSY,
                  "what is left of module %s is kept for callers that have no channel of it",
                  module->file.name);
}

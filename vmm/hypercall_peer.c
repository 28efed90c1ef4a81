/*
 * Hypercalls about other modules of the world. What is judged here does not change once the world
 * runs; the main thread opens and closes.
 */
#include "vmm/hypercall_parts.h"

#include "vmm/peer_rules.h"
#include "vmm/world.h"

#include "base/bytes.h"
#include "base/index.h"
#include "base/log.h"

#include <string.h>

static void fill_identity(const struct module *module, struct clo_module_identity *identity)
{
    const struct clo_manifest *manifest = &module->file.record.manifest;
    *identity = (struct clo_module_identity){
        .svn = manifest->svn, .index = module->index, .generation = module->generation};
    memcpy(identity->name, manifest->name, sizeof identity->name);
    memcpy(identity->measurement, module->measurement, sizeof identity->measurement);
    memcpy(identity->author, module->author, sizeof identity->author);
}

cloister_status hypercall_identity(struct hypercall *call)
{
    struct clo_module_identity identity;
    const struct world *world = call->module->world;
    if (call->argument[0] >= world->module_count)
        return CLOISTER_NOT_FOUND;
    fill_identity(&world->module[index_clamp(call->argument[0], world->module_count)], &identity);
    memcpy(call->mailbox->payload, &identity, sizeof identity);
    return CLOISTER_OK;
}

static struct peer_side side_of(const struct module *module)
{
    return (struct peer_side){&module->file.record.manifest, module->author};
}

static cloister_status judge(const struct module *caller, const struct module *callee,
                             struct reason *why)
{
    switch (peer_rules_judge(side_of(caller), side_of(callee))) {
    case PEER_PERMITTED:
        return CLOISTER_OK;
    case PEER_NOT_CALLED:
        return refuse(why, CLOISTER_DENIED, "its own manifest does not say that it calls %s",
                      callee->file.record.manifest.name);
    case PEER_NOT_ACCEPTED:
        return refuse(why, CLOISTER_DENIED, "the manifest of %s does not accept it",
                      callee->file.record.manifest.name);
    }
    return CLOISTER_INTERNAL;
}

static cloister_status run_open(struct hypercall *call, struct module *callee, uint32_t arena_size,
                                struct reason *why)
{
    struct errand *errand = &call->thread->errand;
    cloister_status status = judge(call->module, callee, why);
    if (status != CLOISTER_OK)
        return status;
    errand->kind = ERRAND_OPEN;
    errand->callee = callee;
    errand->arena_size = arena_size;
    errand->why = (struct reason){0};
    status = errand_run(call->thread);
    if (status != CLOISTER_OK)
        *why = errand->why;
    return status;
}

static void answer_open(const struct hypercall *call, const struct module *callee)
{
    const struct channel_peer *made = &call->thread->errand.made;
    const struct clo_manifest *manifest = &callee->file.record.manifest;
    struct clo_peer_opened opened = {.slot = made->slot,
                                     .offset = made->offset,
                                     .size = made->size,
                                     .arena_size = made->arena_size,
                                     .method_count = manifest->method_count,
                                     .abi_minor = manifest->abi_minor};
    fill_identity(callee, &opened.identity);
    memcpy(opened.method, manifest->method, sizeof opened.method);
    memcpy(call->mailbox->payload, &opened, sizeof opened);
}

cloister_status hypercall_open(struct hypercall *call)
{
    struct clo_peer_open open;
    struct reason why = {0};
    memcpy(&open, call->mailbox->payload, sizeof open);
    if (!name_is_valid(open.module, sizeof open.module) || open.reserved != 0)
        return CLOISTER_BAD_ARGUMENT;
    if (!hypercall_rate(call->module))
        return CLOISTER_LIMIT;
    struct module *callee = world_find(call->module->world, open.module);
    if (!callee)
        return CLOISTER_NOT_FOUND;
    cloister_status status = run_open(call, callee, open.arena_size, &why);
    if (status == CLOISTER_OK)
        answer_open(call, callee);
    else
        hypercall_log_refusal(call->module, "OPEN", &why);
    return status;
}

cloister_status hypercall_close(struct hypercall *call)
{
    if (!channel_peer_is_open(call->module, call->argument[0]))
        return CLOISTER_NOT_FOUND;
    call->thread->errand.kind = ERRAND_CLOSE;
    call->thread->errand.slot = call->argument[0];
    return errand_run(call->thread);
}

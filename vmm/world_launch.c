/*
 * Tells the keeper what the world consists of: the very memfds that back the code slots, which it
 * measures itself. While it does, the world host places the modules and makes their threads; none
 * of them runs before the keeper has agreed to all.
 */
#include "vmm/world_launch.h"

#include "vmm/version.h"

#include "base/bytes.h"

#include <string.h>

/* Requests without a reply: so many, and the replies to them, fit into the socket's buffers. */
#define UNANSWERED_MOST 8u

/* The reply that is next: to LAUNCH, to MODULE for each module, to START. */
static cloister_status hear(struct world *world, struct reason *why)
{
    unsigned index = world->heard++;
    struct keeper_request request = {.type = index == 0 ? CLO_KEEPER_LAUNCH : CLO_KEEPER_START};
    if (index == 0 || index > world->module_count)
        return keeper_link_receive(&world->keeper, &request, why);
    struct module *module = &world->module[index - 1];
    struct clo_keeper_module_reply reply;
    request = (struct keeper_request){.type = CLO_KEEPER_MODULE,
                                      .module = module->index,
                                      .reply = &reply,
                                      .capacity = sizeof reply,
                                      .exact = true};
    cloister_status status = keeper_link_receive(&world->keeper, &request, why);
    if (status != CLOISTER_OK)
        return status;
    memcpy(module->measurement, reply.measurement, sizeof module->measurement);
    memcpy(module->author, reply.author, sizeof module->author);
    return CLOISTER_OK;
}

cloister_status world_launch_wait(struct world *world, struct reason *why)
{
    cloister_status status = CLOISTER_OK;
    while (world->heard < world->told && status == CLOISTER_OK)
        status = hear(world, why);
    return status;
}

static cloister_status tell(struct world *world, const struct keeper_request *request,
                            struct reason *why)
{
    struct reason unsent;
    if (world->told - world->heard >= UNANSWERED_MOST) {
        cloister_status status = hear(world, why);
        if (status != CLOISTER_OK)
            return status;
    }
    cloister_status sent = keeper_link_send(&world->keeper, request, &unsent);
    if (sent == CLOISTER_OK) {
        world->told++;
        return CLOISTER_OK;
    }
    cloister_status refused = world_launch_wait(world, why);
    if (refused == CLOISTER_OK)
        *why = unsent;
    return refused == CLOISTER_OK ? sent : refused;
}

static cloister_status tell_launch(struct world *world, struct reason *why)
{
    struct clo_keeper_launch launch = {.debug = world->debug,
                                       .module_count = world->module_count,
                                       .runtime_svn = RUNTIME_SVN,
                                       .runtime_size = (uint32_t)world->runtime.size};
    memcpy(launch.world, world->name, sizeof launch.world);
    if (!name_set(launch.runtime_version, sizeof launch.runtime_version, VMM_VERSION))
        return CLOISTER_INTERNAL;
    struct keeper_request request = {.type = CLO_KEEPER_LAUNCH,
                                     .body = &launch,
                                     .size = sizeof launch,
                                     .descriptor = world->runtime.memfd};
    return tell(world, &request, why);
}

static cloister_status tell_module(struct world *world, const struct module *module,
                                   struct reason *why)
{
    const struct module_file *file = &module->file;
    struct clo_keeper_module body = {.image_pages = file->image_pages,
                                     .signature_size = file->signature_size,
                                     .record = file->record};
    memcpy(body.name, file->name, sizeof body.name);
    memcpy(body.signature, file->signature, file->signature_size);
    struct keeper_request request = {.type = CLO_KEEPER_MODULE,
                                     .module = module->index,
                                     .body = &body,
                                     .size = sizeof body,
                                     .descriptor = file->image};
    return tell(world, &request, why);
}

cloister_status world_launch_tell(struct world *world, struct reason *why)
{
    cloister_status status = tell_launch(world, why);
    for (unsigned i = 0; i < world->module_count && status == CLOISTER_OK; i++)
        status = tell_module(world, &world->module[i], why);
    return status;
}

static uint32_t vcpu_count(const struct world *world)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < world->module_count; i++)
        count += world->module[i].thread_count;
    return count;
}

cloister_status world_launch_start(struct world *world, struct reason *why)
{
    struct clo_keeper_start start = {.isolation = world_isolation(world),
                                     .vcpus = vcpu_count(world),
                                     .window_size = (uint32_t)world->machine.window_size,
                                     .umip = world->machine.umip,
                                     .spin_us = world->spin_us};
    if (!name_set(start.kvm, sizeof start.kvm, kvm_flavour_name(world->machine.flavour)))
        return CLOISTER_INTERNAL;
    struct keeper_request request = {
        .type = CLO_KEEPER_START, .body = &start, .size = sizeof start, .descriptor = -1};
    return tell(world, &request, why);
}

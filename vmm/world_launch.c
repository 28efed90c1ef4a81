/*
 * Tells the keeper what the world consists of: the very memfds that back the code slots, which it
 * measures itself.
 */
#include "vmm/world_launch.h"

#include "vmm/version.h"

#include "base/bytes.h"

#include <string.h>

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
    return keeper_link_ask(&world->keeper, &request, why);
}

static cloister_status tell_module(struct world *world, struct module *module, struct reason *why)
{
    const struct module_file *file = &module->file;
    struct clo_keeper_module_reply reply;
    struct clo_keeper_module body = {.image_pages = file->image_pages,
                                     .signature_size = file->signature_size,
                                     .record = file->record};
    memcpy(body.name, file->name, sizeof body.name);
    memcpy(body.signature, file->signature, file->signature_size);
    struct keeper_request request = {.type = CLO_KEEPER_MODULE,
                                     .module = module->index,
                                     .body = &body,
                                     .size = sizeof body,
                                     .descriptor = file->image,
                                     .reply = &reply,
                                     .capacity = sizeof reply,
                                     .exact = true};
    cloister_status status = keeper_link_ask(&world->keeper, &request, why);
    if (status != CLOISTER_OK)
        return status;
    memcpy(module->measurement, reply.measurement, sizeof module->measurement);
    memcpy(module->author, reply.author, sizeof module->author);
    return CLOISTER_OK;
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
    return keeper_link_ask(&world->keeper, &request, why);
}

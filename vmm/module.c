/*
 * Life cycle of a module. Runs no vCPU itself: module_thread.c does.
 */
#include "vmm/module.h"

#include "vmm/hypercall.h"
#include "vmm/module_thread.h"
#include "vmm/world.h"

#include "base/bytes.h"
#include "base/log.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEALS_DEFAULT 1000u
#define LOGS_DEFAULT 100u
#define PAUSE_STEP_NS 20000
#define KICK_STEPS 100 /* a kick may be lost: again after so many */
#define JOIN_STEP_NS 50000000
#define JOIN_STEPS 100

static cloister_status allocate(struct module *module, struct reason *why)
{
    module->thread = calloc(module->thread_count, sizeof *module->thread);
    module->channel =
        calloc(module->channel_count ? module->channel_count : 1, sizeof *module->channel);
    if (!module->thread || !module->channel)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for module %s", module->file.name);
    for (unsigned i = 0; i < module->thread_count; i++)
        module->thread[i] = (struct module_thread){
            .module = module, .index = i, .epoll = -1, .control = -1, .vcpu = {.fd = -1}};
    return CLOISTER_OK;
}

cloister_status module_create(struct module *module, struct world *world, unsigned index,
                              struct module_file *file, struct reason *why)
{
    const struct clo_manifest *manifest = &file->record.manifest;
    uint64_t now = world_now();
    *module = (struct module){
        .world = world,
        .index = index,
        .file = *file,
        .generation = 1,
        .allowed = hypercall_allowed(manifest->hypercalls, world->exec),
        .thread_count = world->exec ? 1 : manifest->threads,
        .channel_count = world->exec ? 0 : manifest->channels_max,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .seals = rate_of(manifest->seals_per_s ? manifest->seals_per_s : SEALS_DEFAULT, now),
        .logs = rate_of(manifest->log_per_s ? manifest->log_per_s : LOGS_DEFAULT, now)};
    return allocate(module, why);
}

static cloister_status make_thread(struct module *module, struct module_thread *thread,
                                   unsigned vcpu_id, struct reason *why)
{
    cloister_status status = module_thread_create(thread, why);
    if (status != CLOISTER_OK)
        return status;
    status = vcpu_create(&module->world->machine, vcpu_id, &module->placement, thread->index,
                         &thread->vcpu, why);
    if (status != CLOISTER_OK)
        return status;
    /* The first thread gets a process stack; the others find their number in RDI. */
    uint64_t stack = thread->index == 0 ? module->placement.stack : CLO_VA_STACK_TOP(thread->index);
    return vcpu_reset(&thread->vcpu, module->placement.entry, stack, thread->index, why);
}

cloister_status module_place(struct module *module, const struct placement_options *options,
                             uint32_t window_first, uint32_t window_pages, unsigned *vcpu_id,
                             struct reason *why)
{
    cloister_status status = placement_create(&module->world->machine, &module->world->runtime,
                                              &module->file, options, &module->placement, why);
    if (status != CLOISTER_OK)
        return status;
    module->placed = true;
    for (unsigned i = 0; i < module->thread_count; i++) {
        status = make_thread(module, &module->thread[i], (*vcpu_id)++, why);
        if (status != CLOISTER_OK)
            return status;
    }
    module->window_first = window_first;
    if (window_pages && !extents_create(&module->extents, window_pages))
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for module %s", module->file.name);
    return CLOISTER_OK;
}

cloister_status module_start(struct module *module, struct reason *why)
{
    for (unsigned i = 0; i < module->thread_count; i++) {
        atomic_fetch_add(&module->running, 1);
        cloister_status status = module_thread_start(&module->thread[i], why);
        if (status != CLOISTER_OK) {
            atomic_fetch_sub(&module->running, 1);
            return status;
        }
    }
    return CLOISTER_OK;
}

static void tell_main(struct module *module)
{
    uint64_t one = 1;
    if (write(module->world->changed, &one, sizeof one) < 0)
        return; /* the counter is full: the main thread has plenty to see */
}

void module_serves(struct module *module)
{
    uint32_t starting = CLO_MODULE_STARTING;
    if (atomic_compare_exchange_strong(&module->state, &starting, CLO_MODULE_SERVING))
        tell_main(module);
}

bool module_alive(const struct module *module)
{
    return atomic_load(&module->state) <= CLO_MODULE_SERVING;
}

void module_end(struct module *module, uint32_t state, int exit_status, const char *format, ...)
{
    (void)pthread_mutex_lock(&module->lock);
    bool first = module_alive(module);
    if (first) {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(module->end, sizeof module->end, format, arguments);
        va_end(arguments);
        module->exit_status = exit_status;
        atomic_store(&module->state, state);
        channels_tell(module, CLO_CHANNEL_DEAD);
    }
    (void)pthread_mutex_unlock(&module->lock);
    if (!first)
        return;
    module_leave(module);
    tell_main(module);
}

void module_leave(struct module *module)
{
    atomic_store(&module->leaving, true);
    for (unsigned i = 0; i < module->thread_count; i++) {
        module_thread_wake(&module->thread[i]);
        module_thread_kick(&module->thread[i]);
    }
}

void module_pause_others(struct module *module, const struct module_thread *self)
{
    const struct timespec step = {.tv_nsec = PAUSE_STEP_NS};
    atomic_store(&module->pausing, true);
    for (unsigned i = 0; i < module->thread_count; i++) {
        struct module_thread *thread = &module->thread[i];
        for (unsigned step_count = 0; thread != self && atomic_load(&thread->inside);
             step_count++) {
            if (step_count % KICK_STEPS == 0)
                module_thread_kick(thread);
            (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
        }
    }
}

void module_resume(struct module *module)
{
    atomic_store(&module->pausing, false);
}

static bool join(struct module_thread *thread)
{
    for (unsigned i = 0; i < JOIN_STEPS; i++) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += JOIN_STEP_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_timedjoin_np(thread->pthread, NULL, &until) == 0)
            return true;
        module_thread_kick(thread);
    }
    return false;
}

bool module_join(struct module *module)
{
    for (unsigned i = 0; i < module->thread_count; i++) {
        if (module->thread[i].created && !join(&module->thread[i]))
            return false;
        module->thread[i].created = false;
    }
    return true;
}

static void fill_counters(struct module *module, struct clo_module_info *info)
{
    bool alive = module_alive(module);
    for (unsigned i = 0; i < module->thread_count; i++) {
        struct module_thread *thread = &module->thread[i];
        info->exits += __atomic_load_n(&thread->vcpu.exits, __ATOMIC_RELAXED);
        info->calls += __atomic_load_n(&module->placement.mailbox[i]->calls, __ATOMIC_RELAXED);
        info->polling += alive && !atomic_load(&thread->parked);
    }
}

void module_fill_info(struct module *module, struct clo_module_info *info)
{
    const struct clo_manifest *manifest = &module->file.record.manifest;
    *info = (struct clo_module_info){.index = module->index,
                                     .svn = manifest->svn,
                                     .threads = module->thread_count,
                                     .generation = module->generation,
                                     .method_count = manifest->method_count,
                                     .abi_minor = manifest->abi_minor};
    memcpy(info->name, module->file.name, sizeof info->name);
    memcpy(info->version, manifest->version, sizeof info->version);
    memcpy(info->measurement, module->measurement, sizeof info->measurement);
    memcpy(info->author, module->author, sizeof info->author);
    memcpy(info->method, manifest->method, sizeof info->method);
    (void)pthread_mutex_lock(&module->lock);
    info->state = atomic_load(&module->state);
    info->channels = module->channels_live;
    memcpy(info->end, module->end, sizeof info->end);
    (void)pthread_mutex_unlock(&module->lock);
    fill_counters(module, info);
}

void module_destroy(struct module *module)
{
    for (unsigned i = 0; module->thread && i < module->thread_count; i++)
        module_thread_destroy(&module->thread[i]);
    if (module->placed)
        placement_release(&module->placement);
    extents_destroy(&module->extents);
    free(module->channel);
    free(module->thread);
    module_file_close(&module->file);
    *module = (struct module){0};
}

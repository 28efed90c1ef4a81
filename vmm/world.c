/*
 * Puts a world together in the order that keeps it safe: what is hostile is read and checked
 * before a machine exists, the keeper measures before anything is placed, and the descriptors of
 * the machine are given up before anyone can talk to it.
 */
#include "vmm/world.h"

#include "vmm/module_thread.h"
#include "vmm/world_launch.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/scope.h"

#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WINDOW_PER_MODULE (32ull << 20)
#define WINDOW_LEAST_PER_MODULE (256ull << 10)
#define MONITOR_BASE (256u << 10)
#define STOP_GRACE_NS 200000000ull
#define STOP_STEP_NS 1000000

uint64_t world_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Reading */

static cloister_status check_unique(const struct world *world, const struct module_file *file,
                                    struct reason *why)
{
    for (unsigned i = 0; i < world->module_count; i++)
        if (memcmp(world->module[i].file.name, file->name, CLO_NAME_SIZE) == 0)
            return refuse(why, CLOISTER_BAD_ARGUMENT,
                          "two modules are named %s; the name is the file's, without .mod",
                          file->name);
    return CLOISTER_OK;
}

static cloister_status read_module(struct world *world, const char *path, enum elf_kind kind,
                                   struct reason *why)
{
    struct module_file file;
    cloister_status status = module_file_open(path, kind, &file, why);
    if (status != CLOISTER_OK)
        return status;
    status = check_unique(world, &file, why);
    if (status != CLOISTER_OK) {
        module_file_close(&file);
        return status;
    }
    unsigned index = world->module_count++;
    return module_create(&world->module[index], world, index, &file, why);
}

static cloister_status read_modules(struct world *world, const char *const *paths, unsigned count,
                                    enum elf_kind kind, struct reason *why)
{
    world->module = calloc(count, sizeof *world->module);
    if (!world->module)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for %u modules", count);
    for (unsigned i = 0; i < count; i++) {
        cloister_status status = read_module(world, paths[i], kind, why);
        if (status != CLOISTER_OK)
            return status;
    }
    return CLOISTER_OK;
}

/* The machine */

static size_t choose_window(const struct world *world, const struct options *options)
{
    uint64_t wanted = options->window ? options->window : world->module_count * WINDOW_PER_MODULE;
    if (world->exec)
        wanted = CLO_PAGE_SIZE; /* a program has no channels */
    return wanted < CLO_WINDOW_SIZE_MAX ? (size_t)wanted : (size_t)CLO_WINDOW_SIZE_MAX;
}

/* Each module gets an equal part; a channel of the usual size must fit into it. */
static cloister_status check_window(const struct world *world, const struct options *options,
                                    struct reason *why)
{
    uint64_t needed = world->module_count * WINDOW_LEAST_PER_MODULE;
    if (options->window && options->window < needed)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "--window is %zu; %u modules need at least %llu bytes", options->window,
                      world->module_count, (unsigned long long)needed);
    return CLOISTER_OK;
}

static cloister_status make_machine(struct world *world, const struct options *options,
                                    struct reason *why)
{
    cloister_status checked = check_window(world, options, why);
    if (checked != CLOISTER_OK)
        return checked;
    struct machine_options wanted = {.monitor_size = MONITOR_BASE,
                                     .window_size = choose_window(world, options),
                                     .code_size = runtime_image_size(),
                                     .no_guest_memfd = options->no_guest_memfd};
    for (unsigned i = 0; i < world->module_count; i++) {
        const struct module_file *file = &world->module[i].file;
        wanted.monitor_size +=
            placement_monitor_need(&file->record, options->memory, wanted.window_size);
        wanted.code_size += (size_t)file->image_pages * CLO_PAGE_SIZE;
    }
    cloister_status status = machine_create(&world->machine, &wanted, why);
    if (status == CLOISTER_NOT_FOUND)
        return CLOISTER_UNSUPPORTED; /* it is the host that lacks something, not the caller */
    if (status != CLOISTER_OK)
        return status;
    world->machine_created = true;
    return runtime_image_add(&world->machine, &world->runtime, why);
}

static uint32_t part_of_window(const struct world *world)
{
    if (world->exec)
        return 0;
    return (uint32_t)(world->machine.window_size / CLO_PAGE_SIZE / world->module_count);
}

static cloister_status place_modules(struct world *world, const struct placement_options *options,
                                     struct reason *why)
{
    unsigned vcpu_id = 0;
    uint32_t pages = part_of_window(world);
    for (unsigned i = 0; i < world->module_count; i++) {
        cloister_status status =
            module_place(&world->module[i], options, i * pages, pages, &vcpu_id, why);
        if (status != CLOISTER_OK)
            return status;
    }
    machine_seal(&world->machine);
    return CLOISTER_OK;
}

/* Together */

static cloister_status begin(struct world *world, const struct options *options, int keeper,
                             struct reason *why)
{
    *world = (struct world){.debug = options->debug || options->mode == OPTIONS_EXEC,
                            .exec = options->mode == OPTIONS_EXEC,
                            .owner = geteuid(),
                            .keeper_pid = (uint32_t)getppid(),
                            .started_at = (uint64_t)time(NULL),
                            .spin_us = options->spin_us,
                            .runtime = {.memfd = -1},
                            .changed = -1,
                            .processes = -1};
    keeper_link_open(&world->keeper, keeper);
    world->changed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (world->changed < 0)
        return refuse_errno(why, "cannot make an eventfd");
    return CLOISTER_OK;
}

/* With one CPU a poller only keeps the other side from running. */
static void choose_spin(struct world *world, const struct options *options)
{
    cpu_set_t cpus;
    if (!options->spin_given && sched_getaffinity(0, sizeof cpus, &cpus) == 0 &&
        CPU_COUNT(&cpus) < 2)
        world->spin_us = 0;
}

static cloister_status assemble(struct world *world, const struct options *options,
                                struct reason *why)
{
    struct placement_options placing = {
        .generation = 1, .flags = options->debug ? CLO_BOOT_DEBUG : 0, .spin_us = world->spin_us};
    cloister_status status =
        read_modules(world, options->module, options->module_count, ELF_MODULE, why);
    if (status == CLOISTER_OK)
        status = make_machine(world, options, why);
    if (status == CLOISTER_OK)
        status = world_launch_tell(world, why);
    if (status == CLOISTER_OK)
        status = place_modules(world, &placing, why);
    if (status == CLOISTER_OK)
        status = world_launch_start(world, why);
    return status;
}

cloister_status world_create(struct world *world, const struct options *options, struct reason *why)
{
    cloister_status status = begin(world, options, CLO_KEEPER_DESCRIPTOR, why);
    choose_spin(world, options);
    if (!name_set(world->name, sizeof world->name, options->name))
        status = CLOISTER_BAD_ARGUMENT;
    if (status == CLOISTER_OK)
        status = assemble(world, options, why);
    if (status != CLOISTER_OK)
        world_destroy(world);
    return status;
}

cloister_status world_create_exec(struct world *world, const struct options *options,
                                  char *const *environment, struct reason *why)
{
    struct placement_options placing = {.generation = 1,
                                        .flags = CLO_BOOT_DEBUG | CLO_BOOT_EXEC,
                                        .exec_memory = options->memory,
                                        .arguments = options->arguments,
                                        .environment = environment};
    cloister_status status = begin(world, options, -1, why);
    if (status == CLOISTER_OK)
        status = read_modules(world, &options->program, 1, ELF_PROGRAM, why);
    if (status == CLOISTER_OK)
        status = make_machine(world, options, why);
    if (status == CLOISTER_OK)
        status = place_modules(world, &placing, why);
    if (status != CLOISTER_OK)
        world_destroy(world);
    return status;
}

/* Threads */

static void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void world_wait_at_gate(struct world *world)
{
    atomic_fetch_add(&world->waiting, 1);
    futex_wake(&world->waiting);
    while (atomic_load(&world->gate) == 0)
        futex_wait(&world->gate, 0);
}

static void wait_for_threads(struct world *world)
{
    uint32_t waiting;
    while ((waiting = atomic_load(&world->waiting)) < world->created)
        futex_wait(&world->waiting, waiting);
}

cloister_status world_start_threads(struct world *world, struct reason *why)
{
    cloister_status status = CLOISTER_OK;
    for (unsigned i = 0; i < world->module_count && status == CLOISTER_OK; i++) {
        status = module_start(&world->module[i], why);
        world->created += atomic_load(&world->module[i].running);
    }
    return status;
}

cloister_status world_open_gate(struct world *world, struct reason *why)
{
    wait_for_threads(world);
    bool failed = atomic_load(&world->failed);
    for (unsigned i = 0; failed && i < world->module_count; i++)
        atomic_store(&world->module[i].leaving, true);
    atomic_store(&world->gate, 1);
    futex_wake(&world->gate);
    if (failed)
        return refuse(why, CLOISTER_UNSUPPORTED, "a module thread cannot be sandboxed");
    return CLOISTER_OK;
}

bool world_started(const struct world *world)
{
    for (unsigned i = 0; i < world->module_count; i++)
        if (atomic_load(&world->module[i].state) == CLO_MODULE_STARTING)
            return false;
    return true;
}

struct module *world_dead_module(struct world *world)
{
    for (unsigned i = 0; i < world->module_count; i++)
        if (!module_alive(&world->module[i]))
            return &world->module[i];
    return NULL;
}

/* Facts */

struct module *world_find(struct world *world, const uint8_t name[CLO_NAME_SIZE])
{
    for (unsigned i = 0; i < world->module_count; i++)
        if (memcmp(world->module[i].file.name, name, CLO_NAME_SIZE) == 0)
            return &world->module[i];
    return NULL;
}

uint32_t world_isolation(const struct world *world)
{
    if (!world->machine.guest_memfd)
        return CLO_ISOLATION_MAPPED;
    return world->machine.sealed ? CLO_ISOLATION_UNREACHABLE : CLO_ISOLATION_GUEST_MEMFD;
}

static uint32_t world_state(const struct world *world)
{
    if (atomic_load(&world->stopping))
        return CLO_WORLD_STOPPING;
    return world_started(world) ? CLO_WORLD_SERVING : CLO_WORLD_STARTING;
}

void world_fill_info(struct world *world, struct clo_world_info *info)
{
    *info = (struct clo_world_info){.pid = (uint32_t)getpid(),
                                    .state = world_state(world),
                                    .isolation = world_isolation(world),
                                    .debug = world->debug,
                                    .module_count = world->module_count,
                                    .keeper = world->keeper_pid,
                                    .started_at = world->started_at};
    memcpy(info->name, world->name, sizeof info->name);
    (void)!name_set(info->kvm, sizeof info->kvm, kvm_flavour_name(world->machine.flavour));
    for (unsigned i = 0; i < world->module_count; i++)
        for (unsigned j = 0; j < world->module[i].thread_count; j++)
            info->exits +=
                __atomic_load_n(&world->module[i].thread[j].vcpu.exits, __ATOMIC_RELAXED);
}

/* The end */

static void announce_stop(struct module *module)
{
    struct clo_control *control = module->placement.control;
    __atomic_store_n(&control->stopping, 1, __ATOMIC_RELEASE);
    (void)__atomic_fetch_add(&control->epoch, 1, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < module->thread_count; i++)
        module_thread_wake(&module->thread[i]);
}

/* In a call, as its threads say. */
static bool is_busy(const struct module *module)
{
    for (unsigned i = 0; module_alive(module) && i < module->thread_count; i++)
        if (__atomic_load_n(&module->placement.mailbox[i]->progress, __ATOMIC_RELAXED) & 1)
            return true;
    return false;
}

static void let_calls_finish(const struct world *world)
{
    const struct timespec step = {.tv_nsec = STOP_STEP_NS};
    uint64_t until = world_now() + STOP_GRACE_NS;
    for (unsigned i = 0; i < world->module_count; i++)
        while (is_busy(&world->module[i]) && world_now() < until)
            (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
}

static void close_channels(struct module *module)
{
    (void)pthread_mutex_lock(&module->lock);
    if (module_alive(module))
        channels_tell(module, CLO_CHANNEL_CLOSED);
    (void)pthread_mutex_unlock(&module->lock);
}

bool world_stop(struct world *world)
{
    bool stopped = true;
    atomic_store(&world->stopping, true);
    for (unsigned i = 0; i < world->module_count; i++)
        announce_stop(&world->module[i]);
    let_calls_finish(world);
    for (unsigned i = 0; i < world->module_count; i++)
        close_channels(&world->module[i]);
    for (unsigned i = 0; i < world->module_count; i++)
        module_leave(&world->module[i]);
    keeper_link_shut(&world->keeper);
    for (unsigned i = 0; i < world->module_count; i++)
        stopped = module_join(&world->module[i]) && stopped;
    return stopped;
}

void world_destroy(struct world *world)
{
    for (unsigned i = 0; i < world->module_count; i++)
        module_destroy(&world->module[i]);
    free(world->module);
    world->module = NULL;
    world->module_count = 0;
    if (world->machine_created)
        machine_destroy(&world->machine);
    world->machine_created = false;
    runtime_image_close(&world->runtime);
    if (world->changed >= 0)
        (void)close(world->changed);
    if (world->processes >= 0)
        (void)close(world->processes);
    world->changed = world->processes = -1;
}

/*
 * From a module's file to its first reply, against the least that runs code in ring 3. Ours: read
 * and check the file, make the machine, the sealed slots and the address space, the vCPU and its
 * thread, a channel, and the call of `echo`. Reference: VM, one slot, one vCPU, first `out`. Both
 * in this process, in turn; tearing down is not timed.
 */
#include "bench/row.h"

#include "base/scope.h"
#include "bench/clock.h"
#include "bench/measured_world.h"
#include "bench/raw_kvm.h"
#include "vmm/module_file.h"
#include "vmm/vcpu.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>

#define ROUNDS 100u
#define ARENA_SIZE CLO_PAGE_SIZE
#define CHANNEL_SIZE ((uint32_t)(CLO_ARENA_OFFSET + ARENA_SIZE))
#define WINDOW_SIZE (1u << 20)
#define MONITOR_BASE (256u << 10)
#define REPLY_MOST_NS 2000000000u

static const struct row_head head = {
    .name = "start",
    .ours = "echo.mod to its first reply: file, checks, sealed slots, vCPU, thread, channel, call",
    .reference = "raw VM, one slot, one vCPU in ring 3, to its first exit",
    .unit = "us",
    .aim = ROW_AT_MOST,
    .target = 2.0,
};

/* A world of one module without its processes. */
struct small_world {
    struct module_file file;
    struct machine machine;
    struct runtime_image runtime;
    struct placement placement;
    struct vcpu vcpu;
    pthread_t thread;
    bool has_file, has_machine, has_runtime, has_placement, has_vcpu, has_thread;
    uint8_t *channel; /* in the machine's window */
    struct vcpu_exit end;
};

static struct clo_submission *submissions(const struct small_world *world)
{
    return (struct clo_submission *)(void *)(world->channel + CLO_SUBMISSIONS_OFFSET);
}

/* The second one: the first answers the opening of the session. */
static struct clo_completion *reply_of(const struct small_world *world)
{
    return (struct clo_completion *)(void *)(world->channel + CLO_COMPLETIONS_OFFSET) + 1;
}

static bool replied(const struct small_world *world)
{
    const _Atomic uint32_t *turn = (const _Atomic uint32_t *)&reply_of(world)->turn;
    return atomic_load_explicit(turn, memory_order_acquire) == 2;
}

/* The two hypercalls that echo makes on its way: RELRO, and waiting. */
static cloister_status serve(struct small_world *world, struct clo_mailbox *mailbox)
{
    mailbox->result[0] = 0;
    if (world->end.number == CLO_HC_PROTECT)
        return placement_protect(&world->placement, mailbox->argument[0], mailbox->argument[1],
                                 (uint32_t)mailbox->argument[2]);
    return world->end.number == CLO_HC_WAIT ? CLOISTER_OK : CLOISTER_UNSUPPORTED;
}

/* Runs the module until it parks after the reply, or ends. */
static void *run(void *argument)
{
    struct small_world *world = argument;
    struct clo_mailbox *mailbox = world->placement.mailbox[0];
    for (;;) {
        vcpu_run(&world->vcpu, &world->end);
        if (world->end.event != VCPU_HYPERCALL || replied(world))
            return NULL;
        mailbox->status = (uint32_t)serve(world, mailbox);
    }
}

static cloister_status build(struct small_world *world, const char *path, struct reason *why)
{
    static const struct placement_options placing = {.generation = 1, .flags = CLO_BOOT_DEBUG};
    cloister_status status = module_file_open(path, ELF_MODULE, &world->file, why);
    if (status != CLOISTER_OK)
        return status;
    world->has_file = true;
    struct machine_options options = {
        .window_size = WINDOW_SIZE,
        .monitor_size = MONITOR_BASE + placement_monitor_need(&world->file.record, 0, WINDOW_SIZE),
    };
    status = machine_create(&world->machine, &options, why);
    if (status != CLOISTER_OK)
        return status;
    world->has_machine = true;
    status = runtime_image_add(&world->machine, &world->runtime, why);
    if (status != CLOISTER_OK)
        return status;
    world->has_runtime = true;
    status = placement_create(&world->machine, &world->runtime, &world->file, &placing,
                              &world->placement, why);
    world->has_placement = status == CLOISTER_OK;
    return status;
}

static cloister_status add_vcpu(struct small_world *world, struct reason *why)
{
    struct placement *placement = &world->placement;
    cloister_status status = vcpu_create(&world->machine, 0, placement, 0, &world->vcpu, why);
    if (status != CLOISTER_OK)
        return status;
    world->has_vcpu = true;
    status = vcpu_reset(&world->vcpu, placement->entry, placement->stack, 0, why);
    if (status == CLOISTER_OK)
        machine_seal(&world->machine);
    return status;
}

static cloister_status add_channel(struct small_world *world, struct reason *why)
{
    AUTO_FD int fd = memfd_create("bench-channel", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, CHANNEL_SIZE) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return refuse_errno(why, "cannot make a channel");
    world->channel = mmap(world->machine.window, CHANNEL_SIZE, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_FIXED, fd, 0);
    if (world->channel == MAP_FAILED)
        return refuse_errno(why, "cannot map a channel");
    struct clo_channel_header *header = (struct clo_channel_header *)(void *)world->channel;
    header->magic = CLO_CHANNEL_MAGIC;
    header->abi_major = CLO_ABI_MAJOR;
    header->ring_size = CLO_RING_SIZE;
    header->arena_offset = CLO_ARENA_OFFSET;
    header->arena_size = ARENA_SIZE;
    header->generation = 1;
    struct clo_control *control = world->placement.control;
    control->slot[0] = (struct clo_channel_slot){
        .state = CLO_SLOT_LIVE, .generation = 1, .offset = 0, .size = CHANNEL_SIZE};
    control->slots = 1;
    control->epoch = 1;
    return placement_map_window(&world->placement, 0, CHANNEL_SIZE);
}

static void publish(struct clo_submission *entry, uint32_t turn)
{
    atomic_store_explicit((_Atomic uint32_t *)&entry->turn, turn, memory_order_release);
}

static void submit(struct small_world *world)
{
    struct clo_submission *open = &submissions(world)[0];
    struct clo_submission *call = &submissions(world)[1];
    open->method = CLO_METHOD_OPEN;
    call->kinds =
        (CLO_PARAM_BUFFER_IN | CLO_PARAM_INLINE) | (CLO_PARAM_BUFFER_OUT | CLO_PARAM_INLINE) << 4;
    call->inline_in = CLO_INLINE_SIZE;
    call->inline_out = CLO_INLINE_SIZE;
    memset(call->data, 'c', sizeof call->data);
    publish(open, 1);
    publish(call, 2);
}

static cloister_status wait_for_reply(const struct small_world *world, struct reason *why)
{
    uint64_t start = clock_ns();
    while (!replied(world)) {
        _mm_pause();
        if (clock_ns() - start > REPLY_MOST_NS)
            return refuse(why, CLOISTER_TIMEOUT, "echo made no reply (event %d, number %u: %s)",
                          (int)world->end.event, world->end.number, world->end.text);
    }
    const struct clo_completion *reply = reply_of(world);
    if (reply->status != CLOISTER_OK || reply->data[CLO_INLINE_SIZE - 1] != 'c')
        return refuse(why, CLOISTER_INTERNAL, "echo replied with status %u", reply->status);
    return CLOISTER_OK;
}

static cloister_status start(struct small_world *world, const char *path, struct reason *why)
{
    cloister_status status = build(world, path, why);
    if (status == CLOISTER_OK)
        status = add_vcpu(world, why);
    if (status == CLOISTER_OK)
        status = add_channel(world, why);
    if (status != CLOISTER_OK)
        return status;
    submit(world);
    if (pthread_create(&world->thread, NULL, run, world) != 0)
        return refuse(why, CLOISTER_NO_MEMORY, "cannot start a thread");
    world->has_thread = true;
    return wait_for_reply(world, why);
}

static void tear_down(struct small_world *world)
{
    if (world->has_thread)
        (void)pthread_join(world->thread, NULL);
    if (world->has_vcpu)
        vcpu_destroy(&world->vcpu);
    if (world->has_placement)
        placement_release(&world->placement);
    if (world->has_machine)
        machine_destroy(&world->machine);
    if (world->has_runtime)
        runtime_image_close(&world->runtime);
    if (world->has_file)
        module_file_close(&world->file);
}

static cloister_status our_start(const char *path, double *ticks, struct reason *why)
{
    struct small_world world = {.has_file = false};
    uint64_t begin = clock_ticks();
    cloister_status status = start(&world, path, why);
    *ticks = (double)(clock_ticks() - begin);
    if (status != CLOISTER_TIMEOUT) /* else its thread still runs, and this program ends */
        tear_down(&world);
    return status;
}

static cloister_status raw_start(double *ticks, struct reason *why)
{
    struct raw_vm vm;
    uint64_t begin = clock_ticks();
    cloister_status status = raw_vm_create(&vm, why);
    if (status == CLOISTER_OK)
        status = raw_vm_enter(&vm, why);
    *ticks = (double)(clock_ticks() - begin);
    raw_vm_destroy(&vm);
    return status;
}

cloister_status bench_start(const struct row_plan *plan, struct row *rows, unsigned *count,
                            struct reason *why)
{
    static struct row_samples samples;
    char path[PATH_MAX];
    unsigned rounds = row_rounds(plan, ROUNDS);
    double ours = 0;
    double raw = 0;
    cloister_status status = measured_world_path("modules/echo.mod", path, sizeof path, why);
    for (unsigned i = 0; i < rounds && status == CLOISTER_OK && !row_interrupted(); i++) {
        status = raw_start(&raw, why);
        if (status == CLOISTER_OK)
            status = our_start(path, &ours, why);
        if (status == CLOISTER_OK)
            row_add_ticks(plan, &samples, ours, raw, 1e-3);
    }
    row_finish(&rows[0], &head, &samples);
    *count = 1;
    return status;
}

/*
 * Puts the parts together in the world host's order.
 */
#include "bench/small_world.h"

#include "base/scope.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARENA_SIZE CLO_PAGE_SIZE
#define CHANNEL_SIZE ((uint32_t)(CLO_ARENA_OFFSET + ARENA_SIZE))
#define WINDOW_SIZE (1u << 20)
#define MONITOR_BASE (256u << 10)

static struct clo_submission *submission(const struct small_world *world, uint32_t turn)
{
    struct clo_submission *ring =
        (struct clo_submission *)(void *)(world->channel + CLO_SUBMISSIONS_OFFSET);
    return &ring[(turn - 1) % CLO_RING_SIZE];
}

static const struct clo_completion *completion(const struct small_world *world, uint32_t turn)
{
    const struct clo_completion *ring =
        (const struct clo_completion *)(void *)(world->channel + CLO_COMPLETIONS_OFFSET);
    return &ring[(turn - 1) % CLO_RING_SIZE];
}

bool small_world_replied(const struct small_world *world)
{
    const uint32_t *turn = &completion(world, world->turn)->turn;
    return atomic_load_explicit((const _Atomic uint32_t *)turn, memory_order_acquire) ==
           world->turn;
}

bool small_world_busy(const struct small_world *world)
{
    const uint64_t *progress = &world->placement.mailbox[0]->progress;
    return atomic_load_explicit((const _Atomic uint64_t *)progress, memory_order_relaxed) & 1;
}

cloister_status small_world_read(struct small_world *world, const char *path, struct reason *why)
{
    *world = (struct small_world){.has_file = false};
    cloister_status status = module_file_open(path, ELF_MODULE, &world->file, why);
    world->has_file = status == CLOISTER_OK;
    return status;
}

static cloister_status add_machine(struct small_world *world, struct reason *why)
{
    struct machine_options options = {
        .window_size = WINDOW_SIZE,
        .code_size = runtime_image_size() + (size_t)world->file.image_pages * CLO_PAGE_SIZE,
        .monitor_size = MONITOR_BASE + placement_monitor_need(&world->file.record, 0, WINDOW_SIZE),
    };
    cloister_status status = machine_create(&world->machine, &options, why);
    if (status != CLOISTER_OK)
        return status;
    world->has_machine = true;
    status = runtime_image_add(&world->machine, &world->runtime, why);
    world->has_runtime = status == CLOISTER_OK;
    return status;
}

static cloister_status add_module(struct small_world *world, struct reason *why)
{
    static const struct placement_options placing = {.generation = 1, .flags = CLO_BOOT_DEBUG};
    struct placement *placement = &world->placement;
    cloister_status status =
        placement_create(&world->machine, &world->runtime, &world->file, &placing, placement, why);
    if (status != CLOISTER_OK)
        return status;
    world->has_placement = true;
    status = vcpu_create(&world->machine, 0, placement, 0, &world->vcpu, why);
    if (status != CLOISTER_OK)
        return status;
    world->has_vcpu = true;
    status = vcpu_reset(&world->vcpu, placement->entry, placement->stack, 0, why);
    if (status == CLOISTER_OK)
        machine_seal(&world->machine);
    return status;
}

static void fill_header(struct small_world *world)
{
    struct clo_channel_header *header = (struct clo_channel_header *)(void *)world->channel;
    header->magic = CLO_CHANNEL_MAGIC;
    header->abi_major = CLO_ABI_MAJOR;
    header->ring_size = CLO_RING_SIZE;
    header->arena_offset = CLO_ARENA_OFFSET;
    header->arena_size = ARENA_SIZE;
    header->generation = 1;
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
    fill_header(world);
    struct clo_control *control = world->placement.control;
    control->slot[0] = (struct clo_channel_slot){
        .state = CLO_SLOT_LIVE, .generation = 1, .offset = 0, .size = CHANNEL_SIZE};
    control->slots = 1;
    control->epoch = 1;
    return placement_map_window(&world->placement, 0, CHANNEL_SIZE);
}

static void publish(struct small_world *world)
{
    uint32_t *turn = &submission(world, world->turn)->turn;
    atomic_store_explicit((_Atomic uint32_t *)turn, world->turn, memory_order_release);
}

static void submit_open(struct small_world *world)
{
    world->turn++;
    submission(world, world->turn)->method = CLO_METHOD_OPEN;
    publish(world);
}

cloister_status small_world_build(struct small_world *world, struct reason *why)
{
    cloister_status status = add_machine(world, why);
    if (status == CLOISTER_OK)
        status = add_module(world, why);
    if (status == CLOISTER_OK)
        status = add_channel(world, why);
    if (status == CLOISTER_OK)
        submit_open(world);
    return status;
}

void small_world_submit(struct small_world *world, uint16_t method, bool with_bytes)
{
    world->turn++;
    struct clo_submission *call = submission(world, world->turn);
    call->method = method;
    call->kinds = 0;
    if (with_bytes) {
        call->kinds = (CLO_PARAM_BUFFER_IN | CLO_PARAM_INLINE) |
                      (CLO_PARAM_BUFFER_OUT | CLO_PARAM_INLINE) << 4;
        call->inline_in = CLO_INLINE_SIZE;
        call->inline_out = CLO_INLINE_SIZE;
        memset(call->data, 'c', sizeof call->data);
    }
    publish(world);
}

/* The hypercall that a module makes on its way to its first call: RELRO. */
static cloister_status protect(struct small_world *world, struct clo_mailbox *mailbox)
{
    if (world->end.number != CLO_HC_PROTECT)
        return CLOISTER_UNSUPPORTED;
    return placement_protect(&world->placement, mailbox->argument[0], mailbox->argument[1],
                             (uint32_t)mailbox->argument[2]);
}

cloister_status small_world_enter(struct small_world *world, struct reason *why)
{
    struct clo_mailbox *mailbox = world->placement.mailbox[0];
    for (;;) {
        vcpu_run(&world->vcpu, &world->end);
        if (world->end.event == VCPU_KICKED)
            return CLOISTER_OK;
        if (world->end.event != VCPU_HYPERCALL)
            return refuse(why, CLOISTER_DEAD, "the module ended (event %d, vector %u, %s)",
                          (int)world->end.event, world->end.vector, world->end.text);
        mailbox->result[0] = CLO_WAKE_DOORBELL;
        mailbox->status = CLOISTER_OK;
        if (world->end.number == CLO_HC_WAIT)
            return CLOISTER_OK;
        mailbox->result[0] = 0;
        mailbox->status = (uint32_t)protect(world, mailbox);
    }
}

cloister_status small_world_check_reply(const struct small_world *world, struct reason *why)
{
    if (!small_world_replied(world))
        return refuse(why, CLOISTER_TIMEOUT, "the module waits without having replied");
    const struct clo_completion *reply = completion(world, world->turn);
    if (reply->status != CLOISTER_OK || reply->data[CLO_INLINE_SIZE - 1] != 'c')
        return refuse(why, CLOISTER_INTERNAL, "the module replied with status %u", reply->status);
    return CLOISTER_OK;
}

void small_world_destroy(struct small_world *world)
{
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
    *world = (struct small_world){.has_file = false};
}

/*
 * Makes, shows and withdraws channels. Who wakes whom there: channel_wake.c.
 *
 * A channel's memfd is mapped into the machine's window, which is a memory slot, and the module's
 * page tables map that part of the window. To withdraw it the mapping is replaced by zero pages:
 * the module's own mapping stays and reaches nothing of anybody.
 */
#include "vmm/channel_parts.h"
#include "vmm/channel_share.h"

#include "vmm/world.h"

#include "base/checked.h"
#include "base/log.h"
#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

cloister_status channel_size(uint32_t arena_size, uint32_t *arena, uint32_t *size,
                             struct reason *why)
{
    if (arena_size > CLO_ARENA_MAX)
        return refuse(why, CLOISTER_TOO_BIG, "arena of %u bytes wanted; at most %u are possible",
                      arena_size, CLO_ARENA_MAX);
    uint32_t wanted = arena_size ? arena_size : 1;
    *arena = (wanted + CLO_PAGE_SIZE - 1) / CLO_PAGE_SIZE * CLO_PAGE_SIZE;
    *size = (uint32_t)CLO_ARENA_OFFSET + *arena;
    return CLOISTER_OK;
}

#define LEAVE_STEP_NS 100000
#define LEAVE_STEPS 20

static_assert(CLO_ARENA_OFFSET % CLO_PAGE_SIZE == 0, "a channel is whole pages");

uint32_t channel_offset(const struct module *module, uint32_t page)
{
    return (module->window_first + page) * CLO_PAGE_SIZE;
}

uint8_t *channel_address(const struct module *module, uint32_t page)
{
    return module->world->machine.window + channel_offset(module, page);
}

cloister_status channel_make_memory(uint32_t size, int *memfd, struct reason *why)
{
    AUTO_FD int fd = memfd_create("cloister-channel", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return refuse_errno(why, "cannot make the memory of a channel");
    if (ftruncate(fd, size) != 0)
        return refuse_errno(why, "cannot size the memory of a channel to %u bytes", size);
    /* A client that could shrink it would kill the world host by SIGBUS. */
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return refuse_errno(why, "cannot seal the memory of a channel");
    *memfd = take_fd(&fd);
    return CLOISTER_OK;
}

/* The memory is fresh, all else is zero. */
void channel_fill_header(const struct module *module, unsigned slot, uint32_t arena_size)
{
    struct clo_channel_header *header = (void *)channel_address(module, module->channel[slot].page);
    header->magic = CLO_CHANNEL_MAGIC;
    header->abi_major = CLO_ABI_MAJOR;
    header->ring_size = CLO_RING_SIZE;
    header->arena_offset = CLO_ARENA_OFFSET;
    header->arena_size = arena_size;
    header->generation = module->generation;
    header->state = CLO_CHANNEL_LIVE;
    header->module_parked = 1;
}

cloister_status channel_show(struct module *module, uint32_t page, uint32_t size, int memfd,
                             uint32_t offset, struct reason *why)
{
    void *at = channel_address(module, page);
    if (mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memfd, offset) != at)
        return refuse_errno(why, "cannot map a channel of %u bytes", size);
    fair_lock_take(&module->world->memory);
    cloister_status status =
        placement_map_window(&module->placement, channel_offset(module, page), size);
    fair_lock_give(&module->world->memory);
    if (status != CLOISTER_OK)
        return refuse(why, status, "cannot show module %s a channel of %u bytes: %s",
                      module->file.name, size, cloister_status_text(status));
    return CLOISTER_OK;
}

/* Where it fails (no memory for a mapping) the module keeps the memory of a client that is gone,
   until the next channel there replaces it. */
static void withdraw(struct module *module, uint32_t page, uint32_t pages)
{
    void *at = channel_address(module, page);
    size_t size = (size_t)pages * CLO_PAGE_SIZE;
    if (mmap(at, size, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != at)
        log_error("module %s: a channel's memory cannot be withdrawn: %s", module->file.name,
                  strerror(errno));
}

/* Returns the new epoch of the control pages. */
static uint32_t changed(struct module *module)
{
    return __atomic_add_fetch(&module->placement.control->epoch, 1, __ATOMIC_RELEASE);
}

/* Tells the module's thread of the channel; its state comes last. */
static void publish(struct module *module, unsigned slot, const struct clo_caller *caller,
                    uint32_t size)
{
    struct clo_control *control = module->placement.control;
    struct clo_channel_slot *at = &control->slot[slot];
    const struct channel *channel = &module->channel[slot];
    at->generation++;
    at->offset = channel_offset(module, channel->page);
    at->size = size;
    at->caller = *caller;
    at->thread = channel->thread;
    __atomic_store_n(&at->state, CLO_SLOT_LIVE, __ATOMIC_RELEASE);
    if (control->slots < slot + 1)
        __atomic_store_n(&control->slots, slot + 1, __ATOMIC_RELEASE);
    (void)changed(module);
}

/* Under module->lock, so that a module that dies either is seen here or sees the channel. */
cloister_status channel_go_live(struct module *module, unsigned slot,
                                const struct clo_caller *caller, uint32_t size, struct reason *why)
{
    struct channel *channel = &module->channel[slot];
    (void)pthread_mutex_lock(&module->lock);
    bool alive = module_alive(module);
    if (alive) {
        void *header = channel_address(module, channel->page);
        atomic_store(&channel->header, header);
        module->channels_live++;
        publish(module, slot, caller, size);
    }
    (void)pthread_mutex_unlock(&module->lock);
    if (!alive)
        return refuse(why, CLOISTER_DEAD, "module %s has ended", module->file.name);
    module_thread_wake(&module->thread[channel->thread]);
    return CLOISTER_OK;
}

/* Has every thread acted on the control pages as they were when the channel went? */
static bool is_left(const struct module *module, const struct channel *channel)
{
    for (unsigned i = 0; i < module->thread_count; i++) {
        uint32_t epoch = __atomic_load_n(&module->placement.mailbox[i]->epoch, __ATOMIC_ACQUIRE);
        if ((int32_t)(epoch - channel->left_epoch) < 0)
            return false;
    }
    return true;
}

static void reclaim(struct module *module)
{
    for (unsigned i = 0; i < module->channel_count; i++) {
        struct channel *channel = &module->channel[i];
        if (channel->pages == 0 || channel->calls || atomic_load(&channel->header) ||
            !is_left(module, channel))
            continue;
        extents_give(&module->extents, channel->page, channel->pages);
        *channel = (struct channel){.doorbell = -1};
    }
}

static bool free_slot(const struct module *module, unsigned *slot)
{
    for (unsigned i = 0; i < module->channel_count; i++)
        if (module->channel[i].pages == 0) {
            *slot = i;
            return true;
        }
    return false;
}

/* A thread that wakes up to see that channels went needs a moment: clients that come and go fast
   should not meet BUSY for that. Bounded, because everyone else waits too. */
cloister_status channel_find_slot(struct module *module, unsigned *slot, struct reason *why)
{
    const struct timespec step = {.tv_nsec = LEAVE_STEP_NS};
    for (unsigned round = 0; round < LEAVE_STEPS; round++) {
        reclaim(module);
        if (free_slot(module, slot))
            return CLOISTER_OK;
        if (module->channels_live == module->channel_count)
            break;
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
    }
    return refuse(why, CLOISTER_BUSY, "all %u channels of module %s are taken",
                  module->channel_count, module->file.name);
}

/* The thread that serves the fewest channels. */
static unsigned choose_thread(const struct module *module)
{
    unsigned load[CLO_THREADS_MAX] = {0};
    unsigned best = 0;
    for (unsigned i = 0; i < module->channel_count; i++)
        if (atomic_load(&module->channel[i].header))
            load[module->channel[i].thread]++;
    for (unsigned i = 1; i < module->thread_count; i++)
        if (load[i] < load[best])
            best = i;
    return best;
}

cloister_status channel_reserve(struct module *module, unsigned slot, uint32_t size,
                                struct reason *why)
{
    struct channel *channel = &module->channel[slot];
    uint32_t pages = size / CLO_PAGE_SIZE;
    if (pages > module->extents.pages)
        return refuse(why, CLOISTER_TOO_BIG,
                      "a channel of %u bytes does not fit into module %s's %u bytes of window",
                      size, module->file.name, module->extents.pages * CLO_PAGE_SIZE);
    uint32_t page;
    if (!extents_take(&module->extents, pages, &page))
        return refuse(why, CLOISTER_BUSY, "module %s has no room for a channel of %u bytes now",
                      module->file.name, size);
    *channel = (struct channel){
        .page = page, .pages = pages, .thread = choose_thread(module), .doorbell = -1};
    return CLOISTER_OK;
}

void channel_unreserve(struct module *module, unsigned slot)
{
    struct channel *channel = &module->channel[slot];
    withdraw(module, channel->page, channel->pages);
    extents_give(&module->extents, channel->page, channel->pages);
    *channel = (struct channel){.doorbell = -1};
}

/* Half full: a client can take one for ever, and can do that without waiting, whatever we do to the
   eventfd; it cannot add one so. Adding one rings too. */
static int make_client_doorbell(void)
{
    const uint64_t half = 1ull << 63;
    AUTO_FD int doorbell = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK);
    if (doorbell < 0 || write(doorbell, &half, sizeof half) != sizeof half)
        return -1;
    return take_fd(&doorbell);
}

/* Several channels of a guest have the same eventfd: each watches a descriptor of its own. */
static cloister_status make_doorbell(struct module *module, struct channel *channel,
                                     const struct channel_place *place, struct reason *why)
{
    AUTO_FD int doorbell =
        place ? fcntl(place->doorbell, F_DUPFD_CLOEXEC, 3) : make_client_doorbell();
    if (doorbell < 0)
        return refuse_errno(why, "cannot make a doorbell");
    /* Never read: the client could make a read block, or leave nothing to read. Edge-triggered
       epoll reports whatever anybody takes (EPOLLOUT) or adds (EPOLLIN) without a read. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                                .data.u32 = CLO_WAKE_DOORBELL};
    if (epoll_ctl(module->thread[channel->thread].epoll, EPOLL_CTL_ADD, doorbell, &event) != 0)
        return refuse_errno(why, "cannot watch a doorbell");
    channel->doorbell = take_fd(&doorbell);
    return CLOISTER_OK;
}

static void drop_doorbell(struct module *module, struct channel *channel)
{
    if (channel->doorbell < 0)
        return;
    /* The client holds the same open file: closing ours would not end the registration. */
    (void)epoll_ctl(module->thread[channel->thread].epoll, EPOLL_CTL_DEL, channel->doorbell, NULL);
    (void)close(channel->doorbell);
    channel->doorbell = -1;
}

/* In memory of its own, which the client gets descriptors of. */
static cloister_status build_apart(struct module *module, struct channel *channel,
                                   struct channel_offer *offer, struct reason *why)
{
    AUTO_FD int memfd = -1;
    cloister_status status = channel_make_memory(offer->size, &memfd, why);
    if (status == CLOISTER_OK)
        status = make_doorbell(module, channel, NULL, why);
    if (status != CLOISTER_OK)
        return status;
    AUTO_FD int doorbell = fcntl(channel->doorbell, F_DUPFD_CLOEXEC, 3);
    if (doorbell < 0)
        return refuse_errno(why, "cannot copy a doorbell");
    status = channel_show(module, channel->page, offer->size, memfd, 0, why);
    if (status != CLOISTER_OK)
        return status;
    offer->memfd = take_fd(&memfd);
    offer->doorbell = take_fd(&doorbell);
    return CLOISTER_OK;
}

/* In a guest's memory. */
static cloister_status build_at(struct module *module, struct channel *channel,
                                const struct channel_place *place,
                                const struct channel_offer *offer, struct reason *why)
{
    cloister_status status = make_doorbell(module, channel, place, why);
    if (status == CLOISTER_OK)
        status = channel_show(module, channel->page, offer->size, place->memfd, place->offset, why);
    channel->interrupts = place->interrupts;
    channel->interrupt = place->interrupt;
    return status;
}

static cloister_status build(struct module *module, const struct clo_caller *caller,
                             const struct channel_place *place, struct channel_offer *offer,
                             struct reason *why)
{
    struct channel *channel = &module->channel[offer->slot];
    cloister_status status = place ? build_at(module, channel, place, offer, why)
                                   : build_apart(module, channel, offer, why);
    if (status != CLOISTER_OK)
        return status;
    channel_fill_header(module, offer->slot, offer->arena_size);
    return channel_go_live(module, offer->slot, caller, offer->size, why);
}

static void undo(struct module *module, struct channel_offer *made)
{
    drop_doorbell(module, &module->channel[made->slot]);
    channel_unreserve(module, made->slot);
    scope_close(&made->memfd);
    scope_close(&made->doorbell);
}

cloister_status channel_open(struct module *module, const struct clo_caller *caller,
                             uint32_t arena_size, const struct channel_place *place,
                             struct channel_offer *offer, struct reason *why)
{
    struct channel_offer made = {.memfd = -1, .doorbell = -1};
    cloister_status status = channel_size(arena_size, &made.arena_size, &made.size, why);
    if (status != CLOISTER_OK)
        return status;
    if (!module_alive(module))
        return refuse(why, CLOISTER_DEAD, "module %s has ended", module->file.name);
    status = channel_find_slot(module, &made.slot, why);
    if (status == CLOISTER_OK)
        status = channel_share_check(module, caller, made.size, why);
    if (status == CLOISTER_OK)
        status = channel_reserve(module, made.slot, made.size, why);
    if (status != CLOISTER_OK)
        return status;
    module->channel[made.slot].caller = *caller;
    status = build(module, caller, place, &made, why);
    if (status != CLOISTER_OK) {
        undo(module, &made);
        return status;
    }
    *offer = made;
    return CLOISTER_OK;
}

/* Waits until no thread is about to touch the header: a few instructions and a futex wake-up. */
static void wait_for_notifiers(const struct module *module, const struct clo_channel_header *header)
{
    for (unsigned i = 0; i < module->thread_count; i++)
        while (atomic_load(&module->thread[i].notifying) == header)
            (void)sched_yield();
}

void channel_close(struct module *module, unsigned slot, uint32_t state)
{
    struct channel *channel = &module->channel[slot];
    struct clo_channel_slot *at = &module->placement.control->slot[slot];
    (void)pthread_mutex_lock(&module->lock);
    struct clo_channel_header *header = atomic_exchange(&channel->header, NULL);
    if (header)
        module->channels_live--;
    (void)pthread_mutex_unlock(&module->lock);
    if (!header)
        return;
    __atomic_store_n(&at->state, CLO_SLOT_FREE, __ATOMIC_RELEASE);
    uint32_t epoch = changed(module);
    wait_for_notifiers(module, header);
    if (module_alive(module))
        __atomic_store_n(&header->state, state, __ATOMIC_RELEASE);
    channel_wake_other(channel, header);
    atomic_store(&channel->other, NULL);
    channel->interrupts = NULL;
    drop_doorbell(module, channel);
    withdraw(module, channel->page, channel->pages);
    channel->left_epoch = epoch;
    for (unsigned i = 0; i < module->thread_count; i++)
        module_thread_wake(&module->thread[i]);
}

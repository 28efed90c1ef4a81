/*
 * Makes, divides and empties guest memories. What a channel leaves behind is punched out of the
 * file: nobody finds it later, and memory that nobody uses goes back to the host.
 */
#include "vmm/guest_memory.h"

#include "vmm/channel_parts.h"

#include "base/checked.h"
#include "base/log.h"
#include "base/scope.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>

#define MAPPED_SIZE ((size_t)CLO_GUEST_CHANNELS_OFFSET)

static_assert(CLO_GUEST_CHANNELS_OFFSET % CLO_PAGE_SIZE == 0, "channels are whole pages");
static_assert(CLO_GUEST_CHANNELS_OFFSET < CLO_GUEST_SIZE_MIN, "there is room for channels");

unsigned guest_memory_vector(unsigned lane)
{
    return 1 + lane % (CLO_GUEST_VECTORS - 1);
}

static struct guest_memory no_memory(void)
{
    struct guest_memory none = {.memfd = -1};
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++)
        none.doorbell[i] = none.interrupt[i] = -1;
    return none;
}

static bool make_eventfds(int fds[CLO_GUEST_VECTORS])
{
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++) {
        fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fds[i] < 0)
            return false;
    }
    return true;
}

static cloister_status fill_header(struct guest_memory *memory, uint32_t number, struct reason *why)
{
    struct clo_guest_header *header = memory->header;
    uint64_t generation;
    if (getrandom(&generation, sizeof generation, 0) != sizeof generation)
        return refuse_errno(why, "no random number for the memory of a guest");
    header->magic = CLO_GUEST_MAGIC;
    header->abi_major = CLO_ABI_MAJOR;
    header->size = memory->size;
    header->lanes = CLO_GUEST_LANES;
    header->number = number;
    header->generation = generation;
    header->state = CLO_GUEST_LIVE;
    return CLOISTER_OK;
}

static cloister_status map_front(struct guest_memory *memory, struct reason *why)
{
    void *front = mmap(NULL, MAPPED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory->memfd, 0);
    if (front == MAP_FAILED)
        return refuse_errno(why, "cannot map the memory of a guest");
    memory->header = front;
    memory->lanes = (struct clo_lane *)((uint8_t *)front + CLO_GUEST_LANES_OFFSET);
    return CLOISTER_OK;
}

cloister_status guest_memory_create(struct guest_memory *memory, uint32_t size, uint32_t number,
                                    struct reason *why)
{
    *memory = no_memory();
    memory->size = size;
    cloister_status status = channel_make_memory(size, &memory->memfd, why);
    if (status == CLOISTER_OK)
        status = map_front(memory, why);
    if (status == CLOISTER_OK &&
        (!make_eventfds(memory->doorbell) || !make_eventfds(memory->interrupt)))
        status = refuse_errno(why, "cannot make the doorbells of a guest");
    if (status == CLOISTER_OK &&
        !extents_create(&memory->channels, (size - CLO_GUEST_CHANNELS_OFFSET) / CLO_PAGE_SIZE))
        status = refuse(why, CLOISTER_NO_MEMORY, "no memory for a guest");
    return status == CLOISTER_OK ? fill_header(memory, number, why) : status;
}

static bool empty(const struct guest_memory *memory, uint32_t offset, uint32_t size)
{
    return fallocate(memory->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size) == 0;
}

cloister_status guest_memory_take(struct guest_memory *memory, unsigned lane, uint32_t size,
                                  struct channel_place *place, struct reason *why)
{
    uint32_t pages = size / CLO_PAGE_SIZE;
    uint32_t page;
    if (pages > memory->channels.pages)
        return refuse(why, CLOISTER_TOO_BIG,
                      "a channel of %u bytes does not fit into the guest's memory of %u", size,
                      memory->size);
    if (!extents_take(&memory->channels, pages, &page))
        return refuse(why, CLOISTER_BUSY, "the guest's memory has no room for %u bytes now", size);
    uint32_t offset = CLO_GUEST_CHANNELS_OFFSET + page * CLO_PAGE_SIZE;
    if (!empty(memory, offset, size)) {
        extents_give(&memory->channels, page, pages);
        return refuse_errno(why, "cannot empty %u bytes of a guest's memory", size);
    }
    unsigned vector = guest_memory_vector(lane);
    *place = (struct channel_place){.memfd = memory->memfd,
                                    .offset = offset,
                                    .doorbell = memory->doorbell[vector],
                                    .interrupt = memory->interrupt[vector],
                                    .interrupts = &memory->header->interrupts};
    return CLOISTER_OK;
}

void guest_memory_give(struct guest_memory *memory, uint32_t offset, uint32_t size)
{
    if (!empty(memory, offset, size))
        log_debug("a guest's memory keeps %u bytes until they are used again", size);
    extents_give(&memory->channels, (offset - CLO_GUEST_CHANNELS_OFFSET) / CLO_PAGE_SIZE,
                 size / CLO_PAGE_SIZE);
}

void guest_memory_say_closed(struct guest_memory *memory)
{
    __atomic_store_n(&memory->header->state, CLO_GUEST_CLOSED, __ATOMIC_RELEASE);
}

void guest_memory_destroy(struct guest_memory *memory)
{
    if (memory->header)
        (void)munmap(memory->header, MAPPED_SIZE);
    scope_close(&memory->memfd);
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++) {
        scope_close(&memory->doorbell[i]);
        scope_close(&memory->interrupt[i]);
    }
    extents_destroy(&memory->channels);
    *memory = no_memory();
}

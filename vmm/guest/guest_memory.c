/*
 * One memfd behind all of the guest's memory. Must never give out a byte beyond the range that was
 * asked for and found valid.
 */
#include "vmm/guest/guest_memory.h"

#include "base/checked.h"
#include "base/scope.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

cloister_status guest_memory_create(struct guest_memory *memory, uint64_t size, struct reason *why)
{
    AUTO_FD int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return refuse_errno(why, "cannot create the guest's memory");
    if (ftruncate(fd, (off_t)size) != 0 || fcntl(fd, F_ADD_SEALS, SEALS) != 0)
        return refuse_errno(why, "cannot make %llu bytes of memory for the guest",
                            (unsigned long long)size);
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (bytes == MAP_FAILED)
        return refuse_errno(why, "cannot map %llu bytes of memory for the guest",
                            (unsigned long long)size);
    /* Fewer faults where the kernel gives huge pages to memfds; no matter where it does not. */
    (void)madvise(bytes, size, MADV_HUGEPAGE);
    (void)madvise(bytes, size, MADV_DONTDUMP);
    *memory = (struct guest_memory){.bytes = bytes,
                                    .size = size,
                                    .low = size < GUEST_MEMORY_HOLE ? size : GUEST_MEMORY_HOLE,
                                    .fd = take_fd(&fd)};
    return CLOISTER_OK;
}

void guest_memory_destroy(struct guest_memory *memory)
{
    if (!memory->bytes)
        return;
    (void)munmap(memory->bytes, memory->size);
    (void)close(memory->fd);
    *memory = (struct guest_memory){.fd = -1};
}

bool guest_memory_range(const struct guest_memory *memory, uint64_t address, uint64_t size,
                        uint8_t **bytes)
{
    uint64_t offset = address;
    uint64_t limit = memory->low;
    if (address >= GUEST_MEMORY_ABOVE) {
        offset = address - GUEST_MEMORY_ABOVE + memory->low;
        limit = memory->size;
        /* A tiny guest has nothing up there, though the offset may look valid. */
        if (memory->size == memory->low)
            return false;
    }
    if (offset >= limit || !range_within(offset, size, limit))
        return false;
    *bytes = memory->bytes + offset;
    return true;
}

bool guest_memory_read(const struct guest_memory *memory, uint64_t address, void *out, size_t size)
{
    uint8_t *bytes;
    if (!guest_memory_range(memory, address, size, &bytes))
        return false;
    memcpy(out, bytes, size);
    return true;
}

bool guest_memory_write(const struct guest_memory *memory, uint64_t address, const void *in,
                        size_t size)
{
    uint8_t *bytes;
    if (!guest_memory_range(memory, address, size, &bytes))
        return false;
    memcpy(bytes, in, size);
    return true;
}

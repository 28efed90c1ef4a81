/*
 * Serves block requests. Whatever the guest asks, only sectors of its own image are read or
 * written, and only into its own memory.
 */
#include "vmm/guest/virtio_block.h"

#include "base/checked.h"
#include "base/scope.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define SECTOR 512u
#define CLASS_STORAGE 0x010000u
#define SEGMENTS_MAX (VIRTIO_QUEUE_SIZE_MAX - 2) /* a request also has a header and a status */
#define REQUEST_MAX (1ull << 30)
#define IDENTITY "cloister"

/* A request, its framing taken off: a driver may cut it into parts as it likes. */
struct request {
    struct virtio_blk_outhdr header;
    struct iovec *data; /* in the chain: what is left for the disk to read or to write */
    unsigned count;
    uint64_t size;
    uint8_t *status;
};

/* Copies `size` bytes off the front of the readable parts. */
static bool take_front(struct virtio_chain *chain, void *out, size_t size)
{
    uint8_t *to = out;
    for (unsigned i = 0; i < chain->readable && size > 0; i++) {
        struct iovec *part = &chain->part[i];
        size_t some = part->iov_len < size ? part->iov_len : size;
        memcpy(to, part->iov_base, some);
        part->iov_base = (uint8_t *)part->iov_base + some;
        part->iov_len -= some;
        to += some;
        size -= some;
    }
    return size == 0;
}

/* Where the last writable byte is, and takes it off. */
static uint8_t *take_last(struct virtio_chain *chain)
{
    for (unsigned i = chain->readable + chain->writable; i > chain->readable; i--) {
        struct iovec *part = &chain->part[i - 1];
        if (part->iov_len > 0)
            return (uint8_t *)part->iov_base + --part->iov_len;
    }
    return NULL;
}

static bool parse(struct virtio_chain *chain, struct request *request)
{
    if (!take_front(chain, &request->header, sizeof request->header))
        return false;
    request->status = take_last(chain);
    if (!request->status)
        return false;
    bool out = request->header.type == VIRTIO_BLK_T_OUT;
    request->data = out ? chain->part : chain->part + chain->readable;
    request->count = out ? chain->readable : chain->writable;
    request->size = 0;
    for (unsigned i = 0; i < request->count; i++)
        request->size += request->data[i].iov_len;
    return true;
}

static bool is_on_disk(const struct virtio_block *disk, const struct request *request)
{
    return request->size % SECTOR == 0 && request->size <= REQUEST_MAX &&
           range_within(request->header.sector, request->size / SECTOR, disk->sectors);
}

static uint8_t transfer(const struct virtio_block *disk, const struct request *request, bool out)
{
    off_t at = (off_t)(request->header.sector * SECTOR);
    if (!is_on_disk(disk, request) || (out && disk->read_only))
        return VIRTIO_BLK_S_IOERR;
    ssize_t done = out ? pwritev(disk->image, request->data, (int)request->count, at)
                       : preadv(disk->image, request->data, (int)request->count, at);
    return done >= 0 && (uint64_t)done == request->size ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
}

static uint8_t identify(const struct request *request)
{
    char identity[VIRTIO_BLK_ID_BYTES] = IDENTITY;
    if (request->count == 0 || request->data[0].iov_len < sizeof identity)
        return VIRTIO_BLK_S_IOERR;
    memcpy(request->data[0].iov_base, identity, sizeof identity);
    return VIRTIO_BLK_S_OK;
}

static uint8_t serve(const struct virtio_block *disk, const struct request *request,
                     uint32_t *written)
{
    switch (request->header.type) {
    case VIRTIO_BLK_T_IN:
        *written = is_on_disk(disk, request) ? (uint32_t)request->size : 0;
        return transfer(disk, request, false);
    case VIRTIO_BLK_T_OUT:
        return transfer(disk, request, true);
    case VIRTIO_BLK_T_FLUSH:
        return fdatasync(disk->image) == 0 ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
    case VIRTIO_BLK_T_GET_ID:
        *written = VIRTIO_BLK_ID_BYTES;
        return identify(request);
    default:
        return VIRTIO_BLK_S_UNSUPP;
    }
}

/* Ends: the driver cannot have made more requests available than the queue has entries. */
static bool on_notified(void *of, struct virtio_queue *queue)
{
    const struct virtio_block *disk = of;
    for (unsigned i = 0; i <= queue->size; i++) {
        struct virtio_chain chain;
        struct request request;
        uint32_t written = 0;
        switch (virtio_queue_take(queue, &chain)) {
        case VIRTIO_EMPTY:
            return true;
        case VIRTIO_BROKEN:
            return false;
        case VIRTIO_TAKEN:
            break;
        }
        if (!parse(&chain, &request))
            return false;
        *request.status = serve(disk, &request, &written);
        if (!virtio_queue_return(queue, chain.head, written + 1))
            return false;
    }
    return true;
}

static cloister_status find_size(int image, const char *path, uint64_t *size, struct reason *why)
{
    struct stat st;
    if (fstat(image, &st) != 0)
        return refuse_errno(why, "--disk %.100s: cannot examine it", path);
    *size = (uint64_t)st.st_size;
    if (S_ISBLK(st.st_mode) && ioctl(image, BLKGETSIZE64, size) != 0)
        return refuse_errno(why, "--disk %.100s: cannot find its size", path);
    if ((!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) || *size < SECTOR)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "--disk %.100s: a file or block device of at least %u bytes is needed", path,
                      SECTOR);
    return CLOISTER_OK;
}

static cloister_status open_image(struct virtio_block *disk, const struct guest_disk_option *option,
                                  struct reason *why)
{
    uint64_t size;
    int mode = option->read_only ? O_RDONLY : O_RDWR;
    AUTO_FD int image = open(option->path, mode | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (image < 0)
        return refuse_errno(why, "--disk %.100s: cannot open it", option->path);
    cloister_status status = find_size(image, option->path, &size, why);
    if (status != CLOISTER_OK)
        return status;
    if (flock(image, (option->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0)
        return refuse(why, CLOISTER_BUSY,
                      "--disk %.100s: another guest has it; two may only if both read (',ro')",
                      option->path);
    disk->sectors = size / SECTOR;
    disk->read_only = option->read_only;
    disk->image = take_fd(&image);
    return CLOISTER_OK;
}

cloister_status virtio_block_create(struct virtio_block *disk,
                                    const struct guest_disk_option *option,
                                    const struct guest_memory *memory, struct interrupt_line line,
                                    struct reason *why)
{
    static const struct virtio_operations operations = {.notified = on_notified};
    *disk = (struct virtio_block){.image = -1};
    cloister_status status = open_image(disk, option, why);
    if (status != CLOISTER_OK)
        return status;
    disk->config = (struct virtio_blk_config){
        .capacity = disk->sectors, .seg_max = SEGMENTS_MAX, .blk_size = SECTOR};
    const struct virtio_kind kind = {
        .device = VIRTIO_ID_BLOCK,
        .class = CLASS_STORAGE,
        .features = 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_BLK_F_SEG_MAX |
                    1ull << VIRTIO_BLK_F_BLK_SIZE | 1ull << VIRTIO_BLK_F_FLUSH |
                    (disk->read_only ? 1ull << VIRTIO_BLK_F_RO : 0),
        .config = &disk->config,
        .config_size = sizeof disk->config};
    virtio_pci_create(&disk->pci, &kind, &operations, disk, memory, line);
    return CLOISTER_OK;
}

void virtio_block_destroy(struct virtio_block *disk)
{
    scope_close(&disk->image);
}

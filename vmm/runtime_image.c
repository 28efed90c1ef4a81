/*
 * Puts the runtime image into the machine: a sealed memfd as a code slot, and the descriptor tables
 * that lead exceptions to its stub.
 */
#include "vmm/runtime_image.h"

#include "abi/hypercall.h"
#include "base/scope.h"
#include "secure-world/monitor/monitor.h"
#include "vmm/descriptors.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

static_assert(CLO_HYPERCALL_PORT_NUMBER == CLO_HYPERCALL_PORT, "port");
static_assert(CLO_MONITOR_PORT_NUMBER == CLO_MONITOR_PORT, "port");
static_assert(CLO_VA_RUNTIME_NUMBER == CLO_VA_RUNTIME, "address");
static_assert(CLO_VA_PERSONALITY_NUMBER == CLO_VA_PERSONALITY, "address");
static_assert(CLO_HC_EXIT_NUMBER == CLO_HC_EXIT, "number");

extern const uint8_t runtime_blob[];
extern const uint8_t runtime_blob_end[];

size_t runtime_image_size(void)
{
    return (size_t)(runtime_blob_end - runtime_blob);
}

static int sealed_copy(const uint8_t *bytes, size_t size)
{
    AUTO_FD int fd = memfd_create("cloister-runtime", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || fcntl(fd, F_ADD_SEALS, seals) != 0)
        return -1;
    return take_fd(&fd);
}

static cloister_status add(struct machine *machine, struct runtime_image *image, struct reason *why)
{
    image->memfd = sealed_copy(runtime_blob, image->size);
    if (image->memfd < 0)
        return refuse_errno(why, "cannot make a sealed copy of the runtime image");
    const uint8_t *mapping;
    cloister_status status =
        machine_add_code(machine, image->memfd, image->size, &image->gpa, &mapping, why);
    if (status != CLOISTER_OK)
        return status;
    if (!descriptors_create(machine, &image->tables))
        return refuse(why, CLOISTER_NO_MEMORY, "the monitor slot is full");
    return CLOISTER_OK;
}

cloister_status runtime_image_add(struct machine *machine, struct runtime_image *image,
                                  struct reason *why)
{
    uint64_t text_size;
    memcpy(&text_size, runtime_blob + MONITOR_TEXT_SIZE_OFFSET, sizeof text_size);
    *image = (struct runtime_image){
        .memfd = -1, .size = runtime_image_size(), .text_size = (size_t)text_size};
    cloister_status status = add(machine, image, why);
    if (status != CLOISTER_OK)
        runtime_image_close(image);
    return status;
}

void runtime_image_close(struct runtime_image *image)
{
    if (image->memfd >= 0)
        (void)close(image->memfd);
    *image = (struct runtime_image){.memfd = -1};
}

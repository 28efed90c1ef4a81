/*
 * Fuzzes what a driver writes into a disk's queue: descriptors, rings and requests. The input is
 * memory around the queue; the disk is notified after each part of it.
 */
#include "vmm/guest/virtio_block.h"

#include "base/cursor.h"

#include <linux/virtio_config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_SIZE GUEST_MEMORY_MIN
#define DISK_SIZE 65536
#define QUEUE_AT 0x1000u
#define QUEUE_SIZE 16u
#define PART_SIZE 1024u

static struct guest_memory memory;
static struct virtio_block disk;
static char image[64];
static int image_fd;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void set_line(void *controller, unsigned line, unsigned source, bool level)
{
    (void)controller;
    (void)line;
    (void)source;
    (void)level;
}

static void prepare(void)
{
    struct reason why;
    if (guest_memory_create(&memory, MEMORY_SIZE, &why) != CLOISTER_OK)
        abort();
    image_fd = memfd_create("disk", MFD_CLOEXEC);
    if (image_fd < 0 || ftruncate(image_fd, DISK_SIZE) != 0)
        abort();
    (void)snprintf(image, sizeof image, "/proc/self/fd/%d", image_fd);
}

/* A driver that has set the device up as it should. */
static void start(void)
{
    const struct guest_disk_option option = {.path = image};
    const struct interrupt_line line = {.set = set_line, .line = 11};
    struct reason why;
    if (virtio_block_create(&disk, &option, &memory, line, &why) != CLOISTER_OK)
        abort();
    disk.pci.function.config[PCI_COMMAND] = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
    disk.pci.status = VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK;
    disk.pci.queue.size = QUEUE_SIZE;
    disk.pci.queue.descriptors = QUEUE_AT;
    disk.pci.queue.available = QUEUE_AT + QUEUE_SIZE * 16;
    disk.pci.queue.used = QUEUE_AT + QUEUE_SIZE * 16 + 64;
    if (!virtio_queue_enable(&disk.pci.queue))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct stat st;
    struct cursor cursor = cursor_over(bytes, size);
    if (!memory.bytes)
        prepare();
    start();
    memset(memory.bytes + QUEUE_AT, 0, PART_SIZE);
    while (cursor_left(&cursor) > 0) {
        size_t some = cursor_left(&cursor) < PART_SIZE ? cursor_left(&cursor) : PART_SIZE;
        if (!cursor_copy(&cursor, memory.bytes + QUEUE_AT, some))
            abort();
        disk.pci.function.operations->write(&disk.pci, 0, 0x3000, 2, 0);
        (void)disk.pci.function.operations->read(&disk.pci, 0, 0x1000, 1);
    }
    /* The image keeps its size, whatever was asked. */
    if (fstat(image_fd, &st) != 0 || st.st_size != DISK_SIZE)
        abort();
    virtio_block_destroy(&disk);
    return 0;
}

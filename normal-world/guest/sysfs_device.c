/*
 * Finds and maps mailbox devices. sysfs is the guest's own kernel: trusted, but a device may be any
 * other that has the same number.
 */
#include "normal-world/guest/sysfs_device.h"

#include "abi/guest.h"
#include "base/scope.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PAGE 4096u
#define UDEV_RULE                                                                                  \
    "SUBSYSTEM==\"pci\", ATTR{vendor}==\"0x1af4\", ATTR{device}==\"0x1110\", "                     \
    "RUN+=\"/bin/sh -c 'cd /sys%p && chgrp cloister resource[02] && chmod g+rw resource[02]'\""

static cloister_status path_of(const struct sysfs_places *places, const char *address,
                               const char *file, char *path, struct reason *why)
{
    int length = snprintf(path, PATH_MAX, "%s/%s/%s", places->devices, address, file);
    if (length < 0 || length >= PATH_MAX)
        return refuse(why, CLOISTER_TOO_BIG, "path of device %s is too long", address);
    return CLOISTER_OK;
}

/* The number at the start of one of the device's small files. */
static bool read_number(const struct sysfs_places *places, const char *address, const char *file,
                        uint64_t *number)
{
    char path[PATH_MAX], text[64], *end;
    if (path_of(places, address, file, path, NULL) != CLOISTER_OK)
        return false;
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (got <= 0)
        return false;
    text[got] = '\0';
    *number = strtoull(text, &end, 16);
    return end != text;
}

static bool is_mailbox(const struct sysfs_places *places, const char *address)
{
    uint64_t vendor, device;
    return read_number(places, address, "vendor", &vendor) && vendor == CLO_GUEST_PCI_VENDOR &&
           read_number(places, address, "device", &device) && device == CLO_GUEST_PCI_DEVICE;
}

static int by_address(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void close_folder(DIR **folder)
{
    if (*folder)
        (void)closedir(*folder);
}

cloister_status sysfs_device_find(const struct sysfs_places *places, struct sysfs_devices *found,
                                  struct reason *why)
{
    __attribute__((cleanup(close_folder))) DIR *folder = opendir(places->devices);
    if (!folder)
        return refuse_errno(why, "no PCI devices to look at: cannot list %s", places->devices);
    found->count = 0;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        size_t length = strlen(entry->d_name);
        if (length >= SYSFS_ADDRESS_SIZE || entry->d_name[0] == '.' ||
            found->count == SYSFS_DEVICES_MAX || !is_mailbox(places, entry->d_name))
            continue;
        memcpy(found->address[found->count++], entry->d_name, length + 1);
    }
    if (found->count == 0)
        return refuse(why, CLOISTER_NOT_FOUND, "no mailbox device %04x:%04x in this guest",
                      CLO_GUEST_PCI_VENDOR, CLO_GUEST_PCI_DEVICE);
    qsort(found->address, found->count, sizeof found->address[0], by_address);
    return CLOISTER_OK;
}

/* Mapping */

static cloister_status refuse_open(const char *path, struct reason *why)
{
    if (errno != EACCES)
        return refuse_errno(why, "cannot open %s", path);
    return refuse(why, CLOISTER_DENIED, "no right to %s; this udev rule gives it to a group: %s",
                  path, UDEV_RULE);
}

static cloister_status refuse_map(const char *path, struct reason *why)
{
    if (errno != EPERM)
        return refuse_errno(why, "cannot map %s", path);
    return refuse(why, CLOISTER_UNSUPPORTED,
                  "%s must not be mapped: the guest's kernel is locked down, as Secure Boot makes "
                  "it",
                  path);
}

/* Opens and maps one of the device's memories. */
static cloister_status map_file(const char *path, size_t size, int *file, void **bytes,
                                struct reason *why)
{
    AUTO_FD int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return refuse_open(path, why);
    void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        return refuse_map(path, why);
    *bytes = mapped;
    *file = take_fd(&fd);
    return CLOISTER_OK;
}

static cloister_status size_of(const char *path, size_t *size, struct reason *why)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return refuse_errno(why, "the device lacks %s", path);
    if (st.st_size < (off_t)CLO_GUEST_SIZE_MIN || st.st_size > (off_t)CLO_GUEST_SIZE_MAX)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "%s has %lld bytes; the memory of a world's mailbox has %u to %u", path,
                      (long long)st.st_size, CLO_GUEST_SIZE_MIN, CLO_GUEST_SIZE_MAX);
    *size = (size_t)st.st_size;
    return CLOISTER_OK;
}

static cloister_status map_memory(const struct sysfs_places *places, const char *address,
                                  struct sysfs_mapping *mapping, struct reason *why)
{
    char path[PATH_MAX];
    void *bytes;
    cloister_status status = path_of(places, address, "resource2", path, why);
    if (status == CLOISTER_OK)
        status = size_of(path, &mapping->size, why);
    if (status == CLOISTER_OK)
        status = map_file(path, mapping->size, &mapping->file, &bytes, why);
    if (status != CLOISTER_OK)
        return status;
    mapping->bytes = bytes;
    /* What passes through the arenas belongs in no core file. */
    (void)madvise(bytes, mapping->size, MADV_DONTDUMP);
    return CLOISTER_OK;
}

/* The registers are smaller than a page, and may begin anywhere in one. */
static cloister_status map_registers(const struct sysfs_places *places, const char *address,
                                     struct sysfs_mapping *mapping, struct reason *why)
{
    char path[PATH_MAX];
    uint64_t start;
    cloister_status status = path_of(places, address, "resource0", path, why);
    if (status != CLOISTER_OK)
        return status;
    if (!read_number(places, address, "resource", &start) ||
        start % PAGE + CLO_GUEST_REGISTERS_SIZE > PAGE || start % sizeof(uint32_t) != 0)
        return refuse(why, CLOISTER_BAD_FORMAT, "device %s has no registers where they should be",
                      address);
    AUTO_FD int file = -1;
    status = map_file(path, PAGE, &file, &mapping->register_pages, why);
    if (status != CLOISTER_OK)
        return status;
    mapping->register_pages_size = PAGE;
    mapping->registers =
        (volatile uint32_t *)((uintptr_t)mapping->register_pages + (uintptr_t)(start % PAGE));
    return CLOISTER_OK;
}

cloister_status sysfs_device_map(const struct sysfs_places *places, const char *address,
                                 struct sysfs_mapping *mapping, struct reason *why)
{
    struct sysfs_mapping fresh = {.file = -1};
    cloister_status status = map_memory(places, address, &fresh, why);
    if (status == CLOISTER_OK)
        status = map_registers(places, address, &fresh, why);
    if (status != CLOISTER_OK) {
        sysfs_device_unmap(&fresh);
        return status;
    }
    *mapping = fresh;
    return CLOISTER_OK;
}

void sysfs_device_unmap(struct sysfs_mapping *mapping)
{
    if (mapping->bytes)
        (void)munmap(mapping->bytes, mapping->size);
    if (mapping->register_pages)
        (void)munmap(mapping->register_pages, mapping->register_pages_size);
    if (mapping->file >= 0)
        (void)close(mapping->file);
    *mapping = (struct sysfs_mapping){.file = -1};
}

/*
 * From files to a guest's memory. Must never read a file twice: what it measures is the very copy
 * that the guest gets.
 */
#include "vmm/guest/boot.h"

#include "vmm/guest/digest.h"

#include "base/file.h"
#include "base/scope.h"

#include <stdio.h>
#include <string.h>

/* What this machine has and lacks: PICs, one processor, a reset that ends it. */
#define OUR_COMMAND_LINE                                                                           \
    "console=ttyS0 panic=-1 reboot=t pci=conf1 nosmp noapic no_timer_check "                       \
    "tsc=reliable 8250.nr_uarts=1 random.trust_cpu=on"

/* Among the kernel's own words; those behind "--" are its first program's. */
static bool names_root(const char *line)
{
    static const char spaces[] = " \t\n";
    for (;;) {
        line += strspn(line, spaces);
        size_t length = strcspn(line, spaces);
        if (length == 0 || (length == 2 && memcmp(line, "--", length) == 0))
            return false;
        if (strncmp(line, "root=", strlen("root=")) == 0)
            return true;
        line += length;
    }
}

static cloister_status compose_line(const struct guest_options *options, char *line, size_t size,
                                    struct reason *why)
{
    const char *root = "";
    if (options->disk_count > 0 && !names_root(options->command_line))
        root = options->disk[0].read_only ? " root=/dev/vda ro" : " root=/dev/vda rw";
    int length = snprintf(line, size, "%s%s%s%s", OUR_COMMAND_LINE, root,
                          *options->command_line ? " " : "", options->command_line);
    if (length < 0 || (size_t)length >= size)
        return refuse(why, CLOISTER_TOO_BIG,
                      "--cmdline has %zu characters; with ours at most %zu are possible",
                      strlen(options->command_line), size - 1);
    return CLOISTER_OK;
}

/* Names the option in front of what was wrong with its file. */
static cloister_status blame(const char *option, const char *path, cloister_status status,
                             struct reason *why)
{
    struct reason inner = *why;
    return refuse(why, status, "%s %.100s: %s", option, path, inner.text);
}

static cloister_status read_file(const char *option, const char *path, size_t most, uint8_t **file,
                                 size_t *size, struct reason *why)
{
    cloister_status status = file_read(path, most, file, size, why);
    struct reason inner = *why;
    return status == CLOISTER_OK ? status : refuse(why, status, "%s: %s", option, inner.text);
}

static cloister_status place_kernel(const struct guest_options *options,
                                    const struct guest_memory *memory, struct kernel_image *image,
                                    struct boot *boot, struct reason *why)
{
    AUTO_FREE uint8_t *file = NULL;
    size_t size;
    cloister_status status =
        read_file("--kernel", options->kernel, KERNEL_IMAGE_MAX, &file, &size, why);
    if (status != CLOISTER_OK)
        return status;
    status = kernel_image_place(file, size, memory, image, why);
    if (status != CLOISTER_OK)
        return blame("--kernel", options->kernel, status, why);
    boot->entry = image->entry;
    digest_sha384(file, size, boot->measured.kernel);
    return CLOISTER_OK;
}

static cloister_status place_initrd(const struct guest_options *options,
                                    const struct guest_memory *memory,
                                    const struct kernel_image *image, struct boot_initrd *initrd,
                                    struct boot *boot, struct reason *why)
{
    AUTO_FREE uint8_t *file = NULL;
    size_t size;
    *initrd = (struct boot_initrd){0};
    if (!options->initrd)
        return CLOISTER_OK;
    cloister_status status = read_file("--initrd", options->initrd, memory->low, &file, &size, why);
    if (status != CLOISTER_OK)
        return status;
    status = boot_initrd_place(file, size, image, memory, initrd, why);
    if (status != CLOISTER_OK)
        return blame("--initrd", options->initrd, status, why);
    digest_sha384(file, size, boot->measured.initrd);
    return CLOISTER_OK;
}

cloister_status boot_prepare(const struct guest_options *options, const struct guest_memory *memory,
                             struct boot *boot, struct reason *why)
{
    struct kernel_image image;
    struct boot_initrd initrd;
    *boot = (struct boot){.measured.magic = CLO_GUEST_MEASURED_MAGIC};
    cloister_status status =
        compose_line(options, boot->command_line, sizeof boot->command_line, why);
    if (status == CLOISTER_OK)
        status = place_kernel(options, memory, &image, boot, why);
    if (status == CLOISTER_OK)
        status = place_initrd(options, memory, &image, &initrd, boot, why);
    if (status == CLOISTER_OK)
        status = boot_params_write(&image, &initrd, boot->command_line, memory, why);
    if (status == CLOISTER_OK)
        digest_sha384(boot->command_line, strlen(boot->command_line), boot->measured.command_line);
    return status;
}

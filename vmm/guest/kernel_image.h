/*
 * Places a kernel in a guest's memory: a bzImage (64-bit boot protocol, Linux'
 * Documentation/arch/x86/boot.rst) or an ELF vmlinux. The file is hostile.
 */
#ifndef GUEST_KERNEL_IMAGE_H
#define GUEST_KERNEL_IMAGE_H

#include "vmm/guest/guest_memory.h"

#include <asm/bootparam.h>

#define KERNEL_IMAGE_MAX (512u << 20) /* bytes of a file */

struct kernel_image {
    uint64_t entry;
    uint64_t start; /* what it needs for itself: nothing else may be put there */
    uint64_t end;
    uint32_t command_line_max; /* characters it accepts */
    uint64_t initrd_max;       /* last address that an initrd may use */
    struct setup_header setup; /* for the zero page */
};

/* Checks and places it. BAD_FORMAT: no kernel, truncated, none for 64 bits; TOO_BIG: the guest has
   too little memory. */
CLOISTER_MUST_USE cloister_status kernel_image_place(const uint8_t *file, size_t size,
                                                     const struct guest_memory *memory,
                                                     struct kernel_image *image,
                                                     struct reason *why);

#endif

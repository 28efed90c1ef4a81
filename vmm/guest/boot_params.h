/*
 * What the first vCPU finds below 1 MiB: the zero page, the command line, page tables and a GDT,
 * as the 64-bit boot protocol wants them.
 */
#ifndef GUEST_BOOT_PARAMS_H
#define GUEST_BOOT_PARAMS_H

#include "vmm/guest/kernel_image.h"

/* Guest physical addresses. */
#define BOOT_GDT 0x500u
#define BOOT_ZERO_PAGE 0x7000u
#define BOOT_STACK 0x8ff0u
#define BOOT_PAGE_TABLES 0x9000u /* six pages */
#define BOOT_COMMAND_LINE 0x20000u
#define BOOT_COMMAND_LINE_MAX 4095u

/* Selectors that the protocol fixes, and the GDT's size. */
#define BOOT_CODE 0x10u
#define BOOT_DATA 0x18u
#define BOOT_GDT_SIZE 0x20u

struct boot_initrd {
    uint64_t address;
    uint64_t size;
};

/* Puts the initrd as high in low memory as the kernel permits, away from the kernel. TOO_BIG: no
   room. */
CLOISTER_MUST_USE cloister_status boot_initrd_place(const uint8_t *file, size_t size,
                                                    const struct kernel_image *image,
                                                    const struct guest_memory *memory,
                                                    struct boot_initrd *initrd, struct reason *why);

/* Writes everything. TOO_BIG: the command line is longer than the kernel takes. */
CLOISTER_MUST_USE cloister_status boot_params_write(const struct kernel_image *image,
                                                    const struct boot_initrd *initrd,
                                                    const char *command_line,
                                                    const struct guest_memory *memory,
                                                    struct reason *why);

#endif

/*
 * Reads, measures and places everything that a guest boots from.
 */
#ifndef GUEST_BOOT_H
#define GUEST_BOOT_H

#include "vmm/guest/boot_params.h"
#include "vmm/guest/options.h"

#include "abi/guest.h"

struct boot {
    uint64_t entry;
    struct clo_guest_measured measured;
    char command_line[BOOT_COMMAND_LINE_MAX + 1];
};

/* Each file is read once; what is measured is what was placed. */
CLOISTER_MUST_USE cloister_status boot_prepare(const struct guest_options *options,
                                               const struct guest_memory *memory, struct boot *boot,
                                               struct reason *why);

#endif

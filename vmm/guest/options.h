/*
 * Command line of the guest VMM. Comes from the `cloister guest` command, which passes on what its
 * user wrote.
 */
#ifndef GUEST_OPTIONS_H
#define GUEST_OPTIONS_H

#include "base/reason.h"

#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_DISKS_MAX 8u
#define OPTIONS_MEMORY_DEFAULT (512ull << 20)

struct guest_disk_option {
    char *path;
    bool read_only;
};

struct guest_options {
    bool help;
    bool bad_value; /* what is refused is an option's value, not the usage */
    const char *kernel;
    const char *initrd;       /* NULL: none */
    const char *command_line; /* "": only ours */
    const char *world;        /* path of a world's guest socket; NULL: none */
    uint64_t memory;          /* bytes, whole pages */
    struct guest_disk_option disk[OPTIONS_DISKS_MAX];
    unsigned disk_count;
};

extern const char guest_options_help[];

/* Parses and checks; points into argv, whose words it may cut. BAD_ARGUMENT: which option, its
   value, what would be right. */
CLOISTER_MUST_USE cloister_status guest_options_parse(int argc, char **argv,
                                                      struct guest_options *options,
                                                      struct reason *why);

#endif

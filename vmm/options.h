/*
 * Command line of the world host. Written by the keeper or the `cloister` command, but checked as
 * if anyone had written it.
 */
#ifndef VMM_OPTIONS_H
#define VMM_OPTIONS_H

#include "abi/layout.h"
#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>

enum options_mode {
    OPTIONS_WORLD, /* serve modules */
    OPTIONS_EXEC,  /* run one static program and end with it */
    OPTIONS_PROBE, /* say which mechanisms work here */
    OPTIONS_HELP,
};

#define OPTIONS_SPIN_DEFAULT_US 100u
#define OPTIONS_SPIN_MAX_US 1000000u
#define OPTIONS_SPIN_ALWAYS 0xffffffffu
#define OPTIONS_EXEC_MEMORY_DEFAULT (64ull << 20)
#define OPTIONS_EXEC_MEMORY_MIN (1ull << 20)
#define OPTIONS_EXEC_MEMORY_MAX (16ull << 30)
#define OPTIONS_WINDOW_MIN (1ull << 20)

struct options {
    enum options_mode mode;
    bool verbose;
    bool no_guest_memfd;
    /* OPTIONS_WORLD */
    const char *name;
    bool debug;
    bool spin_given;
    uint32_t spin_us;
    size_t window;            /* bytes; 0: as many as the modules are worth */
    int ready_fd;             /* -1: none */
    const char *guest_socket; /* NULL: no guests */
    uint32_t guest_memory;    /* bytes each */
    const char *module[CLO_MODULES_MAX];
    unsigned module_count;
    /* OPTIONS_EXEC */
    const char *program;
    size_t memory;
    char **arguments; /* NULL-terminated, of argv */
    /* OPTIONS_PROBE */
    bool json;
};

extern const char options_help[];

/* Parses and checks; points into argv. BAD_ARGUMENT: which option, its value, what would be
   right. */
CLOISTER_MUST_USE cloister_status options_parse(int argc, char **argv, struct options *options,
                                                struct reason *why);

#endif

/*
 * A machine with payload modules in it, put together as a world does: for tests below the level of
 * worlds.
 */
#ifndef TESTS_PLACED_MODULE_H
#define TESTS_PLACED_MODULE_H

#include "tests/payload/machine.h"
#include "vmm/vcpu.h"

struct placed_module {
    struct module_file file;
    struct placement placement;
    struct vcpu vcpu[2];
};

#define PLACED_MODULES 2u

/* Where a payload's first stack and its heap lie. */
#define PLACED_WINDOW (1u << 20)
#define PLACED_STACK CLO_VA_FIRST_STACK(PLACED_WINDOW)
#define PLACED_HEAP CLO_VA_HEAP(PLACED_WINDOW, PAYLOAD_STACK)

struct placed_machine {
    struct machine machine;
    struct runtime_image runtime;
    struct placed_module module[PLACED_MODULES];
    unsigned modules;
};

/* Makes the machine and one module for each command; a command is the payload's arguments. Fails
   the test if it cannot. */
void placed_machine_start(struct placed_machine *placed, bool no_guest_memfd,
                          char *const *const *command, unsigned modules);

/* One module that does `what` with `value`, on its thread 0. */
void placed_machine_start_one(struct placed_machine *placed, bool no_guest_memfd, const char *what,
                              uint64_t value);

void placed_machine_end(struct placed_machine *placed);

/* Prints why and returns false where there is no /dev/kvm to test with. */
bool placed_machine_possible(void);

#endif

/*
 * The guest's processor: starts at a kernel's 64-bit entry, gives every access to a port or to
 * memory that is none to the bus, and says how the guest ended.
 */
#ifndef GUEST_VCPU_H
#define GUEST_VCPU_H

#include "vmm/guest/bus.h"
#include "vmm/guest/guest_machine.h"

enum vcpu_end {
    VCPU_RESET,     /* it rebooted: reset port or triple fault */
    VCPU_POWER_OFF, /* it switched itself off */
    VCPU_HALTED,    /* it halted with interrupts off: nothing can wake it */
    VCPU_FAILED,    /* KVM cannot go on with it */
};

/* Sets the vCPU up to start at `entry` with what boot_params_write wrote. */
CLOISTER_MUST_USE cloister_status vcpu_prepare(struct guest_machine *machine, uint64_t entry,
                                               struct reason *why);

/* Runs until the guest ends. A signal to the thread makes it look whether the guest has halted for
   good. */
enum vcpu_end vcpu_run(struct guest_machine *machine, struct bus *bus, struct reason *why);

#endif

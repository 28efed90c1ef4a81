/*
 * A vCPU: starts in ring 3, runs until something happens, and says what. Every exit that is not
 * exactly the hypercall is a fault. No ioctl but KVM_RUN on the way of a hypercall.
 */
#ifndef VMM_VCPU_H
#define VMM_VCPU_H

#include "vmm/placement.h"

#include <signal.h>

struct vcpu {
    int fd;
    struct kvm_run *run; /* shared with the kernel: read once, never trusted */
    size_t run_size;
    struct placement *placement;
    unsigned thread;
    uint64_t root; /* CR3 in force */
    uint64_t exits;
    uint64_t xcr0;
    bool umip;
    enum kvm_flavour flavour;
    volatile sig_atomic_t kicked; /* vcpu_kick has been called since the last VCPU_KICKED */
    bool broken;                  /* never resumed: only reset for the wipe */
};

enum vcpu_event {
    VCPU_HYPERCALL, /* number */
    VCPU_FAULT,     /* vector, error, rip, address */
    VCPU_KICKED,    /* a signal or vcpu_kick */
    VCPU_BROKEN,    /* an exit that must not happen: text says which */
};

struct vcpu_exit {
    enum vcpu_event event;
    uint32_t number; /* hypercall */
    uint32_t vector; /* fault */
    uint64_t error;
    uint64_t rip;     /* of the instruction */
    uint64_t address; /* fault 14: CR2 */
    char text[96];
};

/* Makes vCPU `id` (unique in the machine) for a thread of the placement, with its start registers
   still to be set. Before machine_seal. */
CLOISTER_MUST_USE cloister_status vcpu_create(struct machine *machine, unsigned id,
                                              struct placement *placement, unsigned thread,
                                              struct vcpu *vcpu, struct reason *why);

/* Sets the general registers to where the module starts: RIP, RSP, RDI, all else zero. */
CLOISTER_MUST_USE cloister_status vcpu_reset(struct vcpu *vcpu, uint64_t rip, uint64_t rsp,
                                             uint64_t rdi, struct reason *why);

/* Sets segments, control registers and descriptor tables to their start values, with vcpu->root. */
CLOISTER_MUST_USE cloister_status vcpu_set_system_registers(struct vcpu *vcpu, struct reason *why);

/* Runs until an event. Uses placement->table.root: if it changed, completes the pending exit and
   loads it first. */
void vcpu_run(struct vcpu *vcpu, struct vcpu_exit *exit);

/* Lets the kernel finish the instruction of the last exit without running another: some KVMs hold
   it back until the next run, and would finish it over registers that are set now. */
void vcpu_complete_exit(struct vcpu *vcpu);

/* Makes the vCPU leave KVM_RUN soon: from a signal handler on its own thread. */
void vcpu_kick(struct vcpu *vcpu);

/* Zeroes all memory that the module has written, on the thread that ran the vCPU while no other
   vCPU of the module runs: by the runtime's wipe routine, or through the mapping where there is
   one. The placement is dead afterwards. IO: it could not; text in `why`. */
CLOISTER_MUST_USE cloister_status vcpu_wipe(struct vcpu *vcpu, struct reason *why);

void vcpu_destroy(struct vcpu *vcpu);

#endif

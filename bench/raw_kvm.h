/*
 * The least that runs code in ring 3 on KVM: one VM, one memory slot, one vCPU, one loop of `out`.
 * No walls, no checks: what Cloister is compared with.
 */
#ifndef BENCH_RAW_KVM_H
#define BENCH_RAW_KVM_H

#include "base/reason.h"

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

struct raw_vm {
    int kvm;
    int vm;
    int vcpu;
    uint8_t *memory;
    struct kvm_run *run;
    size_t run_size;
};

/* What raw_vm_destroy may be given. */
#define RAW_VM_NONE                                                                                \
    {                                                                                              \
        .kvm = -1, .vm = -1, .vcpu = -1, .memory = MAP_FAILED, .run = MAP_FAILED                   \
    }

/* Makes the VM; its vCPU stands before the loop's first `out`. The caller ends with
   raw_vm_destroy, also after a failure. */
CLOISTER_MUST_USE cloister_status raw_vm_create(struct raw_vm *vm, struct reason *why);

/* Reads a file into the VM's memory; what does not fit is left. */
CLOISTER_MUST_USE cloister_status raw_vm_populate(struct raw_vm *vm, const char *path,
                                                  struct reason *why);

/* The vCPU is to loop for ever instead, until a signal ends KVM_RUN. */
void raw_vm_run_away(struct raw_vm *vm);

/* One KVM_RUN: to the next `out` and back. IO: any other exit. */
CLOISTER_MUST_USE cloister_status raw_vm_enter(struct raw_vm *vm, struct reason *why);

/* One KVM_RUN that only a signal ends. */
CLOISTER_MUST_USE cloister_status raw_vm_enter_until_signal(struct raw_vm *vm, struct reason *why);

void raw_vm_destroy(struct raw_vm *vm);

#endif

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

struct raw_vm {
    int kvm;
    int vm;
    int vcpu;
    uint8_t *memory;
    struct kvm_run *run;
    size_t run_size;
};

/* Makes the VM; its vCPU stands before the loop's first `out`. The caller ends with
   raw_vm_destroy, also after a failure. */
CLOISTER_MUST_USE cloister_status raw_vm_create(struct raw_vm *vm, struct reason *why);

/* One KVM_RUN: to the next `out` and back. IO: any other exit. */
CLOISTER_MUST_USE cloister_status raw_vm_enter(struct raw_vm *vm, struct reason *why);

void raw_vm_destroy(struct raw_vm *vm);

#endif

/*
 * The virtual machine of a guest: memory slots, interrupt controllers, one vCPU, and the eventfds
 * that KVM itself serves. Knows no device.
 */
#ifndef GUEST_MACHINE_H
#define GUEST_MACHINE_H

#include "vmm/guest/guest_memory.h"

#include <linux/kvm.h>

#define GUEST_MACHINE_IRQS 16u

/* Slots of guest memory; further ones are devices'. */
enum guest_slot { GUEST_SLOT_LOW, GUEST_SLOT_HIGH, GUEST_SLOT_MAILBOX };

struct guest_machine {
    int kvm;
    int vm;
    int vcpu;
    struct kvm_run *run;
    size_t run_size;
    /* Per IRQ, which sources hold it high. Each IRQ belongs to one thread or to a device's lock. */
    uint32_t high[GUEST_MACHINE_IRQS];
};

/* A doorbell: a write of `value` (32 bits) at `address` signals `fd` without leaving the kernel. */
struct guest_doorbell {
    uint64_t address;
    uint32_t value;
    int fd;
};

/* UNSUPPORTED: no usable /dev/kvm, or it lacks something: which. */
CLOISTER_MUST_USE cloister_status guest_machine_create(struct guest_machine *machine,
                                                       const struct guest_memory *memory,
                                                       struct reason *why);
void guest_machine_destroy(struct guest_machine *machine);

/* As struct interrupt_line's `set`; `machine` is a struct guest_machine. */
void guest_machine_set_irq(void *machine, unsigned irq, unsigned source, bool level);

/* Maps `size` bytes of ours at a guest address, or takes the slot away (`bytes` NULL). false: KVM
   will not have it there. */
__attribute__((warn_unused_result)) bool guest_machine_map(struct guest_machine *machine,
                                                           enum guest_slot slot, uint64_t address,
                                                           void *bytes, uint64_t size);

__attribute__((warn_unused_result)) bool
guest_machine_doorbell(struct guest_machine *machine, const struct guest_doorbell *doorbell,
                       bool on);

/* A signal on `fd` raises the level-triggered `irq`; the guest's end of interrupt lowers it and
   signals `resample`. */
__attribute__((warn_unused_result)) bool guest_machine_completion(struct guest_machine *machine,
                                                                  unsigned irq, int fd,
                                                                  int resample, bool on);

#endif

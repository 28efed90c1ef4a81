/*
 * Descriptor tables of the secure world: segments, exceptions, and per vCPU the task state with its
 * I/O bitmap and ring-0 stack.
 */
#ifndef VMM_DESCRIPTORS_H
#define VMM_DESCRIPTORS_H

#include "vmm/machine.h"

/* Selectors of the GDT. There is no descriptor for the task state: TR is loaded directly. */
#define SELECTOR_CODE0 0x08u
#define SELECTOR_DATA0 0x10u
#define SELECTOR_DATA3 0x1bu
#define SELECTOR_CODE3 0x23u
#define SELECTOR_TASK 0x28u

#define DESCRIPTORS_GDT_LIMIT 0x27u
#define DESCRIPTORS_IDT_OFFSET 0x400u /* in the tables page */
#define DESCRIPTORS_IDT_LIMIT (32u * 16u - 1u)
#define DESCRIPTORS_TASK_LIMIT 0x88u

/* Makes the tables page: GDT and IDT. false: the monitor slot is full. */
__attribute__((warn_unused_result)) bool descriptors_create(struct machine *machine,
                                                            struct gpa *tables);

/* Fills the page of one vCPU, which is mapped at `va`: task state at its start, ring-0 stack at its
   end. Each vCPU needs its own: with a shared stack one module's fault overwrites another's. */
void descriptors_fill_vcpu_page(uint8_t *page, uint64_t va);

#endif

/*
 * The machine: one KVM virtual machine with its memory slots. It knows nothing of modules.
 *
 * Guest-physical memory is handed out upwards, never reused. Slots:
 *   monitor  ordinary memory of the world host: page tables, GDT, IDT, TSS, boot, control and
 *            mailbox pages
 *   code     one reserved range that memfds sealed against writing are mapped into read-only, one
 *            after the other; KVM_MEM_READONLY
 *   data     guest_memfd that the world host has no mapping of, or locked anonymous memory; one a
 *            module
 *   window   one reserved range that channel memfds are mapped into; behind the monitor's memory,
 *            in one slot with it
 * They are few because each costs every start a grace period of the kernel.
 */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include "base/reason.h"

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A guest-physical address: one member so that it cannot be mixed up with other numbers. */
struct gpa {
    uint64_t value;
};

enum kvm_flavour { KVM_FLAVOUR_OTHER, KVM_FLAVOUR_PVM, KVM_FLAVOUR_SVM, KVM_FLAVOUR_VMX };

struct machine_options {
    size_t
        monitor_size; /* bytes of the monitor's part of its slot, populated as used; whole pages */
    size_t window_size;  /* bytes of the channel window; whole pages */
    size_t code_size;    /* bytes of all that machine_add_code is given; whole pages */
    bool no_guest_memfd; /* use the fallback even where guest_memfd works */
};

struct machine {
    int kvm_fd;
    int vm_fd;
    enum kvm_flavour flavour;
    bool guest_memfd; /* data slots are guest_memfd */
    bool sealed;      /* the descriptors above are closed */
    uint32_t next_slot;
    uint64_t next_gpa;
    uint64_t gpa_limit; /* guest-physical addresses lie below */
    uint8_t *monitor;   /* the monitor slot, gpa 0 on */
    size_t monitor_size;
    size_t monitor_used;
    uint8_t *window; /* PROT_NONE where no channel is mapped */
    size_t window_size;
    struct gpa window_gpa;
    uint8_t *code; /* PROT_NONE where no code is mapped */
    size_t code_size;
    size_t code_used;
    struct gpa code_gpa;
    struct kvm_cpuid2 *cpuid; /* what every vCPU is given */
    uint64_t xcr0;            /* 0: no XSAVE */
    bool umip;                /* CR4.UMIP is offered */
    size_t run_size;          /* bytes of a vCPU's kvm_run mapping */
    uint64_t tsc_khz;
};

const char *kvm_flavour_name(enum kvm_flavour flavour);

/* Opens /dev/kvm and makes the VM with its slots for monitor, window and code. NOT_FOUND, DENIED:
   /dev/kvm, with what to do; UNSUPPORTED: a capability is missing, named. */
CLOISTER_MUST_USE cloister_status machine_create(struct machine *machine,
                                                 const struct machine_options *options,
                                                 struct reason *why);

/* Takes zeroed pages of the monitor slot; NULL when it is full. */
void *machine_monitor_pages(struct machine *machine, size_t pages, struct gpa *gpa);

/* The next pages to be taken will all be written: brings them in. */
void machine_monitor_ahead(struct machine *machine, size_t pages);

/* Puts a memfd of whole pages that is sealed against writing (checked) into the code slot, where it
   stays as long as the machine. */
CLOISTER_MUST_USE cloister_status machine_add_code(struct machine *machine, int memfd, size_t size,
                                                   struct gpa *gpa, const uint8_t **mapping,
                                                   struct reason *why);

/* Memory for a module's data. Until machine_data_close the caller may fill `mapping`. */
struct machine_data {
    struct gpa gpa;
    size_t size;
    uint8_t *mapping; /* NULL once closed in guest_memfd */
    uint8_t *address; /* what the slot points at: PROT_NONE once closed */
    size_t tail;      /* bytes mapped after it: a page of the guest_memfd that stays */
    int memfd;        /* guest_memfd until it is closed, else -1 */
};

CLOISTER_MUST_USE cloister_status machine_add_data(struct machine *machine, size_t size,
                                                   struct machine_data *data, struct reason *why);

/* guest_memfd: replaces the mapping by a PROT_NONE reservation of the same range and closes the
   descriptor; one inaccessible page keeps the file alive. Fallback: locks it, if `lock`. DENIED,
   NO_MEMORY. */
CLOISTER_MUST_USE cloister_status machine_data_close(struct machine_data *data, bool lock,
                                                     struct reason *why);

/* Gives the range back: only when no vCPU runs any more. */
void machine_data_release(struct machine_data *data);

/* All modules are placed: closes the VM and KVM descriptors. vCPUs made before go on. */
void machine_seal(struct machine *machine);

/* Frees all but data slots, after zeroing the monitor slot. */
void machine_destroy(struct machine *machine);

#endif

/*
 * Placement: one module instance in the machine's memory: its address space (abi/layout.h), its
 * data, its control pages and mailboxes. It knows nothing of threads or channels' meaning.
 */
#ifndef VMM_PLACEMENT_H
#define VMM_PLACEMENT_H

#include "abi/channel.h"
#include "vmm/module_file.h"
#include "vmm/pagetable.h"
#include "vmm/runtime_image.h"

struct placement_options {
    uint64_t generation;
    uint32_t flags; /* CLO_BOOT_… */
    uint32_t spin_us;
    size_t exec_memory;       /* cloister exec: heap bytes; else 0, the manifest decides */
    char *const *arguments;   /* NULL-terminated; NULL: the module's name alone */
    char *const *environment; /* NULL-terminated; NULL: empty */
};

struct placement {
    struct machine *machine;
    struct pagetable table;
    struct gpa tables;  /* of the runtime image: GDT and IDT */
    struct gpa runtime; /* of the runtime image: stub and hypercall page first */
    uint64_t base;      /* added to the file's addresses */
    uint64_t entry;     /* guest-virtual */
    uint64_t stack;     /* initial RSP of thread 0: System V process stack */
    unsigned threads;
    size_t stack_size;        /* bytes of each stack */
    uint64_t first_stack_top; /* where the stack of thread 0 begins to grow */
    uint64_t heap_base;
    size_t heap_size;
    struct machine_data data; /* segments, stacks, heap, personality data */
    const uint8_t *image;     /* in the code slot */
    struct clo_boot *boot;
    struct clo_control *control;
    struct clo_mailbox *mailbox[CLO_THREADS_MAX];
    struct gpa mailbox_gpa[CLO_THREADS_MAX];
    uint8_t *vcpu_page[CLO_THREADS_MAX]; /* TSS and ring-0 stack */
    struct gpa vcpu_page_gpa[CLO_THREADS_MAX];
    struct clo_module_record record;
    size_t protect_budget; /* monitor bytes that PROTECT may still take for this module */
};

/* Bytes of monitor slot that a module needs; for machine_options. */
size_t placement_monitor_need(const struct clo_module_record *record, size_t exec_memory,
                              size_t window_size);

/* Places the module: fills data, builds the tables, closes the data. NO_MEMORY, LIMIT, TOO_BIG
   (arguments). On success the caller ends with placement_release. */
CLOISTER_MUST_USE cloister_status placement_create(struct machine *machine,
                                                   const struct runtime_image *runtime,
                                                   const struct module_file *file,
                                                   const struct placement_options *options,
                                                   struct placement *placement, struct reason *why);

/* Maps channel-window bytes [offset, offset + size) into the module, once; the same range may be
   asked for again. */
CLOISTER_MUST_USE cloister_status placement_map_window(struct placement *placement, uint32_t offset,
                                                       uint32_t size);

/* PROTECT: only the module's image, stack and heap pages, only taking away. Afterwards every vCPU
   must be given placement->table.root before it runs again. DENIED, NOT_FOUND, BAD_ARGUMENT; LIMIT:
   this module has used up the memory for fresh tables. */
CLOISTER_MUST_USE cloister_status placement_protect(struct placement *placement, uint64_t va,
                                                    uint64_t size, uint32_t rights);

/* Calls `visit` for each page of the module's own that has been written. */
void placement_each_written(const struct placement *placement,
                            void (*visit)(void *context, struct gpa gpa), void *context);

/* Maps what every address space needs before a vCPU can run in it: stub, descriptor tables, the
   threads' pages, hypercall page and personality, mailboxes. For the tables that a wipe uses. */
CLOISTER_MUST_USE cloister_status placement_map_monitor(const struct placement *placement,
                                                        struct pagetable *table);

/* Zeroes the mailboxes (but the count of calls) and the boot page's random bytes: where secrets may
   be that lie in the monitor slot. Only when no vCPU of it runs any more. */
void placement_wipe_pages(struct placement *placement);

/* The same, and gives the ranges back. */
void placement_release(struct placement *placement);

#endif

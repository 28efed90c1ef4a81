/*
 * Page tables of one address space, in the monitor slot. Adding a mapping edits them; taking a
 * right away builds fresh ones, because a live entry that is edited may stay in force
 * (on some KVM for ever): the caller gives the new root to every vCPU before it runs again.
 */
#ifndef VMM_PAGETABLE_H
#define VMM_PAGETABLE_H

#include "vmm/machine.h"

#define PAGE_USER 1u /* ring 3; else ring 0 only */
#define PAGE_WRITE 2u
#define PAGE_EXECUTE 4u
#define PAGE_FILLED 8u /* the world host has written it: counts as written by the module */

struct pagetable {
    struct machine *machine;
    struct gpa root; /* CR3 */
};

/* NO_MEMORY: the monitor slot is full. */
CLOISTER_MUST_USE cloister_status pagetable_create(struct machine *machine,
                                                   struct pagetable *table);

/* Maps [va, va + size) to [gpa, …), all page multiples; pages that are or were mapped stay as
   they are. NO_MEMORY: the monitor slot is full. BAD_ARGUMENT: W with X, or not canonical. */
CLOISTER_MUST_USE cloister_status pagetable_map(struct pagetable *table, uint64_t va,
                                                struct gpa gpa, size_t size, uint32_t rights);

/* Finds what `va` is mapped to; false if nothing. */
bool pagetable_lookup(const struct pagetable *table, uint64_t va, struct gpa *gpa,
                      uint32_t *rights);

/* Fresh tables in which the pages keep only `remaining` (PAGE_… bits; 0: unmapped) of their
   rights. table->root changes. Nothing changes on failure. NOT_FOUND: a page is not mapped;
   DENIED: it would gain a right, or is no ring-3 page. */
CLOISTER_MUST_USE cloister_status pagetable_restrict(struct pagetable *table, uint64_t va,
                                                     size_t size, uint32_t remaining);

/* Calls `visit` for each page of [va, va + size) that was mapped writable for ring 3 and has been
   written, by the module or (PAGE_FILLED) before it started, whatever its rights are now. */
void pagetable_each_written(const struct pagetable *table, uint64_t va, size_t size,
                            void (*visit)(void *context, struct gpa gpa), void *context);

#endif

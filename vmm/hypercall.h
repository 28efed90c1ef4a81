/*
 * Hypercalls (abi/hypercall.h): admits, dispatches, answers. Runs on the module's own thread.
 */
#ifndef VMM_HYPERCALL_H
#define VMM_HYPERCALL_H

#include "vmm/module.h"

#define HYPERCALL_ARGUMENTS 6

/* Which hypercalls a manifest's mask allows; `exec`: a program of cloister exec. */
uint64_t hypercall_allowed(uint64_t manifest_mask, bool exec);

/* May this be dispatched? UNSUPPORTED: unknown number, or one that is reserved or has no meaning
   here; DENIED: not declared; BAD_ARGUMENT: an argument that it does not use is not zero. */
CLOISTER_MUST_USE cloister_status hypercall_admit(uint64_t allowed, bool exec, uint32_t number,
                                                  const uint64_t argument[HYPERCALL_ARGUMENTS]);

/* Serves one hypercall of the thread: reads its mailbox once, acts, writes status and results. */
void hypercall_serve(struct module_thread *thread, uint32_t number);

#endif

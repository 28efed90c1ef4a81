/*
 * What the secure world's processor looks like: CPUID leaves, extended state, address width.
 */
#ifndef VMM_CPU_FEATURES_H
#define VMM_CPU_FEATURES_H

#include "vmm/machine.h"

/* Fills machine->cpuid (the caller's to free), xcr0, umip and gpa_limit. NO_MEMORY, IO. */
CLOISTER_MUST_USE cloister_status cpu_features_read(struct machine *machine, struct reason *why);

#endif

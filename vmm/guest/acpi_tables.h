/*
 * ACPI tables (specification 6.5, 5.2) for a machine with one processor: that it has a local APIC,
 * how to switch it off, and where PCI is. Without them Debian's kernels use neither the local APIC
 * nor its timer. The interrupt controllers behind it are a PC's two PICs.
 */
#ifndef GUEST_ACPI_TABLES_H
#define GUEST_ACPI_TABLES_H

#include "vmm/guest/guest_memory.h"

#define ACPI_TABLES 0xe0000u /* where a BIOS has them; the first is the root pointer */
#define ACPI_TABLES_END 0x100000u

/* false: the guest has no memory there. */
__attribute__((warn_unused_result)) bool acpi_tables_write(const struct guest_memory *memory);

#endif

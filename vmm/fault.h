/*
 * Faults as text and as the signals that Linux programs know them by.
 */
#ifndef VMM_FAULT_H
#define VMM_FAULT_H

#include "vmm/module_file.h"
#include "vmm/vcpu.h"

/* "page fault", "undefined instruction", … Static text. */
const char *fault_name(uint32_t vector);

/* The signal that Linux sends for the vector. */
int fault_signal(uint32_t vector);

/* One line: name, vector, RIP, symbol, and for a page fault the address and what was tried.
   `base` is where the file was loaded. */
void fault_describe(const struct vcpu_exit *exit, const struct module_file *file, uint64_t base,
                    char *text, size_t size);

/* "0x1234 (name+0x12)" for an address in the module or the runtime. */
void fault_place(uint64_t rip, const struct module_file *file, uint64_t base, char *text,
                 size_t size);

#endif

/*
 * What the doctor finds out about the host without a world.
 */
#ifndef TOOLS_SHOW_DOCTOR_HOST_H
#define TOOLS_SHOW_DOCTOR_HOST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Debian packages that building modules needs and that are not there; fresh array of names. */
json_t *doctor_missing_packages(void);

/* Nothing in this kernel keeps root from tracing processes. */
bool doctor_root_may_ptrace(void);

/* CPUs that this process may run on. */
unsigned doctor_cpus(void);

/* The kernel's name and release. */
void doctor_kernel(char *text, size_t size);

#endif

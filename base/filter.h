/*
 * Loads a filter of system calls that the build made (base/filters/). What a program may do is
 * settled when it is built; at run time only numbers that nobody knew then are put in.
 */
#ifndef BASE_FILTER_H
#define BASE_FILTER_H

#include "base/reason.h"

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers that stand in a filter for what is known at run time. Far from any descriptor and above
   any process id. */
#define FILTER_VARIABLE(n) (0x7ffe0000u + (n))

#define FILTER_MAX 512u /* instructions of a filter */

struct filter_variable {
    uint32_t placeholder; /* FILTER_VARIABLE */
    uint32_t value;
};

/* Loads it for the calling thread, for good. At most FILTER_MAX instructions, and every variable
   exactly once in them: INTERNAL if not. UNSUPPORTED: the kernel does not take it. */
CLOISTER_MUST_USE cloister_status filter_load(const struct sock_filter *program, size_t count,
                                              const struct filter_variable *variables,
                                              size_t variable_count, struct reason *why);

#endif

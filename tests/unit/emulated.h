/*
 * Tests on an emulated processor, where a signature check takes a hundred times as long.
 */
#ifndef TESTS_UNIT_EMULATED_H
#define TESTS_UNIT_EMULATED_H

#include <stddef.h>
#include <stdlib.h>

/* Step of a loop that checks a signature for every bit: 1, or in the second machine a prime, for a
   sample. It is the same code on the same bytes: all bits are tried on the host. */
static inline size_t emulated_step(void)
{
    return getenv("CLOISTER_EMULATED") ? 61 : 1;
}

#endif

/*
 * The secret that the module `keep` makes of a seed: never passed over a channel in this form.
 */
#ifndef TESTS_MODULES_KEEP_H
#define TESTS_MODULES_KEEP_H

#include <stddef.h>
#include <stdint.h>

#define KEEP_SIZE 65536u

static inline void keep_fill(uint64_t seed, uint8_t *bytes, size_t size)
{
    uint64_t x = seed | 1;
    for (size_t i = 0; i < size; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        bytes[i] = (uint8_t)(x >> 32);
    }
}

#endif

/*
 * Small things about bytes: hexadecimal text, zero checks, wiping.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes 2 * size lower-case digits and a NUL. `out` has room for 2 * size + 1. */
void hex_encode(const void *bytes, size_t size, char *out);

/* Reads an even number of digits, either case; false if the text is anything else or longer than
   2 * capacity digits. Sets *size only on success. */
__attribute__((warn_unused_result)) bool hex_decode(const char *text, void *out, size_t capacity,
                                                    size_t *size);

/* Is every byte zero? Not constant time: for padding, never for secrets. */
static inline bool bytes_are_zero(const void *bytes, size_t size)
{
    const uint8_t *in = (const uint8_t *)bytes;
    for (size_t i = 0; i < size; i++)
        if (in[i])
            return false;
    return true;
}

/* Compares in constant time. */
bool bytes_equal(const void *a, const void *b, size_t size);

/* Overwrites with zeros; never optimised away. */
void bytes_wipe(void *bytes, size_t size);

/* Is this a fixed-size, NUL-terminated, zero-filled name of 1 … size-1 letters, digits, '-', '_'
   and '.', not starting with '.' or '-'? */
bool name_is_valid(const uint8_t *name, size_t size);

/* Copies text into a fixed-size zero-filled field; false if it does not fit with its NUL. */
__attribute__((warn_unused_result)) bool name_set(uint8_t *name, size_t size, const char *text);

#endif

/*
 * The functions that the compiler calls of its own accord, for modules without a libc.
 */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);

#define CHUNK 16u
#define SHORT 128u /* up to here a loop beats the string instruction */

typedef struct __attribute__((packed, may_alias)) {
    uint64_t word[2];
} chunk;

/* Whole chunks from the start, the last one may overlap the one before. */
static void copy_short(uint8_t *to, const uint8_t *from, size_t size)
{
    if (size < CHUNK) {
        for (size_t i = 0; i < size; i++) {
            to[i] = from[i];
            __asm__ volatile("" : : : "memory"); /* or the compiler makes it a call of itself */
        }
        return;
    }
    chunk last = *(const chunk *)(const void *)(from + size - CHUNK);
    for (size_t i = 0; i < size - CHUNK; i += CHUNK) {
        *(chunk *)(void *)(to + i) = *(const chunk *)(const void *)(from + i);
        __asm__ volatile("" : : : "memory");
    }
    *(chunk *)(void *)(to + size - CHUNK) = last;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    void *result = to;
    if (size <= SHORT)
        copy_short(to, from, size);
    else
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    return result;
}

void *memmove(void *to, const void *from, size_t size)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    if ((uintptr_t)out - (uintptr_t)in >= size)
        return memcpy(to, from, size);
    while (size-- > 0) {
        out[size] = in[size];
        __asm__ volatile("" : : : "memory"); /* or the compiler makes it a call of itself */
    }
    return to;
}

void *memset(void *to, int value, size_t size)
{
    void *result = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
    return result;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const uint8_t *left = a;
    const uint8_t *right = b;
    for (size_t i = 0; i < size; i++)
        if (left[i] != right[i])
            return left[i] - right[i];
    return 0;
}

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
#define BLOCK 64u
#define SHORT 1024u /* up to here a loop beats the string instructions */

typedef struct __attribute__((packed, may_alias)) {
    uint64_t word[2];
} chunk;

/* Or the compiler makes a loop a call of the very function that it is in. */
#define AS_WRITTEN() __asm__ volatile("" : : : "memory")

static inline void copy_chunk(uint8_t *to, const uint8_t *from)
{
    *(chunk *)(void *)to = *(const chunk *)(const void *)from;
}

static inline void copy_block(uint8_t *to, const uint8_t *from)
{
    const chunk *in = (const void *)from;
    chunk *out = (void *)to;
    chunk a = in[0], b = in[1], c = in[2], d = in[3];
    out[0] = a, out[1] = b, out[2] = c, out[3] = d;
}

static void copy_tiny(uint8_t *to, const uint8_t *from, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        to[i] = from[i];
        AS_WRITTEN();
    }
}

/* Whole blocks, then whole chunks; the last chunk may overlap the one before, and is read first for
   memmove's sake. */
static void copy_short(uint8_t *to, const uint8_t *from, size_t size)
{
    chunk last = *(const chunk *)(const void *)(from + size - CHUNK);
    size_t at = 0;
    for (; size - at > BLOCK; at += BLOCK) {
        copy_block(to + at, from + at);
        AS_WRITTEN();
    }
    for (; size - at > CHUNK; at += CHUNK) {
        copy_chunk(to + at, from + at);
        AS_WRITTEN();
    }
    *(chunk *)(void *)(to + size - CHUNK) = last;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    void *result = to;
    if (size < CHUNK)
        copy_tiny(to, from, size);
    else if (size <= SHORT)
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
        AS_WRITTEN();
    }
    return to;
}

static void set_short(uint8_t *to, chunk value, size_t size)
{
    size_t at = 0;
    for (; size - at > BLOCK; at += BLOCK) {
        chunk *out = (void *)(to + at);
        out[0] = value, out[1] = value, out[2] = value, out[3] = value;
        AS_WRITTEN();
    }
    for (; size - at > CHUNK; at += CHUNK) {
        *(chunk *)(void *)(to + at) = value;
        AS_WRITTEN();
    }
    *(chunk *)(void *)(to + size - CHUNK) = value;
}

void *memset(void *to, int value, size_t size)
{
    uint64_t word = (uint8_t)value * 0x0101010101010101u;
    void *result = to;
    if (size >= CHUNK && size <= SHORT)
        set_short(to, (chunk){{word, word}}, size);
    else
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

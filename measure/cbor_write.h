/*
 * Deterministic CBOR (RFC 8949, 4.2.1) into a fixed buffer: shortest integers, definite lengths.
 * Freestanding: no allocation, no libc beyond memcpy and memcmp, so modules can use it too.
 *
 * The writer keeps the books: a container that gets more or fewer items than announced, map keys
 * out of bytewise order, a key that is neither integer nor text, a full buffer, or nesting beyond
 * CBOR_DEPTH_MAX break it for good, and cbor_write_end says so. Nothing else need be checked.
 */
#ifndef MEASURE_CBOR_WRITE_H
#define MEASURE_CBOR_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CBOR_DEPTH_MAX 8u

/* An open array, map or tag; level 0 is the document itself, which has one item. */
struct cbor_level {
    uint64_t left; /* items still to come; a map has two for each pair */
    bool map;
    size_t key; /* of the last key: where it starts, and its size (0: none yet) */
    size_t key_size;
};

struct cbor_writer {
    uint8_t *out;
    size_t capacity;
    size_t size; /* bytes written so far */
    bool broken;
    unsigned depth;
    struct cbor_level level[CBOR_DEPTH_MAX + 1];
};

void cbor_write_start(struct cbor_writer *writer, void *out, size_t capacity);

/* True, with the size of the document, if it is complete and nothing went wrong. */
__attribute__((warn_unused_result)) bool cbor_write_end(const struct cbor_writer *writer,
                                                        size_t *size);

void cbor_write_uint(struct cbor_writer *writer, uint64_t value);
void cbor_write_int(struct cbor_writer *writer, int64_t value);
void cbor_write_bytes(struct cbor_writer *writer, const void *bytes, size_t size);
void cbor_write_text(struct cbor_writer *writer, const char *text);
void cbor_write_bool(struct cbor_writer *writer, bool value);
void cbor_write_array(struct cbor_writer *writer, uint64_t items);
void cbor_write_map(struct cbor_writer *writer, uint64_t pairs);
void cbor_write_tag(struct cbor_writer *writer, uint64_t tag);

/* A byte string of `size` bytes that the caller fills at the returned address; NULL if the writer
   is broken. */
void *cbor_write_space(struct cbor_writer *writer, size_t size);

/* Order of two text keys in a deterministic map, as memcmp: the shorter first. */
int cbor_write_text_order(const char *a, const char *b);

#endif

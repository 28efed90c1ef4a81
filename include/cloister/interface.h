/*
 * Typed messages: what the code that `cloister interface` makes needs on either side of a call.
 *
 * A message is decoded by nanopb from a private copy of the bytes into a structure of fixed size:
 * nothing is allocated, and no pointer of the structure leads anywhere else. What is not exactly
 * one sound message is refused as a whole, and the structure is zero then. Programs include the
 * header that was made for them, not this one. docs/interfaces.md.
 */
#ifndef CLOISTER_INTERFACE_H
#define CLOISTER_INTERFACE_H

#include "cloister/abi/channel.h"
#include "cloister/status.h"

#include <pb_common.h>
#include <pb_decode.h>
#include <pb_encode.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Who calls, for a handler. */
typedef struct cloister_context {
    struct clo_caller caller; /* as the world host knows it; never from the caller */
    unsigned channel;
    unsigned session;     /* the client's number of it, per channel */
    uint32_t deadline_us; /* the client's advice; 0: none */
} cloister_context;

/* Stack of a module whose messages of one call take `size` bytes: they lie there, with 64 KiB for
   the handler itself. */
#define CLOISTER_INTERFACE_STACK(size)                                                             \
    ((uint32_t)(((size) + (64u << 10) + CLO_PAGE_SIZE - 1) / CLO_PAGE_SIZE * CLO_PAGE_SIZE))

/* Overwrites with zeros; never optimised away. */
static inline void cloister_message_wipe(void *message, size_t size)
{
    memset(message, 0, size);
    __asm__ volatile("" : : "r"(message) : "memory");
}

/* Bytes of the UTF-8 sequence that starts here, of at most `room`; 0: it is none (RFC 3629: nothing
   overlong, no surrogates, nothing above U+10FFFF). */
static inline size_t cloister_utf8_length(const uint8_t *at, size_t room)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80 ? 1 : at[0] < 0xc0 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (length < 2 || at[0] > 0xf4 || length > room)
        return at[0] < 0x80 ? 1 : 0;
    uint32_t code = at[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3fu);
    }
    bool sound = code >= least[length] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    return sound ? length : 0;
}

/* Text up to its NUL, and nothing behind it: a string that hides bytes behind a NUL is two strings,
   depending on who reads it. */
static inline bool cloister_text_is_sound(const uint8_t *text, size_t size)
{
    size_t at = 0;
    while (at < size && text[at] != 0) {
        size_t length = cloister_utf8_length(text + at, size - at);
        if (length == 0)
            return false;
        at += length;
    }
    if (at == size)
        return false;
    while (at < size && text[at] == 0)
        at++;
    return at == size;
}

static inline bool cloister_message_is_sound(const pb_msgdesc_t *fields, const void *message);

static inline bool cloister_item_is_sound(const pb_field_iter_t *field, const uint8_t *item)
{
    if (PB_LTYPE(field->type) == PB_LTYPE_STRING)
        return cloister_text_is_sound(item, field->data_size);
    if (PB_LTYPE_IS_SUBMSG(field->type))
        return cloister_message_is_sound(field->submsg_desc, item);
    return true;
}

/* How many items of the field there are. */
static inline size_t cloister_field_count(const pb_field_iter_t *field)
{
    const void *size = field->pSize;
    switch (PB_HTYPE(field->type)) {
    case PB_HTYPE_REPEATED:
        return *(const pb_size_t *)size;
    case PB_HTYPE_ONEOF:
        return *(const pb_size_t *)size == field->tag;
    case PB_HTYPE_OPTIONAL:
        return !size || *(const bool *)size;
    default:
        return 1;
    }
}

/* What nanopb leaves open: are the strings text? The depth is the interface's: no message contains
   itself. */
static inline bool cloister_message_is_sound(const pb_msgdesc_t *fields, const void *message)
{
    pb_field_iter_t field;
    if (!pb_field_iter_begin_const(&field, fields, message))
        return true; /* no fields */
    do {
        size_t count = cloister_field_count(&field);
        const uint8_t *item = (const uint8_t *)field.pData;
        if (count > field.array_size)
            return false;
        for (size_t i = 0; i < count; i++)
            if (!cloister_item_is_sound(&field, item + i * field.data_size))
                return false;
    } while (pb_field_iter_next(&field));
    return true;
}

/* All of `bytes`, which nobody else may change meanwhile, into a message of `message_size` bytes.
   BAD_FORMAT: not one message of this kind, or one that breaks a bound. */
CLOISTER_MUST_USE static inline cloister_status
cloister_message_decode(const pb_msgdesc_t *fields, void *message, size_t message_size,
                        const uint8_t *bytes, size_t size)
{
    memset(message, 0, message_size);
    pb_istream_t stream = pb_istream_from_buffer(bytes, size);
    if (pb_decode_ex(&stream, fields, message, PB_DECODE_NOINIT) && stream.bytes_left == 0 &&
        cloister_message_is_sound(fields, message))
        return CLOISTER_OK;
    cloister_message_wipe(message, message_size);
    return CLOISTER_BAD_FORMAT;
}

/* The message into `bytes`, *size of them. TOO_BIG: more than `capacity`; BAD_ARGUMENT: the
   message breaks a bound (a count, a string without end). */
CLOISTER_MUST_USE static inline cloister_status
cloister_message_encode(const pb_msgdesc_t *fields, const void *message, uint8_t *bytes,
                        size_t capacity, size_t *size)
{
    size_t needed;
    if (!pb_get_encoded_size(&needed, fields, message))
        return CLOISTER_BAD_ARGUMENT;
    if (needed > capacity)
        return CLOISTER_TOO_BIG;
    pb_ostream_t stream = pb_ostream_from_buffer(bytes, capacity);
    if (!pb_encode(&stream, fields, message))
        return CLOISTER_BAD_ARGUMENT;
    *size = stream.bytes_written;
    return CLOISTER_OK;
}

#ifdef __cplusplus
}
#endif
#endif

/*
 * Strict pull reader for CBOR that someone else wrote. cbor_read_start walks the whole document
 * once and refuses all that is not deterministic CBOR of a small, known kind; then the pull
 * functions hand out item after item. Nothing is allocated and nothing is copied: the bytes must be
 * private to the caller and stay until it is done.
 *
 * Refused: more than 64 KiB, nesting beyond CBOR_READ_DEPTH_MAX (tags count), indefinite lengths,
 * integers and lengths not in shortest form, floats and simple values other than false and true,
 * map keys that are unsorted, repeated, or neither integer nor text, text that is not plain
 * (base/utf8.h), lengths beyond what is left, bytes after the document.
 */
#ifndef MEASURE_CBOR_READ_H
#define MEASURE_CBOR_READ_H

#include "base/cursor.h"
#include "base/reason.h"

#define CBOR_READ_SIZE_MAX 65536u
#define CBOR_READ_DEPTH_MAX 8u

struct cbor_reader {
    struct cursor in;
};

/* Bytes or text inside the document. */
struct cbor_view {
    const uint8_t *bytes;
    size_t size;
};

/* Checks the document and points the reader at its one item. `what` names it in the reason.
   BAD_FORMAT, TOO_BIG. */
CLOISTER_MUST_USE cloister_status cbor_read_start(struct cbor_reader *reader, const void *bytes,
                                                  size_t size, const char *what,
                                                  struct reason *why);

/* Each takes the next item if it is of that kind; otherwise it takes nothing and says false. After
   an array come `count` items, after a map `count` pairs of key and value, after a tag one item. */
#define CBOR_READ_RESULT __attribute__((warn_unused_result)) bool
CBOR_READ_RESULT cbor_read_uint(struct cbor_reader *reader, uint64_t *value);
CBOR_READ_RESULT cbor_read_int(struct cbor_reader *reader, int64_t *value);
CBOR_READ_RESULT cbor_read_bytes(struct cbor_reader *reader, struct cbor_view *view);
CBOR_READ_RESULT cbor_read_text(struct cbor_reader *reader, struct cbor_view *view);
CBOR_READ_RESULT cbor_read_bool(struct cbor_reader *reader, bool *value);
CBOR_READ_RESULT cbor_read_array(struct cbor_reader *reader, uint64_t *count);
CBOR_READ_RESULT cbor_read_map(struct cbor_reader *reader, uint64_t *count);
CBOR_READ_RESULT cbor_read_tag(struct cbor_reader *reader, uint64_t *tag);

/* Is the view exactly this text? */
bool cbor_view_is(const struct cbor_view *view, const char *text);

#endif

/*
 * Writes deterministic CBOR and checks its own caller.
 */
#include "measure/cbor_write.h"

#include <string.h>

enum major { UINT, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };

#define SIMPLE_FALSE 20u
#define SIMPLE_TRUE 21u

void cbor_write_start(struct cbor_writer *writer, void *out, size_t capacity)
{
    memset(writer, 0, sizeof *writer);
    writer->out = out;
    writer->capacity = capacity;
    writer->level[0].left = 1;
}

bool cbor_write_end(const struct cbor_writer *writer, size_t *size)
{
    if (writer->broken || writer->depth != 0 || writer->level[0].left != 0)
        return false;
    *size = writer->size;
    return true;
}

static void put(struct cbor_writer *writer, const void *bytes, size_t size)
{
    if (writer->broken || size > writer->capacity - writer->size) {
        writer->broken = true;
        return;
    }
    if (size)
        memcpy(writer->out + writer->size, bytes, size);
    writer->size += size;
}

static bool at_key(const struct cbor_level *level)
{
    return level->map && level->left % 2 == 0;
}

/* The initial byte and the shortest form of its argument. */
static void put_head(struct cbor_writer *writer, enum major major, uint64_t value)
{
    uint8_t head[9];
    unsigned bytes = value < 24 ? 0 : value <= 0xff ? 1 : value <= 0xffff ? 2 : 4;
    if (value > 0xffffffff)
        bytes = 8;
    static const uint8_t info[] = {[1] = 24, [2] = 25, [4] = 26, [8] = 27};
    head[0] = (uint8_t)((unsigned)major << 5 | (bytes ? info[bytes] : (unsigned)value));
    for (unsigned i = 0; i < bytes; i++)
        head[1 + i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    put(writer, head, 1 + bytes);
}

/* Starts an item: there must be room for one more here, and a key must be integer or text. */
static void begin(struct cbor_writer *writer, enum major major, uint64_t value)
{
    const struct cbor_level *level = &writer->level[writer->depth];
    if (level->left == 0 || (at_key(level) && major > NEGATIVE && major != TEXT))
        writer->broken = true;
    put_head(writer, major, value);
}

static bool key_in_order(const struct cbor_writer *writer, const struct cbor_level *level,
                         size_t key, size_t key_size)
{
    size_t common = key_size < level->key_size ? key_size : level->key_size;
    int order = memcmp(writer->out + level->key, writer->out + key, common);
    return order < 0 || (order == 0 && level->key_size < key_size);
}

/* Ends the item that started at `start`, and every container that it completes. */
static void end(struct cbor_writer *writer, size_t start)
{
    if (writer->broken)
        return;
    struct cbor_level *level = &writer->level[writer->depth];
    if (at_key(level)) {
        size_t size = writer->size - start;
        if (level->key_size && !key_in_order(writer, level, start, size))
            writer->broken = true;
        level->key = start;
        level->key_size = size;
    }
    level->left--;
    while (writer->depth > 0 && writer->level[writer->depth].left == 0) {
        writer->depth--;
        writer->level[writer->depth].left--;
    }
}

static void open_container(struct cbor_writer *writer, size_t start, uint64_t items, bool map)
{
    if (items == 0) {
        end(writer, start);
        return;
    }
    if (writer->broken || writer->depth == CBOR_DEPTH_MAX) {
        writer->broken = true;
        return;
    }
    writer->depth++;
    writer->level[writer->depth] = (struct cbor_level){.left = items, .map = map};
}

void cbor_write_uint(struct cbor_writer *writer, uint64_t value)
{
    size_t start = writer->size;
    begin(writer, UINT, value);
    end(writer, start);
}

void cbor_write_int(struct cbor_writer *writer, int64_t value)
{
    size_t start = writer->size;
    if (value < 0)
        begin(writer, NEGATIVE, (uint64_t)(-1 - value));
    else
        begin(writer, UINT, (uint64_t)value);
    end(writer, start);
}

void cbor_write_bytes(struct cbor_writer *writer, const void *bytes, size_t size)
{
    size_t start = writer->size;
    begin(writer, BYTES, size);
    put(writer, bytes, size);
    end(writer, start);
}

void *cbor_write_space(struct cbor_writer *writer, size_t size)
{
    size_t start = writer->size;
    begin(writer, BYTES, size);
    if (writer->broken || size > writer->capacity - writer->size) {
        writer->broken = true;
        return NULL;
    }
    void *space = writer->out + writer->size;
    writer->size += size;
    end(writer, start);
    return space;
}

void cbor_write_text(struct cbor_writer *writer, const char *text)
{
    size_t start = writer->size;
    size_t size = strlen(text);
    begin(writer, TEXT, size);
    put(writer, text, size);
    end(writer, start);
}

void cbor_write_bool(struct cbor_writer *writer, bool value)
{
    size_t start = writer->size;
    begin(writer, SIMPLE, value ? SIMPLE_TRUE : SIMPLE_FALSE);
    end(writer, start);
}

void cbor_write_array(struct cbor_writer *writer, uint64_t items)
{
    size_t start = writer->size;
    begin(writer, ARRAY, items);
    open_container(writer, start, items, false);
}

void cbor_write_map(struct cbor_writer *writer, uint64_t pairs)
{
    size_t start = writer->size;
    if (pairs > UINT64_MAX / 2)
        writer->broken = true;
    begin(writer, MAP, pairs);
    open_container(writer, start, pairs * 2, true);
}

void cbor_write_tag(struct cbor_writer *writer, uint64_t tag)
{
    size_t start = writer->size;
    begin(writer, TAG, tag);
    open_container(writer, start, 1, false);
}

int cbor_write_text_order(const char *a, const char *b)
{
    size_t a_size = strlen(a);
    size_t b_size = strlen(b);
    if (a_size != b_size)
        return a_size < b_size ? -1 : 1;
    return memcmp(a, b, a_size);
}

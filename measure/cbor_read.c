/*
 * Reads deterministic CBOR: one walk that checks everything, then single items. No recursion, no
 * allocation.
 */
#include "measure/cbor_read.h"

#include "base/utf8.h"

enum major { UINT, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };

#define INFO_DIRECT_MAX 23u /* the argument is in the initial byte */
#define INFO_8_BYTES 27u
#define SIMPLE_FALSE 20u
#define SIMPLE_TRUE 21u

struct head {
    enum major major;
    uint64_t value;
};

/* An open container during the walk; level 0 is the document. */
struct level {
    uint64_t left;
    bool map;
    struct cbor_view key; /* the last one; size 0: none yet */
};

struct walk {
    struct cursor in;
    unsigned depth;
    struct level level[CBOR_READ_DEPTH_MAX + 1];
};

/* The initial byte and its argument; NULL, or what is wrong with it. */
static const char *take_head(struct cursor *in, struct head *head)
{
    uint8_t initial;
    if (!cursor_copy(in, &initial, 1))
        return "it ends where an item should start";
    head->major = (enum major)(initial >> 5);
    unsigned info = initial & 31u;
    head->value = info;
    if (info <= INFO_DIRECT_MAX)
        return NULL;
    if (info > INFO_8_BYTES)
        return info == 31 ? "it has an indefinite length" : "it has a reserved initial byte";
    uint8_t argument[8];
    size_t size = (size_t)1 << (info - 24);
    if (!cursor_copy(in, argument, size))
        return "it ends inside an integer or length";
    head->value = 0;
    for (size_t i = 0; i < size; i++)
        head->value = head->value << 8 | argument[i];
    if (head->major == SIMPLE)
        return "it has a float or a simple value other than false and true";
    uint64_t least = size == 1 ? 24 : (uint64_t)1 << 8 * (size / 2);
    return head->value < least ? "it has an integer or length not in shortest form" : NULL;
}

static const char *walk_string(struct walk *walk, const struct head *head)
{
    const uint8_t *bytes;
    if (head->value > cursor_left(&walk->in))
        return "it has a string longer than what is left";
    if (!cursor_view(&walk->in, &bytes, (size_t)head->value))
        return "it has a string longer than what is left";
    if (head->major == TEXT && !utf8_is_plain(bytes, (size_t)head->value))
        return "it has text that is not UTF-8 or has control or invisible characters";
    return NULL;
}

/* Opens an array, map or tag. Each item takes at least one byte, which bounds the counts. */
static const char *walk_container(struct walk *walk, const struct head *head)
{
    bool map = head->major == MAP;
    uint64_t limit = map ? cursor_left(&walk->in) / 2 : cursor_left(&walk->in);
    uint64_t items = head->major == TAG ? 1 : head->value;
    if (items > limit)
        return "it has a container with more items than what is left";
    if (walk->depth == CBOR_READ_DEPTH_MAX)
        return "it is nested more than 8 deep";
    walk->depth++;
    walk->level[walk->depth] = (struct level){.left = map ? 2 * items : items, .map = map};
    return NULL;
}

static const char *walk_key(struct level *level, enum major major, struct cbor_view key)
{
    if (major > NEGATIVE && major != TEXT)
        return "it has a map key that is neither integer nor text";
    if (level->key.size) {
        size_t common = key.size < level->key.size ? key.size : level->key.size;
        int order = memcmp(level->key.bytes, key.bytes, common);
        if (order == 0 && key.size == level->key.size)
            return "it has a map key twice";
        if (order > 0 || (order == 0 && key.size < level->key.size))
            return "it has map keys out of order";
    }
    level->key = key;
    return NULL;
}

static const char *walk_item(struct walk *walk)
{
    struct head head;
    struct level *level = &walk->level[walk->depth];
    const uint8_t *start = walk->in.at;
    const char *fault = take_head(&walk->in, &head);
    if (fault)
        return fault;
    bool key = level->map && level->left % 2 == 0;
    level->left--;
    if (head.major == BYTES || head.major == TEXT)
        fault = walk_string(walk, &head);
    else if (head.major == SIMPLE && head.value != SIMPLE_FALSE && head.value != SIMPLE_TRUE)
        fault = "it has a float or a simple value other than false and true";
    if (!fault && key)
        fault =
            walk_key(level, head.major, (struct cbor_view){start, (size_t)(walk->in.at - start)});
    if (!fault && (head.major == ARRAY || head.major == MAP || head.major == TAG))
        fault = walk_container(walk, &head);
    return fault;
}

static const char *walk_document(struct walk *walk)
{
    walk->level[0].left = 1;
    for (;;) {
        while (walk->depth > 0 && walk->level[walk->depth].left == 0)
            walk->depth--;
        if (walk->level[walk->depth].left == 0)
            break;
        const char *fault = walk_item(walk);
        if (fault)
            return fault;
    }
    return cursor_left(&walk->in) ? "bytes follow its end" : NULL;
}

cloister_status cbor_read_start(struct cbor_reader *reader, const void *bytes, size_t size,
                                const char *what, struct reason *why)
{
    if (size > CBOR_READ_SIZE_MAX)
        return refuse(why, CLOISTER_TOO_BIG, "%s is %zu bytes; the most is %u", what, size,
                      CBOR_READ_SIZE_MAX);
    struct walk walk = {.in = cursor_over(bytes, size)};
    const char *fault = walk_document(&walk);
    if (fault)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "%s is not deterministic CBOR: %s, before byte %zu of %zu", what, fault,
                      (size_t)(walk.in.at - (const uint8_t *)bytes), size);
    reader->in = cursor_over(bytes, size);
    return CLOISTER_OK;
}

/* Takes a head of this kind, or nothing. */
static bool take(struct cbor_reader *reader, enum major major, uint64_t *value)
{
    struct cursor in = reader->in;
    struct head head;
    if (take_head(&in, &head) || head.major != major)
        return false;
    reader->in = in;
    *value = head.value;
    return true;
}

bool cbor_read_uint(struct cbor_reader *reader, uint64_t *value)
{
    return take(reader, UINT, value);
}

bool cbor_read_int(struct cbor_reader *reader, int64_t *value)
{
    struct cbor_reader ahead = *reader;
    uint64_t magnitude;
    bool negative = false;
    if (!take(&ahead, UINT, &magnitude)) {
        negative = true;
        if (!take(&ahead, NEGATIVE, &magnitude))
            return false;
    }
    if (magnitude > INT64_MAX)
        return false;
    *reader = ahead;
    *value = negative ? -1 - (int64_t)magnitude : (int64_t)magnitude;
    return true;
}

static bool take_string(struct cbor_reader *reader, enum major major, struct cbor_view *view)
{
    struct cbor_reader ahead = *reader;
    uint64_t size;
    const uint8_t *bytes;
    if (!take(&ahead, major, &size) || size > cursor_left(&ahead.in) ||
        !cursor_view(&ahead.in, &bytes, (size_t)size))
        return false;
    *reader = ahead;
    *view = (struct cbor_view){bytes, (size_t)size};
    return true;
}

bool cbor_read_bytes(struct cbor_reader *reader, struct cbor_view *view)
{
    return take_string(reader, BYTES, view);
}

bool cbor_read_text(struct cbor_reader *reader, struct cbor_view *view)
{
    return take_string(reader, TEXT, view);
}

bool cbor_read_bool(struct cbor_reader *reader, bool *value)
{
    uint64_t simple;
    if (!take(reader, SIMPLE, &simple))
        return false;
    *value = simple == SIMPLE_TRUE;
    return true;
}

bool cbor_read_array(struct cbor_reader *reader, uint64_t *count)
{
    return take(reader, ARRAY, count);
}

bool cbor_read_map(struct cbor_reader *reader, uint64_t *count)
{
    return take(reader, MAP, count);
}

bool cbor_read_tag(struct cbor_reader *reader, uint64_t *tag)
{
    return take(reader, TAG, tag);
}

bool cbor_view_is(const struct cbor_view *view, const char *text)
{
    return view->size == strlen(text) && memcmp(view->bytes, text, view->size) == 0;
}

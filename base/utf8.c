/*
 * Strict UTF-8, and the characters that are not shown but acted upon.
 */
#include "base/utf8.h"

#include <string.h>

/* From one character to another, upwards. */
static const struct {
    uint32_t first;
    uint32_t last;
} unfit[] = {
    {0x0, 0x1f},        /* C0: lines, cursor, ESC */
    {0x7f, 0x9f},       /* DEL, and C1: 0x9b is ESC [ to some terminals */
    {0xad, 0xad},       /* soft hyphen */
    {0x61c, 0x61c},     /* Arabic letter mark */
    {0x180e, 0x180e},   /* Mongolian vowel separator, without width */
    {0x200b, 0x200f},   /* zero-width space and joiners, direction marks */
    {0x2028, 0x202e},   /* line, paragraph; embeddings and overrides of direction */
    {0x2060, 0x206f},   /* word joiner, invisible operators, isolates of direction */
    {0xd800, 0xdfff},   /* surrogates */
    {0xfeff, 0xfeff},   /* byte order mark */
    {0xfff9, 0xfffb},   /* interlinear annotation */
    {0xe0000, 0xe0fff}, /* tags, further variation selectors: none is seen */
};

static bool is_fit(uint32_t code)
{
    for (size_t i = 0; i < sizeof unfit / sizeof *unfit; i++)
        if (code >= unfit[i].first && code <= unfit[i].last)
            return false;
    return code <= 0x10ffff;
}

/* Bytes of the sequence that `first` starts, 0 if none starts so. */
static unsigned sequence_size(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    if (first >= 0xf0 && first <= 0xf4)
        return 4;
    return 0;
}

/* Bytes of the plain character that starts here, of at most `room`; 0: none does. */
static unsigned plain_size(const uint8_t *text, size_t room)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned size = sequence_size(text[0]);
    if (size == 0 || size > room)
        return 0;
    uint32_t code = size == 1 ? text[0] : text[0] & (0x7fu >> size);
    for (unsigned i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3fu);
    }
    return code >= least[size] && is_fit(code) ? size : 0;
}

bool utf8_is_plain(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        unsigned bytes = plain_size(text + i, size - i);
        if (bytes == 0)
            return false;
        i += bytes;
    }
    return true;
}

void utf8_make_plain(char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < size;) {
        unsigned bytes = plain_size((const uint8_t *)text + i, size - i);
        if (bytes == 0)
            text[i] = '?';
        i += bytes ? bytes : 1;
    }
}

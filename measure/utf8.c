/*
 * Strict UTF-8 check (RFC 3629) that also refuses control characters.
 */
#include "measure/utf8.h"

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

static bool code_point_is_plain(uint32_t code, unsigned size)
{
    static const uint32_t least[] = {0, 0x20, 0xa0, 0x800, 0x10000};
    if (code < least[size] || code == 0x7f || code > 0x10ffff)
        return false;
    return code < 0xd800 || code > 0xdfff;
}

bool utf8_is_plain(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        unsigned bytes = sequence_size(text[i]);
        if (bytes == 0 || bytes > size - i)
            return false;
        uint32_t code = bytes == 1 ? text[i] : text[i] & (0x7fu >> bytes);
        for (unsigned k = 1; k < bytes; k++) {
            if ((text[i + k] & 0xc0) != 0x80)
                return false;
            code = code << 6 | (text[i + k] & 0x3fu);
        }
        if (!code_point_is_plain(code, bytes))
            return false;
        i += bytes;
    }
    return true;
}

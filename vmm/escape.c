/*
 * Escapes text of others, one byte at a time.
 */
#include "vmm/escape.h"

static size_t escape_byte(uint8_t byte, char out[4])
{
    static const char digits[] = "0123456789abcdef";
    if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
        out[0] = (char)byte;
        return 1;
    }
    out[0] = '\\';
    out[1] = 'x';
    out[2] = digits[byte >> 4];
    out[3] = digits[byte & 15];
    return 4;
}

void escape_text(const uint8_t *bytes, size_t size, char *text, size_t room)
{
    size_t used = 0;
    if (size > 0 && bytes[size - 1] == '\n')
        size--;
    for (size_t i = 0; i < size; i++) {
        char one[4];
        size_t length = escape_byte(bytes[i], one);
        if (length >= room - used)
            break;
        for (size_t j = 0; j < length; j++)
            text[used++] = one[j];
    }
    text[used] = '\0';
}

/*
 * Hexadecimal text, zero checks, constant-time compare, wiping, names.
 */
#include "base/bytes.h"

#include <string.h>

void hex_encode(const void *bytes, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = bytes;
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[in[i] >> 4];
        *out++ = digits[in[i] & 15];
    }
    *out = '\0';
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hex_decode(const char *text, void *out, size_t capacity, size_t *size)
{
    size_t length = strlen(text);
    if (length % 2 != 0 || length / 2 > capacity)
        return false;
    uint8_t *to = out;
    for (size_t i = 0; i < length / 2; i++) {
        int high = digit_value(text[2 * i]);
        int low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        to[i] = (uint8_t)(high << 4 | low);
    }
    *size = length / 2;
    return true;
}

bool bytes_equal(const void *a, const void *b, size_t size)
{
    const volatile uint8_t *x = a;
    const volatile uint8_t *y = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < size; i++)
        difference = (uint8_t)(difference | (x[i] ^ y[i]));
    return difference == 0;
}

void bytes_wipe(void *bytes, size_t size)
{
    explicit_bzero(bytes, size);
}

static bool name_character(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

bool name_is_valid(const uint8_t *name, size_t size)
{
    size_t length = strnlen((const char *)name, size);
    if (length == 0 || length == size || name[0] == '.' || name[0] == '-')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!name_character(name[i]))
            return false;
    return bytes_are_zero(name + length, size - length);
}

bool name_set(uint8_t *name, size_t size, const char *text)
{
    size_t length = strlen(text);
    if (length >= size)
        return false;
    memset(name, 0, size);
    memcpy(name, text, length);
    return true;
}

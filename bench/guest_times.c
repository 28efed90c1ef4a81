/*
 * Parses with a cursor that knows its end.
 */
#include "bench/guest_times.h"

#include <stdint.h>
#include <string.h>

#define WORD "round"
#define PS_MAX 1000000000000ull /* a second */

struct cursor {
    const char *at;
    const char *end;
};

/* A space and a decimal number of picoseconds. */
static bool take_time(struct cursor *cursor, double *ns)
{
    uint64_t ps = 0;
    if (cursor->at == cursor->end || *cursor->at++ != ' ')
        return false;
    for (; cursor->at < cursor->end && *cursor->at != ' '; cursor->at++) {
        if (*cursor->at < '0' || *cursor->at > '9')
            return false;
        ps = ps * 10 + (uint64_t)(*cursor->at - '0');
        if (ps > PS_MAX)
            return false;
    }
    *ns = (double)ps / 1000;
    return ps > 0;
}

bool guest_times_parse(const char *line, size_t size, struct guest_times *times)
{
    struct cursor cursor = {line, line + size};
    struct guest_times read;
    if (size < strlen(WORD) || memcmp(line, WORD, strlen(WORD)) != 0)
        return false;
    cursor.at += strlen(WORD);
    if (!take_time(&cursor, &read.native) || !take_time(&cursor, &read.call) ||
        cursor.at != cursor.end)
        return false;
    *times = read;
    return true;
}

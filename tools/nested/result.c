/*
 * Results, held in memory until each is complete.
 */
#include "tools/nested/result.h"

#include "tools/tool.h"

#include "base/file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *expected[RESULTS_MAX];
static unsigned count, next, written;

static uint8_t *content; /* of the next one */
static size_t size, room;

bool result_expect(const char *path)
{
    if (count == RESULTS_MAX)
        return false;
    expected[count++] = path;
    return true;
}

static cloister_status check_expected(struct reason *why)
{
    if (next < count)
        return CLOISTER_OK;
    return refuse(why, CLOISTER_BAD_FORMAT, "the machine sends a file that nobody asked for");
}

static cloister_status make_room(size_t more, struct reason *why)
{
    if (more > RESULT_SIZE_MAX - size)
        return refuse(why, CLOISTER_TOO_BIG, "%.200s is larger than %u bytes, the most allowed",
                      expected[next], RESULT_SIZE_MAX);
    if (size + more <= room)
        return CLOISTER_OK;
    size_t larger = 2 * (size + more);
    uint8_t *moved = realloc(content, larger);
    if (!moved)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for %.200s", expected[next]);
    content = moved;
    room = larger;
    return CLOISTER_OK;
}

cloister_status result_add(const void *bytes, size_t more, struct reason *why)
{
    cloister_status status = check_expected(why);
    if (status == CLOISTER_OK)
        status = make_room(more, why);
    if (status != CLOISTER_OK || more == 0)
        return status;
    memcpy(content + size, bytes, more);
    size += more;
    return CLOISTER_OK;
}

static mode_t usual_mode(void)
{
    mode_t mask = umask(0);
    (void)umask(mask);
    return 0666 & ~mask;
}

cloister_status result_write(struct reason *why)
{
    cloister_status status = check_expected(why);
    if (status == CLOISTER_OK)
        status = file_write(expected[next], content ? content : (const void *)"", size,
                            usual_mode(), why);
    if (status != CLOISTER_OK)
        return status;
    size = 0;
    next++;
    written++;
    return CLOISTER_OK;
}

cloister_status result_skip(const void *text, size_t length, struct reason *why)
{
    cloister_status status = check_expected(why);
    if (status != CLOISTER_OK)
        return status;
    (void)!refuse(why, CLOISTER_NOT_FOUND, "no result %.120s: %.*s", expected[next],
                  length > 120 ? 120 : (int)length, (const char *)text);
    (void)tool_fail("nested", CLOISTER_NOT_FOUND, why);
    size = 0;
    next++;
    return CLOISTER_OK;
}

bool result_all_written(void)
{
    return written == count;
}

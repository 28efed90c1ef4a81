/*
 * Reads /proc/PID/statm, which everybody may, and smaps_rollup, which few may.
 */
#include "tools/show/process_memory.h"

#include "base/scope.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

/* The file's text into `text`, ended by a NUL; false if there is none. */
static bool read_text(uint32_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%" PRIu32 "/%s", pid, name);
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, size - 1);
    if (length <= 0)
        return false;
    text[length] = '\0';
    return true;
}

struct process_memory process_memory_read(uint32_t pid)
{
    struct process_memory memory = {0};
    char text[4096];
    uint64_t number;
    if (read_text(pid, "statm", text, sizeof text) && sscanf(text, "%*u %" SCNu64, &number) == 1)
        memory.rss = number * (uint64_t)sysconf(_SC_PAGESIZE);
    if (!read_text(pid, "smaps_rollup", text, sizeof text))
        return memory;
    const char *line = strstr(text, "\nPss:");
    memory.pss_is_known = line && sscanf(line, "\nPss: %" SCNu64, &number) == 1;
    if (memory.pss_is_known)
        memory.pss = number * 1024;
    return memory;
}

/*
 * Reads /proc/PID/stat. The pid may have passed to another process since the client connected: the
 * kernel's own handle on the client (SO_PEERPIDFD) tells, for a process that has not ended after we
 * read had its pid while we read.
 */
#include "vmm/client_process.h"

#include "base/scope.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#define STAT_SIZE 1024
#define FIELDS_BEFORE_START 20 /* from the command's closing parenthesis on: proc(5), field 22 */

uint64_t client_process_parse(const char *stat, size_t size)
{
    /* The command may hold parentheses and blanks; behind its last one there are only numbers. */
    const char *at = memrchr(stat, ')', size);
    const char *end = stat + size;
    uint64_t start = 0;
    for (unsigned field = 0; at && field < FIELDS_BEFORE_START; field++)
        at = memchr(at + 1, ' ', (size_t)(end - at - 1));
    for (at = at ? at + 1 : end; at < end && *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(start, 10, &start) ||
            __builtin_add_overflow(start, (uint64_t)(*at - '0'), &start))
            return 0;
    return at < end && *at == ' ' ? start : 0;
}

static uint64_t read_start(int processes, pid_t pid)
{
    char path[32];
    char stat[STAT_SIZE];
    (void)snprintf(path, sizeof path, "%d/stat", (int)pid);
    AUTO_FD int fd = openat(processes, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t size = read(fd, stat, sizeof stat);
    return size > 0 ? client_process_parse(stat, (size_t)size) : 0;
}

static bool has_not_ended(int pidfd)
{
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    return poll(&ended, 1, 0) == 0;
}

uint64_t client_process_start(int processes, int socket, pid_t pid)
{
    AUTO_FD int pidfd = -1;
    socklen_t size = sizeof pidfd;
    if (processes < 0 || pid <= 0 ||
        getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) != 0)
        return 0;
    uint64_t start = read_start(processes, pid);
    return has_not_ended(pidfd) ? start : 0;
}

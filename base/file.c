/*
 * Whole files: read once with a limit, replaced atomically.
 */
#include "base/file.h"

#include "base/scope.h"
#include "base/signals.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>

static cloister_status read_all(int fd, const char *path, size_t limit, size_t expected,
                                uint8_t **bytes, size_t *size, struct reason *why)
{
    size_t capacity = expected + 1 > 65536 ? expected + 1 : 65536;
    AUTO_FREE uint8_t *buffer = malloc(capacity);
    size_t length = 0;
    while (buffer) {
        ssize_t n = read(fd, buffer + length, capacity - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return refuse_errno(why, "cannot read %.200s", path);
        if (n == 0) {
            *size = length;
            *bytes = take_pointer(&buffer);
            return CLOISTER_OK;
        }
        length += (size_t)n;
        if (length > limit)
            return refuse(why, CLOISTER_TOO_BIG,
                          "%.200s is larger than %zu bytes, the most allowed", path, limit);
        if (length == capacity) {
            capacity *= 2;
            uint8_t *larger = realloc(buffer, capacity);
            if (!larger)
                break;
            buffer = larger;
        }
    }
    return refuse(why, CLOISTER_NO_MEMORY, "no memory for %.200s", path);
}

static cloister_status refuse_empty(struct reason *why)
{
    return refuse(why, CLOISTER_BAD_ARGUMENT, "the name of a file is empty");
}

cloister_status file_read(const char *path, size_t limit, uint8_t **bytes, size_t *size,
                          struct reason *why)
{
    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, "standard input", limit, 0, bytes, size, why);
    if (!*path)
        return refuse_empty(why);
    /* O_NONBLOCK: opening a FIFO that nobody writes to must not hang. */
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return refuse_errno(why, "cannot open %.200s", path);
    struct stat st;
    if (fstat(fd, &st) != 0)
        return refuse_errno(why, "cannot examine %.200s", path);
    if (!S_ISREG(st.st_mode))
        return refuse(why, CLOISTER_BAD_FORMAT, "%.200s is not a regular file", path);
    if (st.st_size < 0 || (uint64_t)st.st_size > limit)
        return refuse(why, CLOISTER_TOO_BIG, "%.200s has %lld bytes; at most %zu are allowed", path,
                      (long long)st.st_size, limit);
    return read_all(fd, path, limit, (size_t)st.st_size, bytes, size, why);
}

cloister_status fd_write_all(int fd, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    while (size > 0) {
        ssize_t n = write(fd, from, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return CLOISTER_IO;
        from += n;
        size -= (size_t)n;
    }
    return CLOISTER_OK;
}

cloister_status fd_write_at(int fd, const void *bytes, size_t size, off_t offset)
{
    const uint8_t *from = bytes;
    while (size > 0) {
        ssize_t n = pwrite(fd, from, size, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return CLOISTER_IO;
        from += n;
        offset += n;
        size -= (size_t)n;
    }
    return CLOISTER_OK;
}

cloister_status fd_read_at(int fd, void *bytes, size_t size, off_t offset)
{
    uint8_t *to = bytes;
    while (size > 0) {
        ssize_t n = pread(fd, to, size, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = 0;
        if (n <= 0)
            return CLOISTER_IO;
        to += n;
        offset += n;
        size -= (size_t)n;
    }
    return CLOISTER_OK;
}

cloister_status fd_copy(int from, int to, size_t limit, size_t *copied)
{
    size_t done = 0;
    while (done <= limit) {
        ssize_t n = sendfile(to, from, NULL, limit + 1 - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return CLOISTER_IO;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    *copied = done;
    return CLOISTER_OK;
}

bool fd_is_ordinary_memory(int fd)
{
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

/* /dev/null and the like must not be replaced by a file. */
static cloister_status write_in_place(const char *path, const void *bytes, size_t size,
                                      struct reason *why)
{
    AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return refuse_errno(why, "cannot write %.200s", path);
    if (fd_write_all(fd, bytes, size) != CLOISTER_OK)
        return refuse_errno(why, "cannot write %.200s", path);
    return CLOISTER_OK;
}

static cloister_status write_temporary(int fd, const char *path, const char *temporary,
                                       const void *bytes, size_t size, mode_t mode,
                                       struct reason *why)
{
    if (fchmod(fd, mode) != 0 || fd_write_all(fd, bytes, size) != CLOISTER_OK || fsync(fd) != 0)
        return refuse_errno(why, "cannot write %.200s", path);
    if (rename(temporary, path) != 0)
        return refuse_errno(why, "cannot replace %.200s", path);
    return CLOISTER_OK;
}

cloister_status file_write(const char *path, const void *bytes, size_t size, mode_t mode,
                           struct reason *why)
{
    if (strcmp(path, "-") == 0) {
        if (fd_write_all(STDOUT_FILENO, bytes, size) != CLOISTER_OK)
            return refuse_errno(why, "cannot write standard output");
        return CLOISTER_OK;
    }
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return write_in_place(path, bytes, size, why);
    char temporary[PATH_MAX];
    int length = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof temporary)
        return refuse(why, CLOISTER_TOO_BIG, "path %.200s is too long", path);
    AUTO_SIGNALS sigset_t before = signals_hold();
    AUTO_FD int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return refuse_errno(why, "cannot create %.200s", path);
    cloister_status status = write_temporary(fd, path, temporary, bytes, size, mode, why);
    if (status != CLOISTER_OK)
        (void)unlink(temporary);
    return status;
}

cloister_status file_check_input(const char *path, struct reason *why)
{
    struct stat st;
    if (strcmp(path, "-") == 0)
        return CLOISTER_OK;
    if (!*path)
        return refuse_empty(why);
    if (access(path, R_OK) != 0 || stat(path, &st) != 0)
        return refuse_errno(why, "cannot open %.200s", path);
    if (S_ISDIR(st.st_mode))
        return refuse(why, CLOISTER_BAD_FORMAT, "%.200s is not a regular file", path);
    return CLOISTER_OK;
}

cloister_status file_check_output(const char *path, struct reason *why)
{
    struct stat st;
    const char *slash = strrchr(path, '/');
    if (strcmp(path, "-") == 0)
        return CLOISTER_OK;
    bool there = stat(path, &st) == 0;
    if (*path == '\0' || (slash && slash[1] == '\0') || (there && S_ISDIR(st.st_mode)))
        return refuse(why, CLOISTER_BAD_ARGUMENT, "output is '%.200s'; it must name a file", path);
    if (there && !S_ISREG(st.st_mode))
        return access(path, W_OK) == 0 ? CLOISTER_OK
                                       : refuse_errno(why, "cannot write %.200s", path);
    AUTO_FREE char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup("./");
    if (!folder)
        return refuse(why, CLOISTER_NO_MEMORY, "out of memory");
    if (access(folder, W_OK | X_OK) != 0)
        return refuse_errno(why, "cannot write %.200s", path);
    return CLOISTER_OK;
}

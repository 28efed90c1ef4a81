/*
 * Files. There are none: every path is missing, and the three standard descriptors are pipes.
 */
#include "personality.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <string.h>

#include <asm/stat.h>

#define EMPTY_PATH 0x1000u /* AT_EMPTY_PATH */
#define PIPE_MODE 0010600u /* S_IFIFO, rw------- */

static bool is_standard(uint64_t descriptor)
{
    return (uint32_t)descriptor <= 2;
}

int64_t file_none(const uint64_t argument[6])
{
    (void)argument;
    return -ENOENT;
}

int64_t file_close(const uint64_t argument[6])
{
    return is_standard(argument[0]) ? 0 : -EBADF;
}

int64_t file_lseek(const uint64_t argument[6])
{
    return is_standard(argument[0]) ? -ESPIPE : -EBADF;
}

int64_t file_ioctl(const uint64_t argument[6])
{
    return is_standard(argument[0]) ? -ENOTTY : -EBADF;
}

int64_t file_fcntl(const uint64_t argument[6])
{
    if (!is_standard(argument[0]))
        return -EBADF;
    switch (argument[1]) {
    case F_GETFD:
    case F_SETFD:
    case F_SETFL:
        return 0;
    case F_GETFL:
        return (uint32_t)argument[0] == 0 ? O_RDONLY : O_WRONLY;
    default:
        return -EINVAL;
    }
}

static int64_t fill_stat(uint64_t descriptor, uint64_t address)
{
    struct stat *out = personality_pointer(address);
    if (!is_standard(descriptor))
        return -EBADF;
    memset(out, 0, sizeof *out);
    out->st_mode = PIPE_MODE;
    out->st_nlink = 1;
    out->st_ino = (uint32_t)descriptor + 1;
    out->st_blksize = 4096;
    return 0;
}

int64_t file_fstat(const uint64_t argument[6])
{
    return fill_stat(argument[0], argument[1]);
}

int64_t file_newfstatat(const uint64_t argument[6])
{
    const char *path = personality_pointer(argument[1]);
    if (!(argument[3] & EMPTY_PATH) || path[0] != '\0')
        return -ENOENT;
    return fill_stat(argument[0], argument[2]);
}

int64_t file_getcwd(const uint64_t argument[6])
{
    if (argument[1] < 2)
        return -ERANGE;
    memcpy(personality_pointer(argument[0]), "/", 2);
    return 2;
}

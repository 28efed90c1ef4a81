/*
 * Looks up what the host says of its own walls. Runs in the keeper before its sandbox. It is the
 * host's word, and reports call it self-reported.
 */
#include "measure/launch.h"

#include "base/scope.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#define VULNERABILITIES "/sys/devices/system/cpu/vulnerabilities"
#define YAMA_ABSENT 0xffffffffu
#define YAMA_NO_ATTACH 3u

/* Reads the start of a small file as a string without its newline; false if it cannot be read. */
static bool read_text(int folder, const char *path, char *text, size_t size)
{
    AUTO_FD int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, size - 1);
    if (n < 0)
        return false;
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return true;
}

/* Keeps what reports may carry: printable, cut to the field, zero-filled. */
static void keep(uint8_t *field, size_t size, const char *text)
{
    memset(field, 0, size);
    for (size_t i = 0; i + 1 < size && text[i] > 0x20 && text[i] < 0x7f; i++)
        field[i] = (uint8_t)text[i];
}

static uint32_t yama_scope(void)
{
    char text[16];
    if (!read_text(AT_FDCWD, "/proc/sys/kernel/yama/ptrace_scope", text, sizeof text) ||
        text[0] < '0' || text[0] > '3' || text[1] != '\0')
        return YAMA_ABSENT;
    return (uint32_t)(text[0] - '0');
}

/* The file lists all levels, the one in force in brackets. */
static void look_up_lockdown(struct host_posture *posture)
{
    char text[128];
    if (!read_text(AT_FDCWD, "/sys/kernel/security/lockdown", text, sizeof text))
        return;
    char *start = strchr(text, '[');
    char *end = start ? strchr(start, ']') : NULL;
    if (!end)
        return;
    *end = '\0';
    keep(posture->lockdown, sizeof posture->lockdown, start + 1);
}

static void look_up_smt(struct host_posture *posture)
{
    char text[32];
    if (read_text(AT_FDCWD, "/sys/devices/system/cpu/smt/control", text, sizeof text))
        keep(posture->smt, sizeof posture->smt, text);
}

/* The first line is a heading, each further line an active swap. */
static bool swap_is_active(void)
{
    char text[512];
    AUTO_FD int fd = open("/proc/swaps", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;
    if (n <= 0)
        return false;
    const char *newline = memchr(text, '\n', (size_t)n);
    return newline && newline + 1 < text + n;
}

static uint32_t count_vulnerable(void)
{
    DIR *folder = opendir(VULNERABILITIES);
    if (!folder)
        return 0;
    uint32_t count = 0;
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        char text[128];
        if (entry->d_name[0] != '.' && read_text(dirfd(folder), entry->d_name, text, sizeof text) &&
            strncmp(text, "Vulnerable", strlen("Vulnerable")) == 0)
            count++;
    }
    (void)closedir(folder);
    return count;
}

void posture_look_up(struct host_posture *posture)
{
    memset(posture, 0, sizeof *posture);
    posture->yama_scope = yama_scope();
    /* Only this keeps root out: lockdown restricts the kernel's own interfaces, not ptrace. */
    posture->ptrace_locked = posture->yama_scope == YAMA_NO_ATTACH;
    look_up_lockdown(posture);
    look_up_smt(posture);
    struct utsname names;
    if (uname(&names) == 0)
        keep(posture->kernel, sizeof posture->kernel, names.release);
    posture->swap = swap_is_active();
    posture->vulnerable = count_vulnerable();
}

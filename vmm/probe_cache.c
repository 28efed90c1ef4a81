/*
 * One line: version, boot id, kernel release. Read through a descriptor whose owner, type and mode
 * are checked, never through the name alone.
 */
#include "vmm/probe_cache.h"

#include "vmm/runtime_image.h"
#include "vmm/version.h"

#include "base/file.h"
#include "base/runtime_folder.h"
#include "base/scope.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#define FILE_NAME "probe.cache"
#define LINE_SIZE 256
#define PATH_SIZE 256

static bool read_boot_id(char *text, size_t size)
{
    AUTO_FD int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
    if (n <= 0)
        return false;
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return true;
}

/* What the file must say word for word. */
static bool expected(char line[LINE_SIZE])
{
    struct utsname host;
    char boot[64];
    if (uname(&host) != 0 || !read_boot_id(boot, sizeof boot))
        return false;
    int length = snprintf(line, LINE_SIZE, "cloister %s runtime %u boot %s kernel %s %s: passed\n",
                          VMM_VERSION, RUNTIME_SVN, boot, host.release, host.version);
    return length > 0 && length < LINE_SIZE;
}

static bool cache_path(char path[PATH_SIZE])
{
    char folder[PATH_SIZE];
    if (runtime_folder_make(folder, sizeof folder, NULL) != CLOISTER_OK)
        return false;
    int length = snprintf(path, PATH_SIZE, "%s/" FILE_NAME, folder);
    return length > 0 && length < PATH_SIZE;
}

static bool is_ours(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
           (st.st_mode & 07777) == 0600;
}

bool probe_cache_passed(void)
{
    char path[PATH_SIZE];
    char want[LINE_SIZE];
    char have[LINE_SIZE];
    if (!cache_path(path) || !expected(want))
        return false;
    AUTO_FD int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || !is_ours(fd))
        return false;
    ssize_t n = read(fd, have, sizeof have);
    return n > 0 && (size_t)n == strlen(want) && memcmp(have, want, (size_t)n) == 0;
}

void probe_cache_store(void)
{
    char path[PATH_SIZE];
    char line[LINE_SIZE];
    struct reason why;
    if (cache_path(path) && expected(line) &&
        file_write(path, line, strlen(line), 0600, &why) != CLOISTER_OK)
        return; /* the next start probes again */
}

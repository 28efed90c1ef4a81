/*
 * Looks at files of the host and at nothing else.
 */
#include "tools/show/doctor_host.h"

#include "base/scope.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/utsname.h>

static bool any_exists(const char *const *paths)
{
    for (; *paths; paths++)
        if (access(*paths, R_OK) == 0)
            return true;
    return false;
}

json_t *doctor_missing_packages(void)
{
    static const struct {
        const char *package;
        const char *path[4];
    } needed[] = {
        {"gcc", {"/usr/bin/gcc", "/usr/bin/cc", "/usr/local/bin/gcc"}},
        {"binutils", {"/usr/bin/ld", "/usr/local/bin/ld"}},
        {"libc6-dev", {"/usr/lib/x86_64-linux-gnu/libc.a", "/usr/lib64/libc.a"}},
        {"libssl-dev", {"/usr/lib/x86_64-linux-gnu/libcrypto.a", "/usr/lib64/libcrypto.a"}},
    };
    json_t *missing = json_array();
    for (size_t i = 0; missing && i < ARRAY_SIZE(needed); i++)
        if (!any_exists(needed[i].path))
            (void)json_array_append_new(missing, json_string(needed[i].package));
    return missing;
}

static void read_line(const char *path, char *line, size_t size)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, line, size - 1);
    line[length > 0 ? length : 0] = '\0';
}

bool doctor_root_may_ptrace(void)
{
    char scope[16];
    char lockdown[64];
    read_line("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof scope);
    read_line("/sys/kernel/security/lockdown", lockdown, sizeof lockdown);
    return scope[0] != '3' && !strstr(lockdown, "[confidentiality]");
}

unsigned doctor_cpus(void)
{
    cpu_set_t cpus;
    return sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (unsigned)CPU_COUNT(&cpus) : 1;
}

void doctor_kernel(char *text, size_t size)
{
    struct utsname name;
    if (uname(&name) == 0)
        (void)snprintf(text, size, "%.30s %.60s", name.sysname, name.release);
    else
        (void)snprintf(text, size, "unknown");
}

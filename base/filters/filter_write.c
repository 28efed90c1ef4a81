/*
 * Lists to BPF by libseccomp, BPF to C.
 */
#include "base/filters/filter_write.h"

#include "base/scope.h"

#include <linux/filter.h>
#include <stdio.h>
#include <sys/mman.h>

static int add(scmp_filter_ctx filter, const struct filter_list *list)
{
    int error = 0;
    for (size_t i = 0; i < list->count && error == 0; i++)
        error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, list->rule[i].call,
                                       list->rule[i].conditions, list->rule[i].condition);
    return error;
}

static int export(const struct filter_list *lists, int fd)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return -ENOMEM;
    int error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    for (; lists->count > 0 && error == 0; lists++)
        error = add(filter, lists);
    if (error == 0)
        error = seccomp_export_bpf(filter, fd);
    seccomp_release(filter);
    return error;
}

bool filter_write(const char *name, const struct filter_list *lists)
{
    struct sock_filter step;
    off_t at = 0;
    AUTO_FD int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0 || export(lists, fd) != 0)
        return false;
    (void)fprintf(stdout, "static const struct sock_filter %s[] = {\n", name);
    for (; pread(fd, &step, sizeof step, at) == sizeof step; at += (off_t)sizeof step)
        (void)fprintf(stdout, "    {0x%02x, %u, %u, 0x%08x},\n", step.code, step.jt, step.jf,
                      step.k);
    (void)fprintf(stdout, "};\n");
    return at > 0 && fflush(stdout) == 0;
}

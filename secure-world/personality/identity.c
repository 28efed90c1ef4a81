/*
 * Who and what the program is: process 1, user 0, a machine with the module's own heap as memory.
 */
#include "personality.h"

#include <linux/errno.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sysinfo.h>
#include <linux/utsname.h>
#include <string.h>

int64_t identity_process(const uint64_t argument[6])
{
    (void)argument;
    return 1;
}

int64_t identity_thread(const uint64_t argument[6])
{
    (void)argument;
    return (int64_t)personality_thread() + 1;
}

int64_t identity_root(const uint64_t argument[6])
{
    (void)argument;
    return 0;
}

int64_t identity_umask(const uint64_t argument[6])
{
    (void)argument;
    return 022;
}

int64_t identity_uname(const uint64_t argument[6])
{
    struct new_utsname *out = personality_pointer(argument[0]);
    memset(out, 0, sizeof *out);
    memcpy(out->sysname, "Linux", sizeof "Linux");
    memcpy(out->nodename, personality_boot()->name, CLO_NAME_SIZE);
    memcpy(out->release, "6.1.0-cloister", sizeof "6.1.0-cloister");
    memcpy(out->version, "#1", sizeof "#1");
    memcpy(out->machine, "x86_64", sizeof "x86_64");
    memcpy(out->domainname, "(none)", sizeof "(none)");
    return 0;
}

int64_t identity_sysinfo(const uint64_t argument[6])
{
    struct sysinfo *out = personality_pointer(argument[0]);
    memset(out, 0, sizeof *out);
    out->uptime = (int64_t)(personality_monotonic() / 1000000000u);
    out->totalram = personality_boot()->heap_size;
    out->freeram = out->totalram;
    out->procs = 1;
    out->mem_unit = 1;
    return 0;
}

static int64_t get_limit(uint64_t resource, uint64_t address)
{
    struct rlimit64 *out = personality_pointer(address);
    if (resource >= RLIM_NLIMITS)
        return -EINVAL;
    uint64_t limit = RLIM64_INFINITY;
    if (resource == RLIMIT_STACK)
        limit = personality_boot()->stack_size;
    if (resource == RLIMIT_NOFILE)
        limit = 3;
    if (resource == RLIMIT_NPROC)
        limit = personality_boot()->threads;
    out->rlim_cur = limit;
    out->rlim_max = limit;
    return 0;
}

int64_t identity_getrlimit(const uint64_t argument[6])
{
    return get_limit((uint32_t)argument[0], argument[1]);
}

int64_t identity_prlimit64(const uint64_t argument[6])
{
    if ((uint32_t)argument[0] > 1)
        return -ESRCH;
    if (argument[2] != 0)
        return -EPERM;
    return argument[3] != 0 ? get_limit((uint32_t)argument[1], argument[3]) : 0;
}

int64_t identity_prctl(const uint64_t argument[6])
{
    return argument[0] == PR_SET_NAME ? 0 : -EINVAL;
}

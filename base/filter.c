/*
 * Puts the variables into a copy of the filter and hands it to the kernel.
 */
#include "base/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Comparisons of the low half of an argument; the high half is compared with zero before. */
static unsigned substitute(struct sock_filter *program, size_t count,
                           const struct filter_variable *variable)
{
    unsigned found = 0;
    for (size_t i = 0; i < count; i++)
        if (program[i].code == (BPF_JMP | BPF_JEQ | BPF_K) &&
            program[i].k == variable->placeholder) {
            program[i].k = variable->value;
            found++;
        }
    return found;
}

cloister_status filter_load(const struct sock_filter *program, size_t count,
                            const struct filter_variable *variables, size_t variable_count,
                            struct reason *why)
{
    /* Not from malloc: what is freed behind a list can need a system call that is not on it. */
    struct sock_filter copy[FILTER_MAX];
    if (count > FILTER_MAX)
        return refuse(why, CLOISTER_INTERNAL, "the sandbox has %zu instructions, more than %u",
                      count, FILTER_MAX);
    memcpy(copy, program, count * sizeof *copy);
    for (size_t i = 0; i < variable_count; i++) {
        unsigned found = substitute(copy, count, &variables[i]);
        if (found != 1)
            return refuse(why, CLOISTER_INTERNAL, "a variable occurs %u times in the sandbox",
                          found);
    }
    const struct sock_fprog filter = {(unsigned short)count, copy};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0)
        return refuse(why, CLOISTER_UNSUPPORTED, "cannot load the sandbox (seccomp): %s",
                      strerror(errno));
    return CLOISTER_OK;
}

/*
 * Lists of system calls that remain, and how the build turns them into filters. Only programs that
 * run at build time include this: none that runs later needs libseccomp.
 */
#ifndef BASE_FILTER_WRITE_H
#define BASE_FILTER_WRITE_H

#include <stdbool.h>
#include <stddef.h>

#include <seccomp.h>

/* A system call that remains, if its arguments are so. */
struct filter_rule {
    int call;
    unsigned conditions;
    struct scmp_arg_cmp condition[2];
};

#define FILTER_ANY(name)                                                                           \
    {                                                                                              \
        .call = SCMP_SYS(name)                                                                     \
    }
#define FILTER_WHERE(name, ...)                                                                    \
    {                                                                                              \
        .call = SCMP_SYS(name), .conditions = 1, .condition = { __VA_ARGS__ }                      \
    }
#define FILTER_WHERE_BOTH(name, ...)                                                               \
    {                                                                                              \
        .call = SCMP_SYS(name), .conditions = 2, .condition = { __VA_ARGS__ }                      \
    }

struct filter_list {
    const struct filter_rule *rule;
    size_t count;
};

/* Writes `static const struct sock_filter NAME[]` to standard output: what is on none of the lists
   (the last has no rules) kills the process. false: it cannot. */
bool filter_write(const char *name, const struct filter_list *lists);

#endif

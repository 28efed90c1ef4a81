/*
 * What the sanitizers do for themselves, at an error or at the end: a list for programs that shut
 * their threads in. Empty in the ordinary build.
 */
#ifndef BASE_FILTER_SANITIZER_H
#define BASE_FILTER_SANITIZER_H

#include "base/filters/filter_write.h"

#ifdef CLOISTER_SANITIZED
#include <fcntl.h>
#include <sys/syscall.h>

static const struct filter_rule sanitizer[] = {
    FILTER_ANY(mmap),         /* shadow memory */
    FILTER_ANY(mprotect),     /* … */
    FILTER_ANY(mremap),       /* … */
    FILTER_ANY(sigaltstack),  /* each thread's signal stack */
    FILTER_ANY(rt_sigaction), /* their handlers */
    FILTER_ANY(prctl),        /* names; is the process dumpable? */
    FILTER_WHERE(openat,
                 SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)AT_FDCWD)), /* /proc/self/maps; symbols */
    FILTER_ANY(open),                                          /* … */
    FILTER_ANY(read),                                          /* … */
    FILTER_ANY(pread64),                                       /* … */
    FILTER_ANY(lseek),                                         /* … */
    FILTER_ANY(stat),                                          /* … */
    FILTER_ANY(newfstatat),                                    /* … */
    FILTER_ANY(readlink),                                      /* /proc/self/exe */
    FILTER_ANY(readlinkat),                                    /* … */
    FILTER_ANY(access),                                        /* … */
    FILTER_ANY(getdents),                                      /* the leak checker lists threads */
    FILTER_ANY(getdents64),                                    /* … */
    FILTER_ANY(getrlimit),                                     /* stack bounds */
    FILTER_ANY(prlimit64),                                     /* … */
    FILTER_ANY(sched_getaffinity),                             /* stack bounds of the C library */
    FILTER_ANY(set_robust_list),                               /* a thread that starts */
    FILTER_ANY(rseq),                                          /* … */
    FILTER_ANY(clone),                                         /* the leak checker's tracer */
    FILTER_ANY(clone3),                                        /* … */
    FILTER_ANY(ptrace),                                        /* … */
    FILTER_ANY(wait4),                                         /* … */
    FILTER_ANY(kill),                                          /* … */
    FILTER_ANY(getppid),                                       /* … */
    FILTER_ANY(nanosleep),                                     /* a report waits for others */
    FILTER_ANY(ioctl), /* is the report's descriptor a terminal? */
    FILTER_ANY(dup),   /* … */
    FILTER_ANY(fcntl), /* … */
    FILTER_ANY(pipe),  /* is memory readable? */
    FILTER_ANY(pipe2), /* … */
    FILTER_ANY(uname), /* … */
};
#endif

#endif

/*
 * The keeper's list: each system call that remains is one line with its reason; what is not here
 * kills the process. Runs at build time and writes keeper_filters.h, which keeper_sandbox.c loads.
 */
#include "base/filters/filter_write.h"

#include "base/scope.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static const struct filter_rule rules[] = {
    FILTER_ANY(ppoll),   /* wait for world host, its end, signals */
    FILTER_ANY(poll),    /* the same, as some C libraries spell it */
    FILTER_ANY(recvmsg), /* requests, with the images' descriptors */
    FILTER_ANY(sendmsg), /* replies */
    FILTER_ANY(read),    /* which signal came; nothing else is open to read */
    FILTER_WHERE(write, SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO)), /* log lines */
    FILTER_ANY(close),                                        /* descriptors of images */
    FILTER_WHERE(fcntl, SCMP_A1(SCMP_CMP_EQ, F_GET_SEALS)),   /* is an image sealed? */
    FILTER_ANY(fstatfs),                                      /* is it an ordinary memfd? */
    FILTER_ANY(fstat),                                        /* is it as large as it says? */
    FILTER_ANY(pread64),                                      /* an image or binary is measured */
    FILTER_WHERE(mmap,
                 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)), /* large allocations: never code */
    FILTER_ANY(munmap),                                      /* the same, back */
    FILTER_ANY(brk),                                         /* small allocations */
    FILTER_ANY(madvise),                                     /* the allocator gives memory back */
    FILTER_ANY(getrandom),                                   /* keys, salts, nonces */
    FILTER_ANY(clock_gettime),     /* time of sealing, where the vDSO has no clock */
    FILTER_ANY(gettimeofday),      /* the same, for OpenSSL's generators */
    FILTER_ANY(getpid),            /* OpenSSL's generators notice a fork with it */
    FILTER_ANY(futex),             /* locks in libcrypto */
    FILTER_ANY(pidfd_send_signal), /* signals are passed on to the world host */
    FILTER_ANY(waitid),            /* how it ended */
    FILTER_ANY(restart_syscall),   /* a stopped and continued process resumes its wait */
    FILTER_ANY(rt_sigreturn),      /* a handler that the loader installed, if any */
    FILTER_ANY(exit_group),        /* the end */
#ifdef CLOISTER_SANITIZED
    FILTER_ANY(mmap),              /* shadow memory */
    FILTER_ANY(mremap),            /* its allocator */
    FILTER_ANY(mprotect),          /* its guard pages */
    FILTER_ANY(open),              /* its reports: symbols, maps */
    FILTER_ANY(openat),            /* the same */
    FILTER_ANY(readlink),          /* its own path */
    FILTER_ANY(readlinkat),        /* the same */
    FILTER_ANY(newfstatat),        /* the same */
    FILTER_ANY(lseek),             /* the same */
    FILTER_ANY(ioctl),             /* are reports in colour? */
    FILTER_ANY(dup),               /* its report's descriptor */
    FILTER_ANY(fcntl),             /* the same */
    FILTER_ANY(pipe),              /* is memory readable? */
    FILTER_ANY(pipe2),             /* the same */
    FILTER_ANY(gettid),            /* reports name threads */
    FILTER_ANY(sched_yield),       /* its locks */
    FILTER_ANY(sched_getaffinity), /* its allocator */
    FILTER_ANY(sigaltstack),       /* a stack for its handler */
    FILTER_ANY(rt_sigaction),      /* its handler */
    FILTER_ANY(rt_sigprocmask),    /* the same */
    FILTER_ANY(prctl),             /* names of memory areas, thread names */
    FILTER_ANY(getrlimit),         /* extent of the stack */
    FILTER_ANY(prlimit64),         /* the same */
    FILTER_ANY(clone),             /* symboliser, leak checker */
    FILTER_ANY(ptrace),            /* the leak checker stops this process to look at it */
    FILTER_ANY(getdents),          /* the same: which threads there are */
    FILTER_ANY(getppid),           /* the same: does it still run? */
    FILTER_ANY(wait4),             /* the same */
    FILTER_ANY(tgkill),            /* abort */
    FILTER_ANY(nanosleep),         /* waits before it dies */
    FILTER_ANY(clock_nanosleep),   /* the same */
    FILTER_ANY(exit),              /* end of such a thread */
#endif
};

int main(void)
{
    static const struct filter_list lists[] = {{rules, ARRAY_SIZE(rules)}, {NULL, 0}};
    return filter_write("filter_keeper", lists) ? 0 : 1;
}

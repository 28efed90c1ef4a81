/*
 * The keeper's sandbox. Each system call that remains is one line with its reason; what is not here
 * kills the process.
 */
#include "measure/keeper/keeper_sandbox.h"

#include "base/scope.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

cloister_status keeper_sandbox_harden(struct reason *why)
{
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return refuse_errno(why, "cannot protect the keeper's memory");
    return CLOISTER_OK;
}

cloister_status keeper_sandbox_secret_memory(size_t size, void **memory, struct reason *why)
{
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED)
        return refuse_errno(why, "no memory for secrets");
    if (mlock2(bytes, size, MLOCK_ONFAULT) != 0)
        return refuse(why, CLOISTER_NO_MEMORY,
                      "cannot lock %zu bytes of memory for secrets; raise the limit (ulimit -l)",
                      size);
    if (madvise(bytes, size, MADV_DONTDUMP) != 0)
        return refuse_errno(why, "cannot keep secrets out of dumps");
    *memory = bytes;
    return CLOISTER_OK;
}

/* A system call that remains, if its argument number `argument` masked with `mask` is `value`; a
   mask of 0 asks nothing of the arguments. */
struct rule {
    int call;
    unsigned argument;
    uint64_t mask;
    uint64_t value;
};

#define ALWAYS(name)                                                                               \
    {                                                                                              \
        SCMP_SYS(name), 0, 0, 0                                                                    \
    }
#define IF(name, argument, mask, value)                                                            \
    {                                                                                              \
        SCMP_SYS(name), (argument), (mask), (value)                                                \
    }
#define ALL UINT64_MAX

static const struct rule rules[] = {
    ALWAYS(ppoll),                    /* wait for world host, its end, signals */
    ALWAYS(poll),                     /* the same, as some C libraries spell it */
    ALWAYS(recvmsg),                  /* requests, with the images' descriptors */
    ALWAYS(sendmsg),                  /* replies */
    ALWAYS(read),                     /* which signal came; nothing else is open to read */
    IF(write, 0, ALL, STDERR_FILENO), /* log lines */
    ALWAYS(close),                    /* descriptors of images */
    IF(fcntl, 1, ALL, F_GET_SEALS),   /* is an image sealed? */
    ALWAYS(fstatfs),                  /* is it an ordinary memfd? */
    ALWAYS(fstat),                    /* is it as large as it says? */
    IF(mmap, 2, PROT_EXEC, 0),        /* images, large allocations: never code */
    ALWAYS(munmap),                   /* the same, back */
    ALWAYS(brk),                      /* small allocations */
    ALWAYS(madvise),                  /* the allocator gives memory back */
    ALWAYS(getrandom),                /* keys, salts, nonces */
    ALWAYS(clock_gettime),            /* time of sealing, where the vDSO has no clock */
    ALWAYS(gettimeofday),             /* the same, for OpenSSL's generators */
    ALWAYS(getpid),                   /* OpenSSL's generators notice a fork with it */
    ALWAYS(futex),                    /* locks in libcrypto */
    ALWAYS(pidfd_send_signal),        /* signals are passed on to the world host */
    ALWAYS(waitid),                   /* how it ended */
    ALWAYS(restart_syscall),          /* a stopped and continued process resumes its wait */
    ALWAYS(rt_sigreturn),             /* a handler that the loader installed, if any */
    ALWAYS(exit_group),               /* the end */
#ifdef CLOISTER_SANITIZED
    ALWAYS(mmap),              /* shadow memory */
    ALWAYS(mremap),            /* its allocator */
    ALWAYS(mprotect),          /* its guard pages */
    ALWAYS(open),              /* its reports: symbols, maps */
    ALWAYS(openat),            /* the same */
    ALWAYS(readlink),          /* its own path */
    ALWAYS(readlinkat),        /* the same */
    ALWAYS(newfstatat),        /* the same */
    ALWAYS(lseek),             /* the same */
    ALWAYS(pread64),           /* the same */
    ALWAYS(ioctl),             /* are reports in colour? */
    ALWAYS(dup),               /* its report's descriptor */
    ALWAYS(fcntl),             /* the same */
    ALWAYS(pipe),              /* is memory readable? */
    ALWAYS(pipe2),             /* the same */
    ALWAYS(gettid),            /* reports name threads */
    ALWAYS(sched_yield),       /* its locks */
    ALWAYS(sched_getaffinity), /* its allocator */
    ALWAYS(sigaltstack),       /* a stack for its handler */
    ALWAYS(rt_sigaction),      /* its handler */
    ALWAYS(rt_sigprocmask),    /* the same */
    ALWAYS(prctl),             /* names of memory areas, thread names */
    ALWAYS(getrlimit),         /* extent of the stack */
    ALWAYS(prlimit64),         /* the same */
    ALWAYS(clone),             /* symboliser, leak checker */
    ALWAYS(ptrace),            /* the leak checker stops this process to look at it */
    ALWAYS(getdents),          /* the same: which threads there are */
    ALWAYS(getppid),           /* the same: does it still run? */
    ALWAYS(wait4),             /* the same */
    ALWAYS(tgkill),            /* abort */
    ALWAYS(nanosleep),         /* waits before it dies */
    ALWAYS(clock_nanosleep),   /* the same */
    ALWAYS(exit),              /* end of such a thread */
#endif
};

static int add(scmp_filter_ctx filter, const struct rule *rule)
{
    if (rule->mask == 0)
        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, rule->call, 0);
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, rule->call, 1,
                            SCMP_CMP(rule->argument, SCMP_CMP_MASKED_EQ, rule->mask, rule->value));
}

static int load(scmp_filter_ctx filter)
{
    int error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    for (size_t i = 0; i < ARRAY_SIZE(rules) && error == 0; i++)
        error = add(filter, &rules[i]);
    return error ? error : seccomp_load(filter);
}

cloister_status keeper_sandbox_close(struct reason *why)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for the keeper's sandbox");
    int error = load(filter);
    seccomp_release(filter);
    if (error == 0)
        return CLOISTER_OK;
    errno = -error;
    return refuse_errno(why, "cannot enter the keeper's sandbox");
}

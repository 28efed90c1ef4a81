/*
 * The guest VMM's lists: one system call a line, with its reason. Opening files, sockets, programs,
 * further machines and memory that can be executed are on none of them. Runs at build time and
 * writes guest_filters.h, which vmm/guest/guest_sandbox.c loads.
 */
#include "base/filters/filter_write.h"

#include "vmm/guest/filters/guest_variables.h"

#include "base/scope.h"

#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>

#define NO_EXECUTE SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)
#define REQUEST(number) SCMP_A1_64(SCMP_CMP_EQ, number)

/* Both threads. */
static const struct filter_rule common[] = {
    FILTER_ANY(write),                         /* the console; log lines; our own eventfds */
    FILTER_ANY(poll),                          /* what happens; a slow reader of the console */
    FILTER_ANY(futex),                         /* a device's lock; the vCPU thread's end */
    FILTER_ANY(rt_sigreturn),                  /* end of the kick handler */
    FILTER_ANY(restart_syscall),               /* the kernel resumes a wait with it */
    FILTER_ANY(rt_sigprocmask),                /* the C library, at a thread's end and kick */
    FILTER_ANY(close),                         /* the world's socket */
    FILTER_ANY(munmap),                        /* the end */
    FILTER_ANY(madvise),                       /* the C library gives back a thread's stack */
    FILTER_ANY(exit),                          /* the vCPU thread's end */
    FILTER_ANY(exit_group),                    /* the end */
    FILTER_WHERE(ioctl, REQUEST(KVM_IRQ_LINE)) /* a device's interrupt */
};

/* The thread that runs the guest. */
static const struct filter_rule vcpu[] = {
    FILTER_WHERE(ioctl, REQUEST(KVM_RUN)),                    /* runs the guest */
    FILTER_WHERE(ioctl, REQUEST(KVM_GET_MP_STATE)),           /* has it halted … */
    FILTER_WHERE(ioctl, REQUEST(KVM_GET_REGS)),               /* … for good? */
    FILTER_WHERE(ioctl, REQUEST(KVM_SET_USER_MEMORY_REGION)), /* the mailbox's memory moves */
    FILTER_WHERE(ioctl, REQUEST(KVM_IOEVENTFD)),              /* … and its doorbells */
    FILTER_WHERE(ioctl, REQUEST(KVM_IRQFD)),                  /* … and completions */
    FILTER_ANY(preadv),                                       /* disks */
    FILTER_ANY(pwritev),                                      /* … */
    FILTER_ANY(fdatasync),                                    /* … */
};

/* The thread beside it. */
static const struct filter_rule attendant[] = {
    FILTER_ANY(read),                                      /* input; the resample eventfd */
    FILTER_WHERE(tgkill, SCMP_A0(SCMP_CMP_EQ, GUEST_PID)), /* kicks the vCPU thread */
    FILTER_ANY(getpid),                                    /* … */
    FILTER_WHERE(ioctl, REQUEST(TCGETS)),                  /* the terminal, raw … */
    FILTER_WHERE(ioctl, REQUEST(TCSETS)),                  /* … and as it was */
};

#ifdef CLOISTER_SANITIZED
/* What the sanitizers do for themselves, at an error or at the end. */
static const struct filter_rule sanitizer[] = {
    FILTER_ANY(mmap),              /* shadow memory */
    FILTER_ANY(mprotect),          /* … */
    FILTER_ANY(mremap),            /* … */
    FILTER_ANY(sigaltstack),       /* each thread's signal stack */
    FILTER_ANY(rt_sigaction),      /* their handlers */
    FILTER_ANY(prctl),             /* names; is the process dumpable? */
    FILTER_ANY(openat),            /* /proc/self/maps; symbols */
    FILTER_ANY(open),              /* … */
    FILTER_ANY(read),              /* … */
    FILTER_ANY(pread64),           /* … */
    FILTER_ANY(lseek),             /* … */
    FILTER_ANY(fstat),             /* … */
    FILTER_ANY(stat),              /* … */
    FILTER_ANY(newfstatat),        /* … */
    FILTER_ANY(readlink),          /* /proc/self/exe */
    FILTER_ANY(readlinkat),        /* … */
    FILTER_ANY(access),            /* … */
    FILTER_ANY(getdents),          /* the leak checker lists threads */
    FILTER_ANY(getdents64),        /* … */
    FILTER_ANY(getrlimit),         /* stack bounds */
    FILTER_ANY(prlimit64),         /* … */
    FILTER_ANY(sched_getaffinity), /* … */
    FILTER_ANY(sched_yield),       /* their locks */
    FILTER_ANY(set_robust_list),   /* a thread that starts */
    FILTER_ANY(rseq),              /* … */
    FILTER_ANY(clone),             /* the leak checker's tracer */
    FILTER_ANY(clone3),            /* … */
    FILTER_ANY(ptrace),            /* … */
    FILTER_ANY(wait4),             /* … */
    FILTER_ANY(kill),              /* … */
    FILTER_ANY(getppid),           /* … */
    FILTER_ANY(gettid),            /* … */
    FILTER_ANY(nanosleep),         /* a report waits for others */
    FILTER_ANY(clock_gettime),     /* … */
    FILTER_ANY(ioctl),             /* is the report's descriptor a terminal? */
    FILTER_ANY(dup),               /* … */
    FILTER_ANY(fcntl),             /* … */
    FILTER_ANY(pipe),              /* is memory readable? */
    FILTER_ANY(pipe2),             /* … */
    FILTER_ANY(uname),             /* … */
};
#define END                                                                                        \
    {sanitizer, ARRAY_SIZE(sanitizer)},                                                            \
    {                                                                                              \
        NULL, 0                                                                                    \
    }
#else
#define END                                                                                        \
    {                                                                                              \
        NULL, 0                                                                                    \
    }
#endif

#define LIST(rules)                                                                                \
    {                                                                                              \
        rules, ARRAY_SIZE(rules)                                                                   \
    }

int main(void)
{
    static const struct filter_list of_vcpu[] = {LIST(common), LIST(vcpu), END};
    static const struct filter_list of_attendant[] = {LIST(common), LIST(attendant), END};
    bool written = filter_write("filter_guest_vcpu", of_vcpu) &&
                   filter_write("filter_guest_attendant", of_attendant);
    return written ? 0 : 1;
}

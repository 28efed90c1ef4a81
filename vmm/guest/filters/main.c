/*
 * The guest VMM's lists: one system call a line, with its reason. Opening files, sockets, programs,
 * further machines and memory that can be executed are on none of them. Runs at build time and
 * writes guest_filters.h, which vmm/guest/guest_sandbox.c loads.
 */
#include "base/filters/filter_sanitizer.h"
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
/* … that the lists above have not. */
static const struct filter_rule more[] = {
    FILTER_ANY(fstat),         /* the program's own symbols */
    FILTER_ANY(sched_yield),   /* the sanitizers' locks */
    FILTER_ANY(gettid),        /* … */
    FILTER_ANY(clock_gettime), /* a report waits for others */
};
#define END                                                                                        \
    {sanitizer, ARRAY_SIZE(sanitizer)}, {more, ARRAY_SIZE(more)},                                  \
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

/*
 * The world host's lists: one system call a line, with its reason. Opening files (but for
 * /proc/PID/stat, see sandbox_open_processes), sockets, programs, further machines, memory that can
 * be executed, and moving mappings (one inaccessible page of each guest_memfd stays mapped, and
 * mremap could make it readable) are on none of them. Runs at build time and writes
 * world_filters.h, which vmm/sandbox.c loads.
 */
#include "base/filters/filter_sanitizer.h"
#include "base/filters/filter_write.h"

#include "vmm/filters/world_variables.h"

#include "abi/keeper.h"
#include "base/scope.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define NO_EXECUTE SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)
#define LARGE_FILE 0100000ull /* musl asks for it where there is no other kind */
/* The kernel takes 32 bits; musl's ioctl spreads the highest of them over the rest. */
#define REQUEST(number) SCMP_A1_64(SCMP_CMP_MASKED_EQ, 0xffffffffu, number)

/* All threads. */
static const struct filter_rule common[] = {
    FILTER_WHERE(tgkill, SCMP_A0(SCMP_CMP_EQ, WORLD_PID)), /* kicks a thread of this process */
    FILTER_ANY(write),           /* log lines; eventfds that wake a thread */
    FILTER_ANY(futex),           /* locks, joins, waking clients */
    FILTER_ANY(clock_gettime),   /* where the vDSO has no clock */
    FILTER_ANY(clock_nanosleep), /* short waits while another thread leaves its vCPU */
    FILTER_ANY(sched_yield),     /* … or leaves a channel */
    FILTER_ANY(rt_sigprocmask),  /* keeps the kick away while memory is wiped, and while joining */
    FILTER_ANY(rt_sigreturn),    /* end of the kick handler */
    FILTER_ANY(restart_syscall), /* the kernel resumes a wait with it */
    FILTER_ANY(getrandom),       /* RANDOM; malloc's own */
    FILTER_ANY(getpid),          /* to kick one's own threads only */
    FILTER_ANY(gettid),          /* … */
    FILTER_ANY(close),           /* descriptors of channels and connections */
    FILTER_ANY(munmap),          /* symbols of a fault; the end */
    FILTER_ANY(madvise),         /* the C library gives back a thread's stack */
    FILTER_ANY(brk),             /* malloc */
    FILTER_ANY(exit),            /* a thread that has ended */
    FILTER_ANY(exit_group),      /* the end */
    FILTER_WHERE(mmap, NO_EXECUTE),     /* channels; symbols of a fault */
    FILTER_WHERE(mprotect, NO_EXECUTE), /* malloc */
    FILTER_WHERE(fcntl,
                 SCMP_A1(SCMP_CMP_EQ, F_GET_SEALS)), /* symbols of a fault: is the file sealed? */
    FILTER_WHERE(fstat, SCMP_A0(SCMP_CMP_GE, 0)),    /* … and how long? */
    FILTER_WHERE(newfstatat,
                 SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH)), /* the same */
};

/* A thread that runs a vCPU. */
static const struct filter_rule vcpu[] = {
    FILTER_WHERE(ioctl, REQUEST(KVM_RUN)),             /* runs the module */
    FILTER_WHERE(ioctl, REQUEST(KVM_GET_REGS)),        /* describes a fault */
    FILTER_WHERE(ioctl, REQUEST(KVM_SET_REGS)),        /* starts the wipe routine */
    FILTER_WHERE(ioctl, REQUEST(KVM_GET_SREGS)),       /* a new CR3 after PROTECT; CR2 of a fault */
    FILTER_WHERE(ioctl, REQUEST(KVM_SET_SREGS)),       /* … */
    FILTER_WHERE(ioctl, REQUEST(KVM_SET_VCPU_EVENTS)), /* the wipe starts from a clean state */
    FILTER_ANY(epoll_pwait2),                          /* WAIT */
    FILTER_ANY(timer_settime),                         /* time limit of a call */
    FILTER_WHERE(sendmsg, SCMP_A0(SCMP_CMP_EQ, CLO_KEEPER_DESCRIPTOR)),  /* asks the keeper */
    FILTER_WHERE(recvmsg, SCMP_A0(SCMP_CMP_EQ, CLO_KEEPER_DESCRIPTOR)),  /* … and is answered */
    FILTER_WHERE(shutdown, SCMP_A0(SCMP_CMP_EQ, CLO_KEEPER_DESCRIPTOR)), /* … or has had enough */
};

/* The thread that serves the world socket. */
static const struct filter_rule server[] = {
    FILTER_ANY(epoll_wait),   /* the loop */
    FILTER_ANY(epoll_pwait),  /* … by its other name */
    FILTER_ANY(epoll_ctl),    /* connections and doorbells come and go */
    FILTER_ANY(accept4),      /* a client comes */
    FILTER_ANY(getsockopt),   /* who is it? */
    FILTER_ANY(poll),         /* … and is it still there? */
    FILTER_ANY(recvmsg),      /* what does it want? */
    FILTER_ANY(sendmsg),      /* the answer, with the channel's descriptors */
    FILTER_ANY(read),         /* the signal that arrived; the eventfd of changes */
    FILTER_ANY(memfd_create), /* memory of a channel */
    FILTER_ANY(ftruncate),    /* … its size */
    FILTER_WHERE(fallocate, SCMP_A1_64(SCMP_CMP_EQ,
                                       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)), /* … emptied */
    FILTER_ANY(eventfd2),                                       /* … its doorbell */
    FILTER_WHERE(fcntl, SCMP_A1(SCMP_CMP_EQ, F_ADD_SEALS)),     /* … sealed */
    FILTER_WHERE(fcntl, SCMP_A1(SCMP_CMP_EQ, F_DUPFD_CLOEXEC)), /* … for the client */
    FILTER_WHERE_BOTH(fcntl, SCMP_A1(SCMP_CMP_EQ, F_SETFD),
                      SCMP_A2(SCMP_CMP_EQ, FD_CLOEXEC)), /* … by which musl means the same again */
    FILTER_ANY(timer_delete),                            /* the end of a module thread */
    FILTER_WHERE(shutdown, SCMP_A0(SCMP_CMP_EQ, CLO_KEEPER_DESCRIPTOR)), /* no more questions */
};

/* The one thread of a program: it is its own vCPU thread, and has standard input. */
static const struct filter_rule program[] = {
    FILTER_WHERE(read, SCMP_A0(SCMP_CMP_EQ, STDIN_FILENO)),    /* CONSOLE_READ */
    FILTER_WHERE(writev, SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO)), /* how the program ended */
};

/* … which opens /proc/PID/stat where Landlock keeps every other file away … */
static const struct filter_rule processes[] = {
    FILTER_WHERE_BOTH(openat, SCMP_A0(SCMP_CMP_EQ, WORLD_PROCESSES),
                      SCMP_A2(SCMP_CMP_MASKED_EQ, ~LARGE_FILE,
                              O_RDONLY | O_CLOEXEC)), /* since when a client runs */
};

/* … and takes its sockets away. */
static const struct filter_rule folder[] = {
    FILTER_WHERE(unlinkat, SCMP_A0(SCMP_CMP_EQ, WORLD_FOLDER)),       /* the end */
    FILTER_WHERE(unlinkat, SCMP_A0(SCMP_CMP_EQ, WORLD_GUEST_FOLDER)), /* … where guests connect */
};

/* Both wake guests (guest_signal.c). The contexts are made before the lists are loaded. */
static const struct filter_rule signals[] = {
    FILTER_WHERE(io_submit, SCMP_A1_64(SCMP_CMP_EQ, 1)),    /* an interrupt, without ever waiting */
    FILTER_WHERE(io_getevents, SCMP_A1_64(SCMP_CMP_EQ, 0)), /* … whose results take room */
};

#define LIST(rules)                                                                                \
    {                                                                                              \
        rules, ARRAY_SIZE(rules)                                                                   \
    }
#ifdef CLOISTER_SANITIZED
#define END                                                                                        \
    LIST(sanitizer),                                                                               \
    {                                                                                              \
        NULL, 0                                                                                    \
    }
#else
#define END                                                                                        \
    {                                                                                              \
        NULL, 0                                                                                    \
    }
#endif

int main(void)
{
    static const struct filter_list of_vcpu[] = {LIST(common), LIST(vcpu), LIST(signals), END};
    static const struct filter_list of_heart[] = {LIST(common), END};
    static const struct filter_list of_exec[] = {LIST(common), LIST(vcpu), LIST(program), END};
    static const struct filter_list of_main[] = {LIST(common),  LIST(server),    LIST(folder),
                                                 LIST(signals), LIST(processes), END};
    static const struct filter_list of_main_without_files[] = {LIST(common), LIST(server),
                                                               LIST(folder), LIST(signals), END};
    bool written = filter_write("filter_vcpu", of_vcpu) && filter_write("filter_heart", of_heart) &&
                   filter_write("filter_exec", of_exec) && filter_write("filter_main", of_main) &&
                   filter_write("filter_main_without_files", of_main_without_files);
    return written ? 0 : 1;
}

/*
 * The lists: one system call a line, with its reason. Opening files (but for /proc/PID/stat, see
 * sandbox_open_processes), sockets, programs, further machines, memory that can be executed, and
 * moving mappings (one inaccessible page of each guest_memfd stays mapped, and mremap could make it
 * readable) are on none of them.
 */
#include "vmm/sandbox.h"

#include "abi/keeper.h"
#include "base/scope.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

struct rule {
    int call;
    unsigned conditions;
    struct scmp_arg_cmp condition[2];
};

#define ANY(name)                                                                                  \
    {                                                                                              \
        .call = SCMP_SYS(name)                                                                     \
    }
#define WHERE(name, ...)                                                                           \
    {                                                                                              \
        .call = SCMP_SYS(name), .conditions = 1, .condition = { __VA_ARGS__ }                      \
    }
#define NO_EXECUTE SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)
#define REQUEST(number) SCMP_A1_64(SCMP_CMP_EQ, number)

/* All threads. */
static const struct rule common[] = {
    ANY(write),                  /* log lines; eventfds that wake a thread */
    ANY(futex),                  /* locks, joins, waking clients */
    ANY(clock_gettime),          /* where the vDSO has no clock */
    ANY(clock_nanosleep),        /* short waits while another thread leaves its vCPU */
    ANY(sched_yield),            /* … or leaves a channel */
    ANY(rt_sigprocmask),         /* keeps the kick away while memory is wiped, and while joining */
    ANY(rt_sigreturn),           /* end of the kick handler */
    ANY(restart_syscall),        /* the kernel resumes a wait with it */
    ANY(getrandom),              /* RANDOM; malloc's own */
    ANY(getpid),                 /* to kick one's own threads only */
    ANY(gettid),                 /* … */
    ANY(close),                  /* descriptors of channels and connections */
    ANY(munmap),                 /* symbols of a fault; the end */
    ANY(madvise),                /* the C library gives back a thread's stack */
    ANY(brk),                    /* malloc */
    ANY(exit),                   /* a thread that has ended */
    ANY(exit_group),             /* the end */
    WHERE(mmap, NO_EXECUTE),     /* channels; symbols of a fault */
    WHERE(mprotect, NO_EXECUTE), /* malloc */
    WHERE(fcntl, SCMP_A1(SCMP_CMP_EQ, F_GET_SEALS)), /* symbols of a fault: is the file sealed? */
    WHERE(fstat, SCMP_A0(SCMP_CMP_GE, 0)),           /* … and how long? */
    WHERE(newfstatat, SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH)), /* the same */
};

/* A thread that runs a vCPU. */
static const struct rule vcpu[] = {
    WHERE(ioctl, REQUEST(KVM_RUN)),             /* runs the module */
    WHERE(ioctl, REQUEST(KVM_GET_REGS)),        /* describes a fault */
    WHERE(ioctl, REQUEST(KVM_SET_REGS)),        /* starts the wipe routine */
    WHERE(ioctl, REQUEST(KVM_GET_SREGS)),       /* a new CR3 after PROTECT; CR2 of a fault */
    WHERE(ioctl, REQUEST(KVM_SET_SREGS)),       /* … */
    WHERE(ioctl, REQUEST(KVM_SET_VCPU_EVENTS)), /* the wipe starts from a clean state */
    ANY(epoll_pwait2),                          /* WAIT */
    ANY(timer_settime),                         /* time limit of a call */
    WHERE(sendmsg, SCMP_A0(SCMP_CMP_EQ, CLO_KEEPER_DESCRIPTOR)),  /* asks the keeper */
    WHERE(recvmsg, SCMP_A0(SCMP_CMP_EQ, CLO_KEEPER_DESCRIPTOR)),  /* … and is answered */
    WHERE(shutdown, SCMP_A0(SCMP_CMP_EQ, CLO_KEEPER_DESCRIPTOR)), /* … or has had enough */
};

/* The thread that serves the world socket. */
static const struct rule server[] = {
    ANY(epoll_wait),   /* the loop */
    ANY(epoll_pwait),  /* … by its other name */
    ANY(epoll_ctl),    /* connections and doorbells come and go */
    ANY(accept4),      /* a client comes */
    ANY(getsockopt),   /* who is it? */
    ANY(poll),         /* … and is it still there? */
    ANY(recvmsg),      /* what does it want? */
    ANY(sendmsg),      /* the answer, with the channel's descriptors */
    ANY(read),         /* the signal that arrived; the eventfd of changes */
    ANY(memfd_create), /* memory of a channel */
    ANY(ftruncate),    /* … its size */
    ANY(eventfd2),     /* … its doorbell */
    WHERE(fcntl, SCMP_A1(SCMP_CMP_EQ, F_ADD_SEALS)),              /* … sealed */
    WHERE(fcntl, SCMP_A1(SCMP_CMP_EQ, F_DUPFD_CLOEXEC)),          /* … for the client */
    ANY(timer_delete),                                            /* the end of a module thread */
    WHERE(shutdown, SCMP_A0(SCMP_CMP_EQ, CLO_KEEPER_DESCRIPTOR)), /* no more questions */
};

/* The one thread of a program: it is its own vCPU thread, and has standard input. */
static const struct rule program[] = {
    WHERE(read, SCMP_A0(SCMP_CMP_EQ, STDIN_FILENO)), /* CONSOLE_READ */
};

#ifdef CLOISTER_SANITIZED
/* What the sanitizers do for themselves, at an error or at the end. */
static const struct rule sanitizer[] = {
    ANY(mmap),              /* shadow memory */
    ANY(mprotect),          /* … */
    ANY(mremap),            /* … */
    ANY(sigaltstack),       /* each thread's signal stack */
    ANY(rt_sigaction),      /* their handlers */
    ANY(prctl),             /* names; is the process dumpable? */
    ANY(openat),            /* /proc/self/maps; symbols */
    ANY(open),              /* … */
    ANY(read),              /* … */
    ANY(pread64),           /* … */
    ANY(lseek),             /* … */
    ANY(stat),              /* … */
    ANY(newfstatat),        /* … */
    ANY(readlink),          /* /proc/self/exe */
    ANY(readlinkat),        /* … */
    ANY(access),            /* … */
    ANY(getdents),          /* the leak checker lists threads */
    ANY(getdents64),        /* … */
    ANY(getrlimit),         /* stack bounds */
    ANY(prlimit64),         /* … */
    ANY(sched_getaffinity), /* stack bounds of the C library */
    ANY(set_robust_list),   /* a thread that starts */
    ANY(rseq),              /* … */
    ANY(clone),             /* the leak checker's tracer */
    ANY(clone3),            /* … */
    ANY(ptrace),            /* … */
    ANY(wait4),             /* … */
    ANY(kill),              /* … */
    ANY(getppid),           /* … */
    ANY(nanosleep),         /* a report waits for others */
    ANY(ioctl),             /* is the report's descriptor a terminal? */
    ANY(dup),               /* … */
    ANY(fcntl),             /* … */
    ANY(pipe),              /* is memory readable? */
    ANY(pipe2),             /* … */
    ANY(uname),             /* … */
};
#endif

/* Arguments that are known only now. */
static int add_variable(scmp_filter_ctx filter, enum sandbox_kind kind,
                        const struct sandbox_files *files)
{
    int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    if (error == 0 && kind == SANDBOX_MAIN && files && files->folder >= 0)
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(unlinkat), 1,
                                 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)files->folder));
    if (error == 0 && kind == SANDBOX_MAIN && files && files->processes >= 0)
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 2,
                                 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)files->processes),
                                 SCMP_A2(SCMP_CMP_EQ, O_RDONLY | O_CLOEXEC));
    return error;
}

static int add(scmp_filter_ctx filter, const struct rule *rules, size_t count)
{
    int error = 0;
    for (size_t i = 0; i < count && error == 0; i++)
        error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rules[i].call, rules[i].conditions,
                                       rules[i].condition);
    return error;
}

static int add_all(scmp_filter_ctx filter, enum sandbox_kind kind,
                   const struct sandbox_files *files)
{
    int error = add(filter, common, ARRAY_SIZE(common));
    if (error == 0 && kind != SANDBOX_MAIN)
        error = add(filter, vcpu, ARRAY_SIZE(vcpu));
    if (error == 0 && kind == SANDBOX_MAIN)
        error = add(filter, server, ARRAY_SIZE(server));
    if (error == 0 && kind == SANDBOX_EXEC)
        error = add(filter, program, ARRAY_SIZE(program));
#ifdef CLOISTER_SANITIZED
    if (error == 0)
        error = add(filter, sanitizer, ARRAY_SIZE(sanitizer));
#endif
    return error ? error : add_variable(filter, kind, files);
}

/* A list cannot look at a path, and /proc/../etc is one. */
static bool forbid_other_files(int processes)
{
#ifdef CLOISTER_SANITIZED /* their reports read the program's symbols */
    (void)processes;
    return true;
#else
    struct landlock_ruleset_attr all = {
        .handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                             LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR};
    struct landlock_path_beneath_attr read = {.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
                                              .parent_fd = processes};
    AUTO_FD int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
    return rules >= 0 &&
           syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &read, 0) == 0 &&
           syscall(SYS_landlock_restrict_self, rules, 0) == 0;
#endif
}

int sandbox_open_processes(void)
{
    AUTO_FD int processes = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (processes < 0 || !forbid_other_files(processes))
        return -1;
    return take_fd(&processes);
}

cloister_status sandbox_enter(enum sandbox_kind kind, const struct sandbox_files *files,
                              struct reason *why)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for a sandbox");
    int error = add_all(filter, kind, files);
    if (error == 0)
        error = seccomp_load(filter);
    seccomp_release(filter);
    if (error != 0)
        return refuse(why, CLOISTER_UNSUPPORTED, "cannot load the sandbox (seccomp): %s",
                      strerror(-error));
    return CLOISTER_OK;
}

cloister_status sandbox_prepare(struct reason *why)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return refuse_errno(why, "cannot forbid core files");
#ifndef CLOISTER_SANITIZED /* the leak checker traces its own process */
    if (prctl(PR_SET_DUMPABLE, 0) != 0)
        return refuse_errno(why, "cannot make the process not dumpable");
#endif
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return refuse_errno(why, "cannot give up new privileges");
    return CLOISTER_OK;
}

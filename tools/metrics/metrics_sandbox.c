/*
 * One system call a line, with its reason. The server reads what worlds and clients send; if one of
 * them took it over, it could ask worlds for their numbers and little else.
 */
#include "tools/metrics/metrics_sandbox.h"

#include "base/runtime_folder.h"
#include "base/scope.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

struct rule {
    int call;
    unsigned conditions;
    struct scmp_arg_cmp condition[1];
};

#define ANY(name)                                                                                  \
    {                                                                                              \
        .call = SCMP_SYS(name)                                                                     \
    }
#define WHERE(name, ...)                                                                           \
    {                                                                                              \
        .call = SCMP_SYS(name), .conditions = 1, .condition = { __VA_ARGS__ }                      \
    }
#define NO_WRITING (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND)

static const struct rule rules[] = {
    ANY(poll),                                                        /* waits for clients */
    ANY(ppoll),                                                       /* … by its other name */
    ANY(accept4),                                                     /* a client comes */
    ANY(read),                                                        /* signals; files of /proc */
    ANY(recvfrom),                                                    /* a client's request */
    ANY(recvmsg),                                                     /* a world's answer */
    ANY(sendto),                                                      /* our answer */
    ANY(sendmsg),                                                     /* a question to a world */
    ANY(shutdown),                                                    /* the end of our answer */
    WHERE(write, SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO)),                /* log lines */
    WHERE(socket, SCMP_A0(SCMP_CMP_EQ, AF_UNIX)),                     /* to a world */
    ANY(connect),                                                     /* … */
    WHERE(setsockopt, SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET)),              /* … how long it may take */
    WHERE(openat, SCMP_A2(SCMP_CMP_MASKED_EQ, NO_WRITING, O_RDONLY)), /* runtime folder; /proc */
    ANY(getdents64),                                        /* the runtime folder's list */
    ANY(newfstatat),                                        /* whose folder is it? */
    ANY(fstat),                                             /* … of the C library's readdir */
    ANY(lseek),                                             /* … */
    ANY(geteuid),                                           /* … is it ours? */
    ANY(sysinfo),                                           /* … the C library sorts many names */
    ANY(close),                                             /* what was opened */
    WHERE(mmap, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)), /* memory */
    WHERE(mprotect, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)), /* … */
    ANY(munmap),                                                /* … */
    ANY(mremap),                                                /* … a text that grows */
    ANY(madvise),                                               /* … given back */
    ANY(brk),                                                   /* … */
    ANY(clock_gettime),                                         /* where the vDSO has no clock */
    ANY(getrandom),                                             /* the allocator's own */
    ANY(futex),                                                 /* the C library's locks */
    ANY(restart_syscall),                                       /* a stopped process goes on */
    ANY(exit_group),                                            /* the end */
#ifdef CLOISTER_SANITIZED
    ANY(write),             /* reports */
    ANY(openat),            /* symbols, maps */
    ANY(open),              /* … */
    ANY(readlink),          /* … */
    ANY(readlinkat),        /* … */
    ANY(stat),              /* … */
    ANY(pread64),           /* … */
    ANY(access),            /* … */
    ANY(getdents),          /* threads */
    ANY(mmap),              /* shadow memory */
    ANY(mprotect),          /* … */
    ANY(sigaltstack),       /* handlers */
    ANY(rt_sigaction),      /* … */
    ANY(rt_sigprocmask),    /* … */
    ANY(prctl),             /* is the process dumpable? */
    ANY(getpid),            /* reports name the process */
    ANY(gettid),            /* … */
    ANY(getppid),           /* the leak checker */
    ANY(clone),             /* … */
    ANY(ptrace),            /* … */
    ANY(wait4),             /* … */
    ANY(tgkill),            /* … */
    ANY(kill),              /* … */
    ANY(getrlimit),         /* stack bounds */
    ANY(prlimit64),         /* … */
    ANY(sched_getaffinity), /* … */
    ANY(sched_yield),       /* … */
    ANY(nanosleep),         /* … */
    ANY(clock_nanosleep),   /* … */
    ANY(ioctl),             /* is the report's descriptor a terminal? */
    ANY(dup),               /* … */
    ANY(fcntl),             /* … */
    ANY(pipe),              /* is memory readable? */
    ANY(pipe2),             /* … */
    ANY(uname),             /* … */
    ANY(exit),              /* … */
#endif
};

/* The C library's opendir asks for a descriptor's flags, and nothing else. */
static int add_variable(scmp_filter_ctx filter, int folder)
{
    int error =
        seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, SCMP_A1(SCMP_CMP_EQ, F_GETFL));
    if (error == 0 && folder >= 0)
        error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(unlinkat), 1,
                                 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)folder));
    return error;
}

static cloister_status forbid_calls(int folder, struct reason *why)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for a sandbox");
    int error = 0;
    for (size_t i = 0; i < ARRAY_SIZE(rules) && error == 0; i++)
        error = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rules[i].call, rules[i].conditions,
                                       rules[i].condition);
    if (error == 0)
        error = add_variable(filter, folder);
    if (error == 0)
        error = seccomp_load(filter);
    seccomp_release(filter);
    if (error != 0)
        return refuse(why, CLOISTER_UNSUPPORTED, "cannot load the sandbox (seccomp): %s",
                      strerror(-error));
    return CLOISTER_OK;
}

#ifdef CLOISTER_SANITIZED /* the leak checker reads /proc and traces its own process */
static cloister_status forbid_files(int folder, struct reason *why)
{
    (void)folder;
    (void)why;
    return CLOISTER_OK;
}
#else
/* Landlock: absent on older kernels, then only the system calls are limited. */

#define FILE_RIGHTS                                                                                \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |   \
     LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |                                 \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static bool permit(int ruleset, int folder, uint64_t rights)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = folder};
    return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

static bool permit_path(int ruleset, const char *path, uint64_t rights)
{
    AUTO_FD int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return folder >= 0 && permit(ruleset, folder, rights);
}

static cloister_status forbid_files(int folder, struct reason *why)
{
    const struct landlock_ruleset_attr all = {.handled_access_fs = FILE_RIGHTS};
    char runtime[PATH_MAX];
    cloister_status status = runtime_folder_make(runtime, sizeof runtime, why);
    if (status != CLOISTER_OK)
        return status;
    AUTO_FD int ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
    if (ruleset < 0)
        return CLOISTER_OK;
    if (!permit_path(ruleset, runtime, LANDLOCK_ACCESS_FS_READ_DIR) ||
        !permit_path(ruleset, "/proc", LANDLOCK_ACCESS_FS_READ_FILE) ||
        (folder >= 0 && !permit(ruleset, folder, LANDLOCK_ACCESS_FS_REMOVE_FILE)) ||
        syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        return refuse_errno(why, "cannot load the sandbox (Landlock)");
    return CLOISTER_OK;
}
#endif

static cloister_status give_up_privileges(struct reason *why)
{
    const struct rlimit none = {0, 0};
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct nothing[2] = {0};
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_capset, &header, nothing) != 0)
        return refuse_errno(why, "cannot give up privileges");
    return CLOISTER_OK;
}

cloister_status metrics_sandbox_enter(int folder, struct reason *why)
{
    cloister_status status = give_up_privileges(why);
    if (status == CLOISTER_OK)
        status = forbid_files(folder, why);
    if (status == CLOISTER_OK)
        status = forbid_calls(folder, why);
    return status;
}

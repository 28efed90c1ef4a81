/*
 * The system calls of Linux that exist, one a line, and one of our own (abi/thread.h). Every other
 * number is ENOSYS, at once.
 */
#include "personality.h"

#include "abi/thread.h"

#include <asm/unistd.h>
#include <linux/errno.h>

static personality_call *const calls[] = {
    /* memory */
    [__NR_brk] = memory_brk,
    [__NR_mmap] = memory_mmap,
    [__NR_munmap] = memory_munmap,
    [__NR_mremap] = memory_mremap,
    [__NR_mprotect] = memory_mprotect,
    [__NR_madvise] = memory_madvise,
    /* console */
    [__NR_read] = console_read,
    [__NR_write] = console_write,
    [__NR_readv] = console_readv,
    [__NR_writev] = console_writev,
    /* files: there are none but the three standard descriptors */
    [__NR_open] = file_none,
    [__NR_openat] = file_none,
    [__NR_access] = file_none,
    [__NR_faccessat] = file_none,
    [__NR_stat] = file_none,
    [__NR_lstat] = file_none,
    [__NR_statx] = file_none,
    [__NR_readlink] = file_none,
    [__NR_readlinkat] = file_none,
    [__NR_fstat] = file_fstat,
    [__NR_newfstatat] = file_newfstatat,
    [__NR_close] = file_close,
    [__NR_lseek] = file_lseek,
    [__NR_ioctl] = file_ioctl,
    [__NR_fcntl] = file_fcntl,
    [__NR_getcwd] = file_getcwd,
    /* time */
    [__NR_clock_gettime] = time_clock_gettime,
    [__NR_clock_getres] = time_clock_getres,
    [__NR_gettimeofday] = time_gettimeofday,
    [__NR_time] = time_time,
    [__NR_nanosleep] = time_nanosleep,
    [__NR_clock_nanosleep] = time_clock_nanosleep,
    /* random */
    [__NR_getrandom] = random_getrandom,
    /* identity */
    [__NR_getpid] = identity_process,
    [__NR_getpgrp] = identity_process,
    [__NR_getpgid] = identity_process,
    [__NR_getsid] = identity_process,
    [__NR_gettid] = identity_thread,
    [__NR_set_tid_address] = identity_thread,
    [__NR_getppid] = identity_root,
    [__NR_getuid] = identity_root,
    [__NR_geteuid] = identity_root,
    [__NR_getgid] = identity_root,
    [__NR_getegid] = identity_root,
    [__NR_uname] = identity_uname,
    [__NR_sysinfo] = identity_sysinfo,
    [__NR_prlimit64] = identity_prlimit64,
    [__NR_getrlimit] = identity_getrlimit,
    [__NR_prctl] = identity_prctl,
    [__NR_umask] = identity_umask,
    /* threads: as many as the module has vCPUs */
    [__NR_clone] = thread_clone,
    [__NR_fork] = thread_fork,
    [__NR_vfork] = thread_fork,
    [__NR_arch_prctl] = thread_arch_prctl,
    [__NR_futex] = futex_futex,
    [__NR_set_robust_list] = thread_done,
    [__NR_sched_yield] = thread_done,
    [__NR_sched_getaffinity] = thread_sched_getaffinity,
    [__NR_getcpu] = thread_getcpu,
    /* signals: accepted, never delivered */
    [__NR_rt_sigaction] = signal_action,
    [__NR_rt_sigprocmask] = signal_mask,
    [__NR_sigaltstack] = thread_done,
    [__NR_kill] = signal_kill,
    [__NR_tkill] = signal_tkill,
    [__NR_tgkill] = signal_tgkill,
    /* the end */
    [__NR_exit] = process_exit,
    [__NR_exit_group] = process_exit,
};

int64_t personality_dispatch(uint64_t number, const uint64_t argument[6])
{
    if (number == CLO_CALL_BECOME_THREAD)
        return thread_become(argument);
    if (number >= sizeof calls / sizeof calls[0] || !calls[number])
        return -ENOSYS;
    return calls[number](argument);
}

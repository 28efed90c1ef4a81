/*
 * Personality: Linux system calls inside the module, for unmodified static programs. It runs in
 * ring 3 on the caller's stack, owns no right that the module does not have, and asks the world
 * host for as little as it can. It is no boundary: a bad pointer in a call faults the module.
 *
 * Each call takes its six arguments and returns a result or a negative errno, as the kernel does.
 */
#ifndef PERSONALITY_H
#define PERSONALITY_H

#include "abi/hypercall.h"

#include <stdbool.h>
#include <stdint.h>

typedef int64_t personality_call(const uint64_t argument[6]);

/* The registers of a system call, as entry.S keeps them on the caller's stack, 128 bytes below
   where it stood. The arguments that a call gets are those of its frame. */
struct personality_frame {
    uint64_t argument[6]; /* RDI, RSI, RDX, R10, R8, R9 */
    uint64_t kept[6];     /* RBX, RBP, R12 … R15 */
    uint64_t flags;
    uint64_t rip;
};

#define PERSONALITY_RED_ZONE 128u

/* Called by entry.S. */
int64_t personality_dispatch(uint64_t number, const uint64_t argument[6]);
__attribute__((noreturn)) void personality_illegal(uint64_t address);

/* Returns 0 from the system call of a frame, on the stack that the frame lies on (entry.S). */
__attribute__((noreturn)) void personality_leave(const struct personality_frame *frame);

/* Where the module's pages are; a unit test puts its own here (place.c). */
const struct clo_boot *personality_boot(void);
struct clo_mailbox *personality_mailbox(void);
unsigned personality_thread(void);

/* Makes a hypercall with up to three arguments; returns its status. */
uint32_t personality_hypercall(uint32_t number, uint64_t a0, uint64_t a1, uint64_t a2);

/* Puts EAX = number on the hypercall port (entry.S). */
void personality_out(uint32_t number);

__attribute__((noreturn)) void personality_panic(const char *text);
__attribute__((noreturn)) void personality_end(uint32_t status);

/* Nanoseconds of a Linux clock (false: there is no such clock), of the monotonic one, and of the
   timespec at an address, cut at the end of time (false: it is none). time.c, like the next two. */
bool personality_clock(uint64_t clock, uint64_t *ns);
uint64_t personality_monotonic(void);
bool personality_timespec(uint64_t address, uint64_t *ns);

#define PERSONALITY_FOREVER UINT64_MAX

/* Sleeps until a moment of the monotonic clock. The other one may also return early. */
void personality_sleep_until(uint64_t monotonic);
void personality_park_until(uint64_t monotonic);

/* How many threads of the module run so far; none ends before the module does (thread.c). */
unsigned personality_running(void);

static inline bool personality_is_exec(void)
{
    return (personality_boot()->flags & CLO_BOOT_EXEC) != 0;
}

static inline void *personality_pointer(uint64_t address)
{
    return (void *)(uintptr_t)address;
}

/* memory.c */
personality_call memory_brk, memory_mmap, memory_munmap, memory_mremap, memory_mprotect,
    memory_madvise;
/* console.c */
personality_call console_read, console_write, console_readv, console_writev;
/* file.c */
personality_call file_none, file_close, file_lseek, file_ioctl, file_fcntl, file_fstat,
    file_newfstatat, file_getcwd;
/* time.c */
personality_call time_clock_gettime, time_clock_getres, time_gettimeofday, time_time,
    time_nanosleep, time_clock_nanosleep;
/* random.c */
personality_call random_getrandom;
/* identity.c */
personality_call identity_process, identity_thread, identity_root, identity_uname, identity_sysinfo,
    identity_prlimit64, identity_getrlimit, identity_prctl, identity_umask;
/* thread.c */
personality_call thread_clone, thread_fork, thread_become, thread_arch_prctl,
    thread_sched_getaffinity, thread_getcpu, thread_done;
/* futex.c */
personality_call futex_futex;
/* signal.c */
personality_call signal_action, signal_mask, signal_kill, signal_tkill, signal_tgkill;
/* process.c */
personality_call process_exit;

#endif

/*
 * Threads. A module has as many vCPUs as its manifest says, all made before it starts, since none
 * can be made once the world has given up its machine. Thread 0 is the process; each other vCPU of
 * a module with a libc waits in thread_become until clone gives it a thread, on a stack of its own
 * region, for a thread is known by its stack (place.c). Whatever else clone is asked for fails as
 * where all threads are in use: EAGAIN. A thread that ends (`exit`) ends the module.
 */
#include "personality.h"

#include <asm/prctl.h>
#include <linux/errno.h>
#include <linux/sched.h>
#include <stdatomic.h>
#include <string.h>

/* What a thread shares with its process, and what a C library may ask for besides. At the end of a
   thread nothing is cleared, because the module ends with it. */
#define MUST_SHARE (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)
#define MAY_ASK                                                                                    \
    (CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |                 \
     CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_DETACHED)

#define RUNS 1u

/* For each vCPU but the first: 0 until clone gives it a thread, then the address of the frame that
   it is to return from, then RUNS. */
static _Atomic uint64_t begins[CLO_THREADS_MAX];
static _Atomic unsigned given; /* threads that clone has given */

int64_t thread_done(const uint64_t argument[6])
{
    (void)argument;
    return 0;
}

unsigned personality_running(void)
{
    return atomic_load(&given) + 1;
}

int64_t thread_fork(const uint64_t argument[6])
{
    (void)argument;
    return -EAGAIN;
}

/* The thread whose vCPU's stack begins to grow at `stack`, with room for a frame and below the page
   that the vCPU waits on; 0: none but the first. */
static unsigned owner(uint64_t stack)
{
    uint64_t thread = (stack - CLO_VA_STACK) / CLO_STACK_STRIDE;
    uint64_t top = CLO_VA_STACK_TOP(thread);
    uint64_t most = top - CLO_PAGE_SIZE;
    uint64_t room = PERSONALITY_RED_ZONE + sizeof(struct personality_frame);
    uint64_t least = top - personality_boot()->stack_size + room;
    if (stack < CLO_VA_STACK || thread >= personality_boot()->threads)
        return 0;
    return stack >= least && stack <= most ? (unsigned)thread : 0;
}

/* Puts the caller's frame where the new thread's stack would have it, and lets its vCPU go. */
static void give(unsigned thread, const uint64_t argument[6])
{
    uint64_t at = argument[1] - PERSONALITY_RED_ZONE - sizeof(struct personality_frame);
    memcpy(personality_pointer(at), argument, sizeof(struct personality_frame));
    atomic_fetch_add(&given, 1);
    atomic_store(&begins[thread], at);
    (void)personality_hypercall(CLO_HC_WAKE, 1ull << thread, 0, 0);
}

/* clone(flags, stack, parent_tid, child_tid, tls). clone3 is ENOSYS: the C libraries ask for clone
   then. */
int64_t thread_clone(const uint64_t argument[6])
{
    uint64_t flags = argument[0];
    uint32_t *parent_tid = personality_pointer(argument[2]);
    unsigned thread = owner(argument[1]);
    if ((flags & MUST_SHARE) != MUST_SHARE || flags & ~(uint64_t)(MUST_SHARE | MAY_ASK))
        return -EAGAIN;
    if (thread == 0 || atomic_load(&begins[thread]) != 0)
        return -EAGAIN;
    if (flags & CLONE_PARENT_SETTID)
        *parent_tid = thread + 1; /* before the new thread can look */
    give(thread, argument);
    return (int64_t)thread + 1;
}

/* The new thread's own part of clone. */
__attribute__((noreturn)) static void begin(unsigned thread, const struct personality_frame *frame)
{
    uint32_t *child_tid = personality_pointer(frame->argument[3]);
    if (frame->argument[0] & CLONE_SETTLS)
        __asm__ volatile("wrfsbase %0" : : "r"(frame->argument[4]));
    if (frame->argument[0] & CLONE_CHILD_SETTID)
        *child_tid = thread + 1;
    personality_leave(frame);
}

int64_t thread_become(const uint64_t argument[6])
{
    unsigned self = personality_thread();
    uint64_t frame;
    (void)argument;
    if (self == 0 || atomic_load(&begins[self]) == RUNS)
        return -ENOSYS;
    while ((frame = atomic_load(&begins[self])) == 0)
        if (personality_hypercall(CLO_HC_WAIT, 0, 0, 0) != 0)
            personality_panic("WAIT failed");
    atomic_store(&begins[self], RUNS);
    begin(self, personality_pointer(frame));
}

int64_t thread_arch_prctl(const uint64_t argument[6])
{
    uint64_t *out = personality_pointer(argument[1]);
    switch (argument[0]) {
    case ARCH_SET_FS:
        __asm__ volatile("wrfsbase %0" : : "r"(argument[1]));
        return 0;
    case ARCH_GET_FS:
        __asm__ volatile("rdfsbase %0" : "=r"(*out));
        return 0;
    case ARCH_SET_GS:
        __asm__ volatile("wrgsbase %0" : : "r"(argument[1]));
        return 0;
    case ARCH_GET_GS:
        __asm__ volatile("rdgsbase %0" : "=r"(*out));
        return 0;
    default:
        return -EINVAL;
    }
}

int64_t thread_sched_getaffinity(const uint64_t argument[6])
{
    uint64_t *mask = personality_pointer(argument[2]);
    if (argument[1] < sizeof *mask)
        return -EINVAL;
    *mask = 1;
    return sizeof *mask;
}

int64_t thread_getcpu(const uint64_t argument[6])
{
    uint32_t *cpu = personality_pointer(argument[0]);
    uint32_t *node = personality_pointer(argument[1]);
    if (cpu)
        *cpu = 0;
    if (node)
        *node = 0;
    return 0;
}

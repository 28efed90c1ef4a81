/*
 * This thread and no other. A vCPU cannot be made once the world has given up its machine, so
 * pthread_create fails as it does where all threads are in use: EAGAIN.
 */
#include "personality.h"

#include <asm/prctl.h>
#include <linux/errno.h>
#include <linux/futex.h>
#include <linux/time.h>
#include <linux/time_types.h>

int64_t thread_done(const uint64_t argument[6])
{
    (void)argument;
    return 0;
}

/* clone3 is ENOSYS: the C libraries ask for clone then. */
int64_t thread_clone(const uint64_t argument[6])
{
    (void)argument;
    return -EAGAIN;
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

/* The monotonic moment at which a wait ends. */
static uint64_t wait_end(const struct __kernel_timespec *timeout, uint64_t clock, bool absolute)
{
    uint64_t ns = (uint64_t)timeout->tv_sec * 1000000000u + (uint64_t)timeout->tv_nsec;
    uint64_t now = 0;
    if (absolute && !personality_clock(clock, &now))
        return 0;
    return personality_monotonic() + (ns > now ? ns - now : 0);
}

/* Waits for a word to change. Where nobody else can change it this would never end. */
static int64_t futex_wait(const uint64_t argument[6], bool absolute)
{
    const volatile uint32_t *word = personality_pointer(argument[0]);
    const struct __kernel_timespec *timeout = personality_pointer(argument[3]);
    uint64_t clock = argument[1] & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    if (*word != (uint32_t)argument[2])
        return -EAGAIN;
    if (timeout) {
        personality_sleep_until(wait_end(timeout, clock, absolute));
        return *word != (uint32_t)argument[2] ? 0 : -ETIMEDOUT;
    }
    if (personality_boot()->threads == 1)
        personality_panic("deadlock: the only thread waits for another");
    __builtin_ia32_pause();
    return 0; /* woken for no reason: always allowed */
}

int64_t thread_futex(const uint64_t argument[6])
{
    switch ((int)argument[1] & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
        return futex_wait(argument, false);
    case FUTEX_WAIT_BITSET:
        return futex_wait(argument, true);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
        return 0;
    default:
        return -ENOSYS;
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

/*
 * Futexes: threads of the module that wait for each other. Which word each thread waits on is in a
 * table; who sleeps does so in the world host's WAIT, and WAKE ends that. What Linux allows is made
 * use of: a wait may end for no reason, and a wake wakes whatever its bit set says.
 *
 * No wake-up is lost. Who waits says on which word (1), then looks at the word (2); who wakes has
 * changed the word (3), then looks who waits (4). Both have a full barrier between their two steps,
 * so one of them sees the other: (2) finds the change and does not wait, or (4) finds who waits.
 * Between the table and WAIT there is nothing to lose either: WAKE is kept for the next WAIT.
 */
#include "personality.h"

#include <linux/errno.h>
#include <linux/futex.h>
#include <linux/time.h>
#include <stdatomic.h>

#define ASLEEP 1u  /* bit of an entry, futexes being aligned: it is in WAIT, or about to be */
#define SPIN_US 20 /* worth a WAIT and a WAKE */

/* The address of the word that a thread waits on; 0: on none, or it is woken. */
static _Atomic uint64_t waits_on[CLO_THREADS_MAX];
static _Atomic unsigned last; /* woken: the next ones are looked at first, so that none starves */

/* Takes the thread out of the table if it waits on the word. True: it did; *asleep as well? */
static bool take(unsigned thread, uint64_t address, bool *asleep)
{
    uint64_t entry = atomic_load(&waits_on[thread]);
    while ((entry & ~(uint64_t)ASLEEP) == address)
        if (atomic_compare_exchange_weak(&waits_on[thread], &entry, 0)) {
            *asleep = entry & ASLEEP;
            return true;
        }
    return false;
}

static unsigned wake_up(uint64_t address, uint32_t most)
{
    unsigned threads = personality_boot()->threads;
    unsigned first = atomic_load_explicit(&last, memory_order_relaxed) + 1;
    unsigned woken = 0;
    uint64_t sleepers = 0;
    atomic_thread_fence(memory_order_seq_cst);
    for (unsigned i = 0; i < threads && woken < most; i++) {
        unsigned thread = (first + i) % threads;
        bool asleep;
        if (!take(thread, address, &asleep))
            continue;
        woken++;
        sleepers |= (uint64_t)asleep << thread;
        atomic_store_explicit(&last, thread, memory_order_relaxed);
    }
    if (sleepers)
        (void)personality_hypercall(CLO_HC_WAKE, sleepers, 0, 0);
    return woken;
}

/* Polls for a while, where polling makes sense at all; true: it is woken. */
static bool spin(const _Atomic uint64_t *mine)
{
    const struct clo_boot *boot = personality_boot();
    uint64_t us = boot->spin_us < SPIN_US ? boot->spin_us : SPIN_US;
    uint64_t end = __builtin_ia32_rdtsc() + us * boot->tsc_khz / 1000;
    do {
        if (atomic_load(mine) == 0)
            return true;
        __builtin_ia32_pause();
    } while (__builtin_ia32_rdtsc() < end);
    return false;
}

/* Sleeps until woken, or until a moment of the monotonic clock. */
static int64_t sleep_on(uint64_t address, _Atomic uint64_t *mine, uint64_t end)
{
    if (!atomic_compare_exchange_strong(mine, &address, address | ASLEEP))
        return 0;
    while (atomic_load(mine) != 0) {
        if (end != PERSONALITY_FOREVER && personality_monotonic() >= end)
            return atomic_exchange(mine, 0) != 0 ? -ETIMEDOUT : 0;
        personality_park_until(end);
    }
    return 0;
}

static int64_t wait_on(uint64_t address, uint32_t value, uint64_t end)
{
    const _Atomic uint32_t *word = personality_pointer(address);
    _Atomic uint64_t *mine = &waits_on[personality_thread()];
    atomic_store(mine, address);
    if (atomic_load(word) != value) {
        /* It never waited: a wake-up that came to it is another's. */
        if (atomic_exchange(mine, 0) == 0)
            (void)wake_up(address, 1);
        return -EAGAIN;
    }
    if (end == PERSONALITY_FOREVER && personality_running() == 1)
        personality_panic("deadlock: the only thread waits for another");
    return spin(mine) ? 0 : sleep_on(address, mine, end);
}

/* The monotonic moment at which a wait ends; false: the timeout is no time. Where the module may
   not ask for the real time any moment of it is over. */
static bool wait_end(const uint64_t argument[6], bool absolute, uint64_t *end)
{
    uint64_t clock = argument[1] & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    uint64_t now = 0;
    uint64_t ns;
    *end = PERSONALITY_FOREVER;
    if (argument[3] == 0)
        return true;
    if (!personality_timespec(argument[3], &ns))
        return false;
    if (absolute && !personality_clock(clock, &now))
        now = UINT64_MAX;
    uint64_t left = ns > now ? ns - now : 0;
    if (__builtin_add_overflow(personality_monotonic(), left, end))
        *end = PERSONALITY_FOREVER;
    return true;
}

static int64_t futex_wait(const uint64_t argument[6], bool absolute)
{
    uint64_t end;
    if (!wait_end(argument, absolute, &end))
        return -EINVAL;
    return wait_on(argument[0], (uint32_t)argument[2], end);
}

/* Where a requeue would let some wait on another word, they are woken, and wait there themselves:
   musl's condition variables ask for it and can do without it no other way. */
static int64_t requeue(const uint64_t argument[6])
{
    uint64_t most = (argument[2] & UINT32_MAX) + (argument[3] & UINT32_MAX);
    return wake_up(argument[0], most < CLO_THREADS_MAX ? (uint32_t)most : CLO_THREADS_MAX);
}

int64_t futex_futex(const uint64_t argument[6])
{
    if (argument[0] == 0)
        return -EFAULT;
    if (argument[0] % sizeof(uint32_t))
        return -EINVAL;
    switch ((int)argument[1] & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
        return futex_wait(argument, false);
    case FUTEX_WAIT_BITSET:
        return futex_wait(argument, true);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
        return wake_up(argument[0], (uint32_t)argument[2]);
    case FUTEX_REQUEUE:
        return requeue(argument);
    default:
        return -ENOSYS;
    }
}

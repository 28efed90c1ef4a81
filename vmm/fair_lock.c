/*
 * Tickets. Who comes adds to `next` before it reads `serving`, who goes adds to `serving` before it
 * reads `next`: one of the two sees the other, so that nobody sleeps through its turn.
 */
#include "vmm/fair_lock.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

void fair_lock_take(struct fair_lock *lock)
{
    uint32_t ticket = atomic_fetch_add(&lock->next, 1);
    for (uint32_t now; (now = atomic_load(&lock->serving)) != ticket;)
        (void)syscall(SYS_futex, &lock->serving, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
}

void fair_lock_give(struct fair_lock *lock)
{
    uint32_t now = atomic_fetch_add(&lock->serving, 1) + 1;
    /* All of them: which one it is only they know. */
    if (atomic_load(&lock->next) != now)
        (void)syscall(SYS_futex, &lock->serving, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

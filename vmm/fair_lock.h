/*
 * A lock that goes round in the order in which it was asked for. A plain mutex may go to the same
 * thread again and again, and who makes requests without end (a client that asks for reports, a
 * module for PROTECT) would keep the others from it for as long as it likes: the time limit of a
 * module runs on while it waits.
 */
#ifndef VMM_FAIR_LOCK_H
#define VMM_FAIR_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

/* All zero: nobody has it. */
struct fair_lock {
    _Atomic uint32_t next;    /* ticket of whoever comes next; wraps */
    _Atomic uint32_t serving; /* ticket of whoever has it, or may; a futex */
};

void fair_lock_take(struct fair_lock *lock);
void fair_lock_give(struct fair_lock *lock);

#endif

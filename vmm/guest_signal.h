/*
 * Interrupts to guests: adds one to an eventfd that a guest's VMM holds too, without any way to
 * block. The VMM may clear O_NONBLOCK (the flag belongs to all holders) and fill the counter, and
 * a write would then wait for as long as it likes.
 */
#ifndef VMM_GUEST_SIGNAL_H
#define VMM_GUEST_SIGNAL_H

#include <stdbool.h>

/* Once for the process, before any thread prepares. false: the kernel has no means for it, and
   guests are served without interrupts. */
__attribute__((warn_unused_result)) bool guest_signal_start(void);

/* Each thread that signals, before its sandbox. After a start that failed it does nothing. */
void guest_signal_prepare(void);

/* Signals. A thread that is not prepared does nothing. */
void guest_signal(int eventfd);

#endif

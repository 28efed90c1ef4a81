/*
 * The one system call of the personality that Linux does not have: how a vCPU of a module with a
 * libc becomes a thread of it. Also read by the assembler: numbers only.
 */
#ifndef CLO_ABI_THREAD_H
#define CLO_ABI_THREAD_H

/* Made by thread 1 and up on the highest page of its stack, which it leaves for good: waits until
   `clone` is asked for a thread whose stack lies below that page, and returns as that thread, as
   clone does in a new one. ENOSYS on any other occasion. */
#define CLO_CALL_BECOME_THREAD 0x10000

#endif

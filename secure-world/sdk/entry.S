/*
 * Entry point of a module with a libc (`module build` names it to the linker). RDI is the thread's
 * number, RSP its process stack or the top of its stack. Thread 0 is the process and starts the
 * libc, as the kernel would; the others become what its pthread_create makes.
 */
#include "abi/thread.h"

    .text
    .globl cloister_entry
    .type cloister_entry, @function
cloister_entry:
    test    %rdi, %rdi
    jz      _start
    mov     $CLO_CALL_BECOME_THREAD, %eax
    syscall
    ud2
    .size cloister_entry, . - cloister_entry

    .section .note.GNU-stack, "", @progbits

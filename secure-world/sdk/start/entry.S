/*
 * Entry point of a module without a libc. RDI is the thread's number, RSP the top of its stack.
 */
    .text
    .globl _start
    .type _start, @function
_start:
    xor     %ebp, %ebp
    and     $-16, %rsp
    call    sdk_start
    ud2
    .size _start, . - _start

    .section .note.GNU-stack, "", @progbits

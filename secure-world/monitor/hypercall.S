/*
 * Hypercall page: the only place whose port output the world host takes for a hypercall; it
 * preserves every register. And the wipe routine: nobody but a vCPU can reach the memory of a module
 * that has ended, so the world host makes page tables in which what was written is writable and
 * lets this run: RDI = start, RSI = bytes (a multiple of 8), no stack. A module that jumps
 * there zeroes what it could have zeroed anyway. The rest of the page is int3.
 */
#include "secure-world/monitor/monitor.h"

    .section .hypercall, "ax", @progbits
    .globl monitor_hypercall
monitor_hypercall:
    out     %eax, $CLO_HYPERCALL_PORT_NUMBER
    ret

    .org MONITOR_WIPE_OFFSET, 0xcc
    .globl monitor_wipe
monitor_wipe:
    cld
    xor     %eax, %eax
    mov     %rsi, %rcx
    shr     $3, %rcx
    rep stosq
    mov     $CLO_HC_EXIT_NUMBER, %eax
    mov     $CLO_VA_RUNTIME_NUMBER, %ecx
    jmp     *%rcx
    .org 4096, 0xcc

    .section .note.GNU-stack, "", @progbits

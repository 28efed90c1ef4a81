/*
 * Exception stub: the only code in ring 0. It touches nothing but its own stack (on some KVM ring 0
 * is emulated through the world host's mapping), uses no SSE, and ends or returns at once.
 *
 * Vector n enters at n * MONITOR_ENTRY_SIZE. It leaves vector, error code and what the processor
 * pushed on the ring-0 stack and says so on the monitor port.
 *
 * An undefined instruction in ring 3 is handed to the personality, as `syscall` itself would where
 * KVM carries it out: RCX = address after two bytes, R11 = flags. The stub does not look at the
 * bytes; the personality does, in ring 3.
 */
#include "secure-world/monitor/monitor.h"

    .set UNDEFINED, 6

    .section .monitor, "ax", @progbits
    .globl monitor_stub
monitor_stub:
    .set vector, 0
    .rept MONITOR_VECTORS
    .balign MONITOR_ENTRY_SIZE, 0xcc
    .if vector == UNDEFINED
    jmp     undefined
    .else
    .if vector != 8 && (vector < 10 || vector > 14) && vector != 17 && vector != 21
    push    $0                          /* the processor pushed no error code */
    .endif
    push    $vector
    out     %al, $CLO_MONITOR_PORT_NUMBER
    hlt
    .endif
    .set vector, vector + 1
    .endr

    .balign MONITOR_ENTRY_SIZE, 0xcc
undefined:
    testb   $3, 8(%rsp)                 /* in ring 0 it is no system call */
    jz      1f
    mov     (%rsp), %rcx
    add     $2, %rcx
    mov     16(%rsp), %r11
    movq    $CLO_VA_PERSONALITY_NUMBER, (%rsp)
    iretq
1:  push    $0
    push    $UNDEFINED
    out     %al, $CLO_MONITOR_PORT_NUMBER
    hlt

    .section .note.GNU-stack, "", @progbits

/*
 * What the probes run in ring 3, one page. Entries are PROBE_ENTRY_SIZE apart (vmm/probe.c). RDI is
 * the address of a data page.
 */
#include "secure-world/monitor/monitor.h"

    .section .rodata
    .balign 4096
    .globl probe_code
    .type probe_code, @object
probe_code:
/* 0: writes, executes a trapping instruction, calls, writes again, exits. */
    movq $1, (%rdi)
    xor %eax, %eax
    cpuid
    mov $1, %eax
    mov $CLO_VA_RUNTIME_NUMBER, %ebx
    call *%rbx
    movq $2, (%rdi)
    mov $CLO_HC_EXIT_NUMBER, %eax
    call *%rbx
    hlt
    .balign 64, 0xcc
/* 1: a port that is not allowed. */
    xor %eax, %eax
    out %al, $0x80
    hlt
    .balign 64, 0xcc
/* 2: reads a system register. */
    sgdt -64(%rsp)
    mov $CLO_HC_EXIT_NUMBER, %eax
    mov $CLO_VA_RUNTIME_NUMBER, %ebx
    call *%rbx
    .balign 64, 0xcc
/* 3: writes its own code. */
    lea 0f(%rip), %rax
0:  movb $0x90, (%rax)
    hlt
    .balign 64, 0xcc
/* 4: executes data. */
    movb $0xc3, (%rdi)
    call *%rdi
    hlt
    .balign 4096, 0xcc

    .section .note.GNU-stack, "", @progbits

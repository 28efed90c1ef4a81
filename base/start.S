/*
 * Where a static program with libcrypto begins: asks the kernel, in one call, for all the pages that
 * relocation is about to write, then goes where every program begins. A page fault for each of them
 * would take longer than anything else before main(). A kernel that cannot do it (before Linux 5.14)
 * leaves it to the faults. Such a program is linked with packed relocations, which the C library
 * would silently not apply before glibc 2.36.
 */
#include <asm/unistd.h>
#include <features.h>

#if !__GLIBC_PREREQ(2, 36)
#error "packed relocations in a static program need glibc 2.36 or newer"
#endif

#define MADV_POPULATE_WRITE 23

    .globl start_populated
    .type start_populated, @function
start_populated:
    mov     %rdx, %r8 /* _start wants it */
    lea     __preinit_array_start(%rip), %rdi /* in the first page of what is writable */
    and     $-4096, %rdi
    lea     _edata(%rip), %rsi
    sub     %rdi, %rsi
    mov     $MADV_POPULATE_WRITE, %edx
    mov     $__NR_madvise, %eax
    syscall
    mov     %r8, %rdx
    jmp     _start
    .size start_populated, . - start_populated

    .section .note.GNU-stack, "", @progbits

/*
 * First byte of the personality: the system-call handler, at CLO_VA_PERSONALITY. Reached in ring 3
 * with the module's own stack and registers, RCX = address after the instruction, R11 = its flags:
 * either KVM carries out `syscall` that way, or the ring-0 stub bounces every undefined instruction
 * here. So the bytes are looked at first: only 0f 05 is a system call, all else ends the module.
 *
 * Like the kernel it preserves every register but RAX, RCX and R11. It never touches the 128 bytes
 * below the caller's stack pointer.
 */
    .section .text.entry, "ax", @progbits
    .globl personality_entry
    .type personality_entry, @function
personality_entry:
    cmpb    $0x0f, -2(%rcx)
    jne     not_a_call
    cmpb    $0x05, -1(%rcx)
    jne     not_a_call
    lea     -128(%rsp), %rsp
    cld
    push    %rcx
    push    %r11
    push    %rbx
    push    %rdi
    push    %rsi
    push    %rdx
    push    %r10
    push    %r8
    push    %r9
    mov     %rsp, %rbx
    and     $-16, %rsp
    push    %r9
    push    %r8
    push    %r10
    push    %rdx
    push    %rsi
    push    %rdi
    mov     %rax, %rdi
    mov     %rsp, %rsi
    call    personality_dispatch
    mov     %rbx, %rsp
    pop     %r9
    pop     %r8
    pop     %r10
    pop     %rdx
    pop     %rsi
    pop     %rdi
    pop     %rbx
    mov     (%rsp), %r11
    popfq
    pop     %rcx
    lea     128(%rsp), %rsp
    jmp     *%rcx

not_a_call:
    lea     -2(%rcx), %rdi
    cld
    lea     -128(%rsp), %rsp
    and     $-16, %rsp
    call    personality_illegal
    ud2
    .size personality_entry, . - personality_entry

/* void personality_out(uint32_t number): the hypercall page preserves every register. */
    .text
    .globl personality_out
    .type personality_out, @function
personality_out:
    mov     %edi, %eax
    mov     $0x70000000, %ecx /* CLO_VA_RUNTIME */
    jmp     *%rcx
    .size personality_out, . - personality_out

    .section .note.GNU-stack, "", @progbits

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
    push    %rcx                        /* struct personality_frame, last field first */
    push    %r11
    push    %r15
    push    %r14
    push    %r13
    push    %r12
    push    %rbp
    push    %rbx
    push    %r9
    push    %r8
    push    %r10
    push    %rdx
    push    %rsi
    push    %rdi
    mov     %rsp, %rbx
    mov     %rax, %rdi
    mov     %rsp, %rsi
    and     $-16, %rsp
    call    personality_dispatch
    mov     %rbx, %rsp
leave:
    pop     %rdi
    pop     %rsi
    pop     %rdx
    pop     %r10
    pop     %r8
    pop     %r9
    pop     %rbx
    pop     %rbp
    pop     %r12
    pop     %r13
    pop     %r14
    pop     %r15
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

/* void personality_leave(const struct personality_frame *frame): returns 0 to where the frame came
   from, on the stack that the frame lies on. */
    .globl personality_leave
    .type personality_leave, @function
personality_leave:
    mov     %rdi, %rsp
    xor     %eax, %eax
    jmp     leave
    .size personality_leave, . - personality_leave

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

/*
 * void sdk_out(uint32_t number): the hypercall page (abi/hypercall.h). A function of its own, so
 * that no caller's red zone is overwritten by the return address.
 */
    .text
    .globl sdk_out
    .type sdk_out, @function
    .hidden sdk_out
sdk_out:
    mov     %edi, %eax
    mov     $0x70000000, %ecx /* CLO_VA_RUNTIME */
    jmp     *%rcx
    .size sdk_out, . - sdk_out

    .section .note.GNU-stack, "", @progbits

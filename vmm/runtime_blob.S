/*
 * The runtime image (secure-world/), as the build made it.
 */
    .section .rodata
    .balign 16
    .globl runtime_blob, runtime_blob_end
    .type runtime_blob, @object
runtime_blob:
    .incbin RUNTIME_IMAGE
runtime_blob_end:
    .size runtime_blob, . - runtime_blob

    .section .note.GNU-stack, "", @progbits

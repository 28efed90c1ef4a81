/*
 * dsdt.asl, as the build compiled it.
 */
    .section .rodata
    .balign 16
    .globl dsdt_blob, dsdt_blob_end
    .type dsdt_blob, @object
dsdt_blob:
    .incbin DSDT
dsdt_blob_end:
    .size dsdt_blob, . - dsdt_blob

    .section .note.GNU-stack, "", @progbits

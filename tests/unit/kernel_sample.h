/*
 * A small bzImage that keeps to the boot protocol: a test breaks a field of its header and sees
 * what happens. Its code is one byte over and over.
 */
#ifndef TESTS_UNIT_KERNEL_SAMPLE_H
#define TESTS_UNIT_KERNEL_SAMPLE_H

#include <asm/bootparam.h>
#include <stdint.h>

#define KERNEL_SAMPLE_SETUP_SECTORS 3u
#define KERNEL_SAMPLE_CODE_AT ((KERNEL_SAMPLE_SETUP_SECTORS + 1) * 512u) /* in the file */
#define KERNEL_SAMPLE_CODE_SIZE 0x1000u
#define KERNEL_SAMPLE_CODE 0xc3u
#define KERNEL_SAMPLE_SIZE (KERNEL_SAMPLE_CODE_AT + KERNEL_SAMPLE_CODE_SIZE)
#define KERNEL_SAMPLE_ADDRESS 0x1000000u /* where it wants to be */
#define KERNEL_SAMPLE_NEEDS 0x200000u    /* bytes there */
#define KERNEL_SAMPLE_COMMAND_LINE 2047u /* characters that it takes */

void kernel_sample_make(uint8_t bytes[KERNEL_SAMPLE_SIZE]);
struct setup_header *kernel_sample_setup(uint8_t bytes[KERNEL_SAMPLE_SIZE]);

#endif

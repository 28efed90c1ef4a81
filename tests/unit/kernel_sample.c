/*
 * Builds the sample kernel.
 */
#include "tests/unit/kernel_sample.h"

#include <string.h>

struct setup_header *kernel_sample_setup(uint8_t bytes[KERNEL_SAMPLE_SIZE])
{
    return (struct setup_header *)(bytes + 0x1f1);
}

void kernel_sample_make(uint8_t bytes[KERNEL_SAMPLE_SIZE])
{
    struct setup_header *setup = kernel_sample_setup(bytes);
    memset(bytes, 0, KERNEL_SAMPLE_SIZE);
    setup->setup_sects = KERNEL_SAMPLE_SETUP_SECTORS;
    setup->syssize = KERNEL_SAMPLE_CODE_SIZE / 16;
    setup->boot_flag = 0xaa55;
    setup->jump = 0x66eb;
    setup->header = 0x53726448;
    setup->version = 0x20f;
    setup->xloadflags = XLF_KERNEL_64;
    setup->initrd_addr_max = 0x7fffffff;
    setup->cmdline_size = KERNEL_SAMPLE_COMMAND_LINE;
    setup->pref_address = KERNEL_SAMPLE_ADDRESS;
    setup->init_size = KERNEL_SAMPLE_NEEDS;
    memset(bytes + KERNEL_SAMPLE_CODE_AT, KERNEL_SAMPLE_CODE, KERNEL_SAMPLE_CODE_SIZE);
}

/*
 * What the monitor's assembly and the world host agree on. The numbers repeat those of abi/, which
 * an assembler cannot read; vmm/runtime_image.c asserts that they are the same.
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#define MONITOR_VECTORS 32
#define MONITOR_ENTRY_SIZE 16
#define MONITOR_WIPE_OFFSET 0x800
/* Last 8 bytes of the stub page: bytes of the image from the hypercall page on that are executable.
 */
#define MONITOR_TEXT_SIZE_OFFSET 4088

#define CLO_HYPERCALL_PORT_NUMBER 0xc1
#define CLO_MONITOR_PORT_NUMBER 0xe1
#define CLO_VA_RUNTIME_NUMBER 0x70000000
#define CLO_VA_PERSONALITY_NUMBER 0x70001000
#define CLO_HC_EXIT_NUMBER 15

#endif

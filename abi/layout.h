/*
 * Address space of a secure-world module, as guest-virtual addresses, and the boot page.
 * The world host builds it (vmm/), the runtime and the SDK rely on it (secure-world/). Every
 * module has its own copy of this map and nothing else. Rights are for ring 3.
 *
 *   0x00000000  never mapped: a null pointer and 1 MiB after it always fault
 *   0x00100000  static programs that are not position-independent (cloister exec only)
 *   0x70000000  runtime image: hypercall page, then the personality: text RX, constants R
 *   0x70040000  personality data RW
 *   0x70044000  monitor: stub page (ring 0, RX), tables page (ring 0), one page per vCPU (ring 0)
 *   0x70060000  boot page R, 0x70061000 control pages R (both written by the world host)
 *   0x70080000  mailboxes RW, one per thread, unmapped memory between
 *   0x100000000 module image at a random base that is a multiple of 2 MiB
 *   0x1000000000 stacks RW of all threads but the first, unmapped memory below and above each
 *   0x4000000000 channel window RW; then, where its size and that of the stack put them, the stack
 *                of the first thread and the heap, both RW, with gaps before each
 *
 * Regions lie together where they may: each GiB that is used costs every address space a page
 * of tables, each 2 MiB another. A module with one thread, a small image and a small heap has nine:
 * two on top, two each for 0x70000000 and the image, one for the GiB from the window on, one for
 * the channels, one for stack and heap together.
 */
#ifndef CLO_ABI_LAYOUT_H
#define CLO_ABI_LAYOUT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define CLO_ABI_MAJOR 1u
#define CLO_ABI_MINOR 1u

#define CLO_PAGE_SIZE 4096u

#define CLO_VA_EXEC_LOWEST 0x00100000u
#define CLO_VA_EXEC_HIGHEST 0x70000000u

#define CLO_VA_RUNTIME 0x70000000u /* hypercall page first */
#define CLO_RUNTIME_SIZE_MAX 0x00040000u
#define CLO_VA_PERSONALITY 0x70001000u /* its first byte is the system-call handler */
#define CLO_VA_PERSONALITY_DATA 0x70040000u
#define CLO_PERSONALITY_DATA_SIZE 0x2000u /* zero at start */
#define CLO_VA_MONITOR_STUB 0x70044000u
#define CLO_VA_MONITOR_TABLES 0x70045000u
#define CLO_VA_MONITOR_VCPU 0x70048000u /* + thread * CLO_PAGE_SIZE */
#define CLO_VA_BOOT 0x70060000u
#define CLO_VA_CONTROL 0x70061000u
#define CLO_CONTROL_SIZE 0x2000u
#define CLO_VA_MAILBOX 0x70080000u /* + thread * CLO_MAILBOX_STRIDE */
#define CLO_MAILBOX_STRIDE 0x00020000u

#define CLO_VA_MODULE 0x100000000ull
#define CLO_MODULE_ALIGN 0x200000ull
#define CLO_MODULE_SIZE_MAX 0x40000000ull
#define CLO_VA_STACK 0x1000000000ull
#define CLO_STACK_STRIDE 0x10000000ull
/* Where the stack of a thread other than the first (number 0) begins to grow. */
#define CLO_VA_STACK_TOP(thread)                                                                   \
    (CLO_VA_STACK + ((thread) + 1ull) * CLO_STACK_STRIDE - CLO_PAGE_SIZE)
#define CLO_HEAP_SIZE_MAX 0x1000000000ull
#define CLO_VA_WINDOW 0x4000000000ull
#define CLO_WINDOW_SIZE_MAX 0x40000000ull
#define CLO_WINDOW_ALIGN 0x200000ull /* its end, for what follows */
/* Never mapped: keeps a stack that grows too far, or whose frame is larger than the stack, out of
   what clients write. */
#define CLO_STACK_GAP 0x10000000ull
/* Never mapped: keeps what runs over the end of the stack out of the heap, and what runs below the
   heap out of the stack. */
#define CLO_HEAP_GAP 0x100000ull
/* Lowest byte of the first thread's stack; of the heap (as `heap_base` of the boot page says). */
#define CLO_VA_FIRST_STACK(window_size)                                                            \
    (CLO_VA_WINDOW + CLO_STACK_GAP +                                                               \
     (((window_size) + CLO_WINDOW_ALIGN - 1) & ~(CLO_WINDOW_ALIGN - 1)))
#define CLO_VA_HEAP(window_size, stack_size)                                                       \
    (CLO_VA_FIRST_STACK(window_size) + (stack_size) + CLO_HEAP_GAP)

#define CLO_THREADS_MAX 16u
#define CLO_MODULES_MAX 64u
#define CLO_NAME_SIZE 32u    /* NUL-terminated, zero-filled: letters, digits, '-', '_', '.' */
#define CLO_VERSION_SIZE 16u /* NUL-terminated, zero-filled: semantic version */
#define CLO_ID_SIZE 16u
#define CLO_DIGEST_SIZE 48u /* SHA-384 */
#define CLO_AUTHOR_SIZE 49u /* type byte, then for type 1 SHA-384 of the SubjectPublicKeyInfo */

#define CLO_AUTHOR_NONE 0u /* unsigned; the other 48 bytes are zero */
#define CLO_AUTHOR_KEY 1u

#define CLO_BOOT_DEBUG 1u /* the world is a debug world */
#define CLO_BOOT_EXEC 2u  /* a program of `cloister exec`, no manifest */

/* Boot page: written by the world host before the module runs, constant afterwards. */
struct clo_boot {
    uint32_t abi_major;
    uint32_t abi_minor;
    uint32_t flags;       /* CLO_BOOT_… */
    uint32_t threads;     /* vCPUs of this module, 1 … CLO_THREADS_MAX */
    uint64_t generation;  /* 1 for the first instance, one more for each restart */
    uint64_t module_base; /* added to every address of the file */
    uint64_t stack_size;  /* bytes of each stack */
    uint64_t heap_base;
    uint64_t heap_size;   /* bytes, multiple of the page size; zero at start */
    uint64_t window_size; /* bytes from CLO_VA_WINDOW that channels may lie in */
    uint64_t tsc_khz;     /* frequency of RDTSC in the module, kHz */
    uint32_t spin_us;     /* poll this long without work before WAIT; 0: never spin;
                             0xffffffff: always */
    uint32_t reserved;    /* zero */
    uint8_t random[32];   /* fresh for each instance */
    uint8_t name[CLO_NAME_SIZE];
};

static_assert(sizeof(struct clo_boot) == 144, "clo_boot");
static_assert(offsetof(struct clo_boot, tsc_khz) == 64, "clo_boot.tsc_khz");
static_assert(offsetof(struct clo_boot, random) == 80, "clo_boot.random");

#endif

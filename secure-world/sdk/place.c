/*
 * The addresses of abi/layout.h, in one place.
 */
#include "sdk.h"

const struct clo_boot *sdk_boot(void)
{
    return (const struct clo_boot *)(uintptr_t)CLO_VA_BOOT;
}

const struct clo_control *sdk_control(void)
{
    return (const struct clo_control *)(uintptr_t)CLO_VA_CONTROL;
}

uint8_t *sdk_window(void)
{
    return (uint8_t *)(uintptr_t)CLO_VA_WINDOW;
}

/* A thread is known by the stack it runs on; also where a libc starts it (main.c). Code that
   makes stacks of its own and runs on them can only be in a module with one thread. */
static unsigned this_thread(void)
{
    uint64_t stack = (uint64_t)(uintptr_t)__builtin_frame_address(0);
    uint32_t threads = sdk_boot()->threads;
    if (threads == 1 || stack < CLO_VA_STACK)
        return 0;
    uint64_t thread = (stack - CLO_VA_STACK) / CLO_STACK_STRIDE;
    return thread < threads ? (unsigned)thread : 0;
}

struct clo_mailbox *sdk_mailbox(void)
{
    uint64_t offset = (uint64_t)this_thread() * CLO_MAILBOX_STRIDE;
    return (struct clo_mailbox *)(uintptr_t)(CLO_VA_MAILBOX + offset);
}

cloister_status sdk_hypercall(uint32_t number, uint64_t a0, uint64_t a1, uint64_t a2)
{
    volatile struct clo_mailbox *mailbox = sdk_mailbox();
    mailbox->argument[0] = a0;
    mailbox->argument[1] = a1;
    mailbox->argument[2] = a2;
    mailbox->argument[3] = 0;
    mailbox->argument[4] = 0;
    mailbox->argument[5] = 0;
    sdk_out(number);
    return (cloister_status)mailbox->status;
}

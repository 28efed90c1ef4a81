/*
 * Where the personality finds the module's pages (abi/layout.h), and how it speaks to the world
 * host.
 */
#include "personality.h"

const struct clo_boot *personality_boot(void)
{
    return personality_pointer(CLO_VA_BOOT);
}

/* A thread is known by the stack it runs on: where there are several, clone takes no other stack
   than its vCPU's own. */
unsigned personality_thread(void)
{
    uint64_t stack = (uint64_t)(uintptr_t)__builtin_frame_address(0);
    if (stack < CLO_VA_STACK)
        return 0;
    uint64_t thread = (stack - CLO_VA_STACK) / CLO_STACK_STRIDE;
    return thread < personality_boot()->threads ? (unsigned)thread : 0;
}

struct clo_mailbox *personality_mailbox(void)
{
    uint64_t offset = (uint64_t)personality_thread() * CLO_MAILBOX_STRIDE;
    return personality_pointer(CLO_VA_MAILBOX + offset);
}

uint32_t personality_hypercall(uint32_t number, uint64_t a0, uint64_t a1, uint64_t a2)
{
    volatile struct clo_mailbox *mailbox = personality_mailbox();
    mailbox->argument[0] = a0;
    mailbox->argument[1] = a1;
    mailbox->argument[2] = a2;
    mailbox->argument[3] = 0;
    mailbox->argument[4] = 0;
    mailbox->argument[5] = 0;
    personality_out(number);
    return mailbox->status;
}

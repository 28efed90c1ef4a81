/*
 * The end of a module, wanted or not.
 */
#include "personality.h"

void personality_end(uint32_t status)
{
    for (;;)
        (void)personality_hypercall(CLO_HC_EXIT, status & 0xff, 0, 0);
}

void personality_panic(const char *text)
{
    uint8_t *payload = personality_mailbox()->payload;
    uint64_t length = 0;
    for (; text[length] && length < 256; length++)
        payload[length] = (uint8_t)text[length];
    for (;;)
        (void)personality_hypercall(CLO_HC_PANIC, CLO_PANIC_RUNTIME, 0, length);
}

void personality_illegal(uint64_t address)
{
    for (;;)
        (void)personality_hypercall(CLO_HC_PANIC, CLO_PANIC_ILLEGAL, address, 0);
}

int64_t process_exit(const uint64_t argument[6])
{
    personality_end((uint32_t)argument[0]);
}

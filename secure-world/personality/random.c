/*
 * Random bytes: the host's generator, nothing of our own. Without the right to it the call does not
 * exist, so that no library takes something weaker for it.
 */
#include "personality.h"

#include <linux/errno.h>
#include <string.h>

#define FLAGS_KNOWN 7u /* NONBLOCK, RANDOM, INSECURE */
#define SIZE_MAX_ONCE 0x1ffffffu

int64_t random_getrandom(const uint64_t argument[6])
{
    struct clo_mailbox *mailbox = personality_mailbox();
    uint8_t *out = personality_pointer(argument[0]);
    uint64_t size = argument[1] < SIZE_MAX_ONCE ? argument[1] : SIZE_MAX_ONCE;
    if (argument[2] & ~(uint64_t)FLAGS_KNOWN)
        return -EINVAL;
    for (uint64_t done = 0; done < size;) {
        uint64_t part = size - done < CLO_PAYLOAD_SIZE ? size - done : CLO_PAYLOAD_SIZE;
        if (personality_hypercall(CLO_HC_RANDOM, part, 0, 0) != 0)
            return -ENOSYS;
        memcpy(out + done, mailbox->payload, part);
        memset(mailbox->payload, 0, part);
        done += part;
    }
    return (int64_t)size;
}

/*
 * The words of a completion from `status` to `reserved`, as one: a wide load over narrow stores
 * waits until they have left the processor's store queue, and each reply would pay for it.
 */
#ifndef SDK_REPLY_H
#define SDK_REPLY_H

#include "abi/channel.h"

static_assert(offsetof(struct clo_completion, data) - offsetof(struct clo_completion, status) == 8,
              "the head of a completion is one word");

static inline void reply_set_head(struct clo_completion *reply, int status, uint8_t origin,
                                  uint8_t inline_out)
{
    uint64_t head = (uint16_t)status | (uint64_t)origin << 16 | (uint64_t)inline_out << 24;
    __builtin_memcpy(&reply->status, &head, sizeof head);
}

static inline uint64_t reply_head(const struct clo_completion *reply)
{
    uint64_t head;
    __builtin_memcpy(&head, &reply->status, sizeof head);
    return head;
}

#endif

/*
 * Words of a channel that the other side changes while we look. The types of abi/channel.h are
 * plain; each access says its order. Sequentially consistent stores stand where the protocol wants
 * a store followed by a full fence: on x86 they are one locked instruction, and unlike a separate
 * fence ThreadSanitizer understands them.
 */
#ifndef CLIENT_SHARED_WORD_H
#define CLIENT_SHARED_WORD_H

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

/* What was published before the word we see is visible after this; and it is not moved before our
   own earlier shared_publish. */
static inline uint32_t shared_read(const uint32_t *word)
{
    return atomic_load_explicit((const _Atomic uint32_t *)word, memory_order_seq_cst);
}

/* A word whose neighbours do not matter. */
static inline uint32_t shared_peek(const uint32_t *word)
{
    return atomic_load_explicit((const _Atomic uint32_t *)word, memory_order_relaxed);
}

/* All our stores before it are visible to who sees the word, and no later read of ours overtakes
   it: release and full fence. */
static inline void shared_publish(uint32_t *word, uint32_t value)
{
    atomic_store_explicit((_Atomic uint32_t *)word, value, memory_order_seq_cst);
}

static inline void shared_set(uint32_t *word, uint32_t value)
{
    atomic_store_explicit((_Atomic uint32_t *)word, value, memory_order_relaxed);
}

/* The one copy of bytes that may change: the compiler must not go back to the source. */
static inline void shared_copy(void *to, const void *from, size_t size)
{
    memcpy(to, from, size);
    atomic_signal_fence(memory_order_seq_cst);
}

#endif

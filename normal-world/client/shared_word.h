/*
 * Words of a channel that the other side changes while we look. The types of abi/channel.h are
 * plain; each access says its order. Only loads and stores touch the memory: in a guest it may be
 * uncached, where a locked instruction stops the bus, or is refused. So where the protocol wants a
 * store followed by a full fence, the fence locks a word of our own stack. Freestanding but for
 * memcpy and memset.
 */
#ifndef CLIENT_SHARED_WORD_H
#define CLIENT_SHARED_WORD_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

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

/* All our stores before it are visible to who sees the word. */
static inline void shared_release(uint32_t *word, uint32_t value)
{
    atomic_store_explicit((_Atomic uint32_t *)word, value, memory_order_release);
}

/* No later read overtakes an earlier store. Written out, because gcc refuses atomic_thread_fence
   together with ThreadSanitizer; what that looks for does not depend on it. */
static inline void shared_fence(void)
{
    __asm__ volatile("lock orl $0, (%%rsp)" ::: "memory", "cc");
}

/* All our stores before it are visible to who sees the word, and no later read of ours overtakes
   it: release and full fence. A plain store right behind those of the same line: a locked one would
   wait for them, and who polls the line would take it away in between. ThreadSanitizer understands
   no fence of its own, so it gets a sequentially consistent store. */
static inline void shared_publish(uint32_t *word, uint32_t value)
{
#ifdef __SANITIZE_THREAD__
    atomic_store_explicit((_Atomic uint32_t *)word, value, memory_order_seq_cst);
#else
    shared_release(word, value);
    shared_fence();
#endif
}

/* Words that lie side by side, in one store: a line that somebody polls goes back and forth less.
 */
static inline void shared_set_pair(void *words, uint64_t value)
{
    typedef uint64_t __attribute__((may_alias)) word_pair;
    atomic_store_explicit((_Atomic word_pair *)words, value, memory_order_relaxed);
}

static inline void shared_set(uint32_t *word, uint32_t value)
{
    atomic_store_explicit((_Atomic uint32_t *)word, value, memory_order_relaxed);
}

/* Fetches a line that we shall read. Who polls the first line of an entry does it at each poll for
   the second, which is written before the first: else, once the first has come, it would begin to
   wait for the second, unless the processor had guessed that this poll would be the one. */
static inline void shared_expect_read(const void *line)
{
    __builtin_prefetch(line);
}

/* Fetches a line that we shall write, before the other side is asked to give it up by the store
   itself: stores wait for their lines one after the other, fetches do not wait. __builtin_prefetch
   makes a fetch for reading of it, unless the compiler may count on this instruction; processors
   that lack it take it for a no-operation. */
static inline void shared_expect_write(const void *line)
{
    __asm__ volatile("prefetchw %0" : : "m"(*(const uint8_t *)line));
}

/* The same for a buffer of several lines, of a long one for the first of them: behind those the
   processor has seen where it goes. */
static inline void shared_expect_writes(const uint8_t *bytes, size_t size)
{
    const size_t line = 64;
    const size_t most = 1024;
    if (size <= line)
        return;
    for (size_t at = 0; at < size && at < most; at += line)
        shared_expect_write(bytes + at);
}

/* With several calls in flight both sides fetch lines so many entries early. One is too late; from
   three on each takes from the other what that has just fetched. */
#define SHARED_AHEAD 2u

/* The one copy of bytes that may change: the compiler must not go back to the source. */
static inline void shared_copy(void *to, const void *from, size_t size)
{
    __builtin_memcpy(to, from, size);
    atomic_signal_fence(memory_order_seq_cst);
}

/* Overwrites with zeros; never optimised away. */
static inline void shared_wipe(void *bytes, size_t size)
{
    __builtin_memset(bytes, 0, size);
    __asm__ volatile("" : : "r"(bytes) : "memory");
}

#endif

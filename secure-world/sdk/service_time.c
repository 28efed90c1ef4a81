/*
 * Counts a measured call: see service_time.h. Only this thread writes its mailbox's counters.
 */
#include "service_time.h"

static void add(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, *word + value, __ATOMIC_RELAXED);
}

void service_time_end(const struct service_time *time, uint64_t begun, struct clo_mailbox *mailbox)
{
    uint64_t ticks = __builtin_ia32_rdtsc() - begun;
    unsigned __int128 ns = (unsigned __int128)ticks * time->scale >> 32;
    if (time->scale == 0 || ns >> 63 != 0)
        return;
    add(&mailbox->service_ns, (uint64_t)ns);
    add(&mailbox->service[service_time_bucket((uint64_t)ns)], 1);
}

/*
 * See service_times.h. Every number was bounded by the world host, so sums over a world fit.
 */
#include "tools/show/service_times.h"

#include <stddef.h>

void service_times_add(struct service_times *times, const struct clo_module_metrics *before,
                       const struct clo_module_metrics *now)
{
    for (unsigned i = 0; i < CLO_SERVICE_BUCKETS; i++) {
        uint64_t old = before && before->service[i] <= now->service[i] ? before->service[i] : 0;
        times->bucket[i] += now->service[i] - old;
    }
}

/* The world host is another process: its numbers may be too large to add up. */
static uint64_t add_saturating(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

uint64_t service_times_count(const struct service_times *times)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < CLO_SERVICE_BUCKETS; i++)
        count = add_saturating(count, times->bucket[i]);
    return count;
}

uint64_t service_times_percentile(const struct service_times *times, unsigned percent)
{
    uint64_t count = service_times_count(times);
    uint64_t seen = 0;
    if (count == 0)
        return 0;
    uint64_t wanted = count / 100 * percent + (count % 100 * percent + 99) / 100;
    for (unsigned i = 0; i + 1 < CLO_SERVICE_BUCKETS; i++) {
        seen = add_saturating(seen, times->bucket[i]);
        if (seen >= wanted)
            return CLO_SERVICE_BOUND(i + 1);
    }
    return CLO_SERVICE_BOUND(CLO_SERVICE_BUCKETS - 1);
}

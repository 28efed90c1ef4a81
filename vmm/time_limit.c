/*
 * Judges a module's progress word against its time limits.
 */
#include "vmm/time_limit.h"

struct time_limit time_limit_of(uint32_t max_call_us, uint64_t now_ns)
{
    uint32_t call_us = max_call_us ? max_call_us : TIME_LIMIT_CALL_DEFAULT_US;
    return (struct time_limit){.call_ns = call_us * 1000ull,
                               .start_by = now_ns + TIME_LIMIT_START_NS};
}

/* How often a thread without a call is looked at: a call that begins is seen within its own limit.
 */
static uint64_t pace(const struct time_limit *limit)
{
    return limit->call_ns > TIME_LIMIT_IDLE_NS ? limit->call_ns : TIME_LIMIT_IDLE_NS;
}

static enum time_verdict look_at_start(const struct time_limit *limit, uint64_t now_ns,
                                       uint64_t *next_ns)
{
    if (now_ns >= limit->start_by)
        return TIME_START_EXCEEDED;
    uint64_t left = limit->start_by - now_ns;
    *next_ns = left < pace(limit) ? left : pace(limit); /* it serves as soon as it has started */
    return TIME_GOES_ON;
}

enum time_verdict time_limit_look(struct time_limit *limit, uint64_t progress, uint64_t now_ns,
                                  uint64_t *next_ns)
{
    if (progress != 0)
        limit->started = true;
    if (!limit->started)
        return look_at_start(limit, now_ns, next_ns);
    if ((progress & 1) == 0) {
        limit->busy = 0;
        *next_ns = pace(limit);
        return TIME_GOES_ON;
    }
    if (progress != limit->busy) {
        limit->busy = progress;
        limit->since = now_ns;
    }
    uint64_t taken = now_ns - limit->since;
    if (taken >= limit->call_ns)
        return TIME_CALL_EXCEEDED;
    *next_ns = limit->call_ns - taken;
    return TIME_GOES_ON;
}

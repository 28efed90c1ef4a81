/*
 * How long calls take, for whoever watches: a histogram in the mailbox (abi/hypercall.h). The first
 * calls of a thread are all measured, later ones one in 16, so that a call pays next to nothing.
 */
#ifndef SDK_SERVICE_TIME_H
#define SDK_SERVICE_TIME_H

#include "abi/hypercall.h"

#define SERVICE_ALL 64u   /* so many calls from the start are measured one by one */
#define SERVICE_EVERY 16u /* … and one in so many after them */

struct service_time {
    uint32_t skip;    /* calls that are not measured before the next that is */
    uint32_t counted; /* calls measured, up to SERVICE_ALL */
    uint64_t scale;   /* ns = ticks * scale / 2^32; 0: the frequency is not known */
};

/* The bucket of CLO_SERVICE_BUCKETS for a time in ns. */
static inline uint32_t service_time_bucket(uint64_t ns)
{
    if (ns < 4)
        return (uint32_t)ns;
    uint32_t top = 63u - (uint32_t)__builtin_clzll(ns);
    uint32_t bucket = (top - 1) * 4 + (uint32_t)(ns >> (top - 2) & 3);
    return bucket < CLO_SERVICE_BUCKETS ? bucket : CLO_SERVICE_BUCKETS - 1;
}

static inline struct service_time service_time_start(uint64_t tsc_khz)
{
    return (struct service_time){.scale = tsc_khz ? (1000000ull << 32) / tsc_khz : 0};
}

/* Before a call: the clock, or 0 if this one is not measured. */
static inline uint64_t service_time_begin(struct service_time *time)
{
    if (__builtin_expect(time->skip != 0, 1)) {
        time->skip--;
        return 0;
    }
    if (time->counted < SERVICE_ALL)
        time->counted++;
    else
        time->skip = SERVICE_EVERY - 1;
    return __builtin_ia32_rdtsc();
}

/* After the completion was published; `begun` is not 0. */
void service_time_end(const struct service_time *time, uint64_t begun, struct clo_mailbox *mailbox);

#endif

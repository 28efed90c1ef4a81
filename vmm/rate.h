/*
 * Rate limit: so many events a second, with a burst of one second's worth.
 */
#ifndef VMM_RATE_H
#define VMM_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_SECOND_NS 1000000000ull

struct rate {
    uint64_t cost_ns;   /* what one event uses up */
    uint64_t credit_ns; /* saved so far, at most one second */
    uint64_t seen_ns;   /* clock when credit was last added */
};

static inline struct rate rate_of(uint32_t per_second, uint64_t now_ns)
{
    return (struct rate){.cost_ns = RATE_SECOND_NS / (per_second ? per_second : 1),
                         .credit_ns = RATE_SECOND_NS,
                         .seen_ns = now_ns};
}

/* May one more event happen now? A clock that goes back adds nothing. */
static inline bool rate_take(struct rate *rate, uint64_t now_ns)
{
    uint64_t passed = now_ns > rate->seen_ns ? now_ns - rate->seen_ns : 0;
    if (passed > 0)
        rate->seen_ns = now_ns;
    if (passed > RATE_SECOND_NS - rate->credit_ns)
        rate->credit_ns = RATE_SECOND_NS;
    else
        rate->credit_ns += passed;
    if (rate->credit_ns < rate->cost_ns)
        return false;
    rate->credit_ns -= rate->cost_ns;
    return true;
}

#endif

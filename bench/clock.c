/*
 * Measures the frequency of the time-stamp counter.
 */
#include "bench/clock.h"

#define MEASURED_US 20000u

double clock_ns_per_tick(void)
{
    uint64_t start_ns = clock_ns();
    uint64_t start = clock_ticks();
    clock_sleep_us(MEASURED_US);
    uint64_t ns = clock_ns() - start_ns;
    uint64_t ticks = clock_ticks() - start;
    return (double)ns / (double)ticks;
}

/*
 * Calls in blocks.
 */
#include "bench/timed_calls.h"

#include "bench/clock.h"
#include "bench/statistics.h"

#define WARM_UP 200u
#define BLOCK 20u
#define BLOCKS ((TIMED_CALLS - WARM_UP) / BLOCK)

double timed_calls(bool (*call)(void *context), void *context)
{
    double blocks[BLOCKS];
    bool fine = true;
    for (unsigned i = 0; i < WARM_UP; i++)
        fine = call(context) && fine;
    for (unsigned i = 0; i < BLOCKS; i++) {
        uint64_t began = clock_ticks();
        for (unsigned j = 0; j < BLOCK; j++)
            fine = call(context) && fine;
        blocks[i] = (double)(clock_ticks() - began) / BLOCK;
    }
    return fine ? statistics_median(blocks, BLOCKS) : 0;
}

/*
 * The time of a call whose server polls.
 */
#ifndef BENCH_TIMED_CALLS_H
#define BENCH_TIMED_CALLS_H

#include <stdbool.h>

/* Calls that timed_calls makes, those included that wake the server and are not counted. */
#define TIMED_CALLS 700u

/* Makes calls, each of which returns false if it fails. Ticks a call: the median of blocks of
   calls, because the clock may advance in steps that are large beside one. 0: a call failed. */
double timed_calls(bool (*call)(void *context), void *context);

#endif

/*
 * How long to sleep between two looks at memory that nobody rings for: shortly at first, longer the
 * longer nothing has come. Freestanding.
 */
#ifndef CLIENT_BACK_OFF_H
#define CLIENT_BACK_OFF_H

#include <stdint.h>

#define BACK_OFF_FIRST_US 20u
#define BACK_OFF_LAST_US 1000u

/* The n-th sleep of one wait, from 0: n = 6 and later are the longest. */
static inline uint64_t back_off_us(unsigned n)
{
    return n < 6 ? BACK_OFF_FIRST_US << n : BACK_OFF_LAST_US;
}

#endif

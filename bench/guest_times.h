/*
 * What the program in a measuring guest says (bench/guest/main.c). Written by a guest: not trusted.
 */
#ifndef BENCH_GUEST_TIMES_H
#define BENCH_GUEST_TIMES_H

#include <stdbool.h>
#include <stddef.h>

/* ns a call, in the guest. */
struct guest_times {
    double native; /* of the native ring between two threads */
    double call;   /* of echo through the mailbox */
};

/* Takes a line of `size` bytes, "round NATIVE CALL" in picoseconds: each a decimal number from 1 to
   10^12. false: it is none. Pure. */
__attribute__((warn_unused_result)) bool guest_times_parse(const char *line, size_t size,
                                                           struct guest_times *times);

#endif

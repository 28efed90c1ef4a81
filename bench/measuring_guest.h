/*
 * A stock Linux guest in QEMU without KVM (TCG), on two processors, beside a world; its user space
 * measures when it is told to (bench/guest/main.c). What it says is not trusted.
 */
#ifndef BENCH_MEASURING_GUEST_H
#define BENCH_MEASURING_GUEST_H

#include "bench/guest_times.h"
#include "bench/row.h"

#include <sys/types.h>

struct measuring_guest {
    pid_t beside; /* tools/guest-beside; 0: none */
    int line;     /* to the program in the guest, and from it; -1: none */
};

/* Boots it, connected to the world's guest socket, waits until it is ready to measure, and pins its
   two processors to the plan's. UNSUPPORTED: what it needs is not there. The caller ends with
   measuring_guest_stop, also after a failure. */
CLOISTER_MUST_USE cloister_status measuring_guest_start(struct measuring_guest *guest,
                                                        const struct row_plan *plan,
                                                        char *guest_socket, struct reason *why);

/* Has it measure; until it is told the next time it is idle. */
CLOISTER_MUST_USE cloister_status measuring_guest_round(struct measuring_guest *guest,
                                                        struct guest_times *times,
                                                        struct reason *why);

void measuring_guest_stop(struct measuring_guest *guest);

#endif

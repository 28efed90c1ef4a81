/*
 * Counts the ioctls of this program: it is linked with --wrap=ioctl, so that every call in its own
 * code, the world host's parts in it included, goes through here. Costs both sides the same.
 */
#ifndef BENCH_IOCTL_COUNT_H
#define BENCH_IOCTL_COUNT_H

#include <stdint.h>

struct ioctl_count {
    uint64_t all;
    uint64_t runs; /* KVM_RUN among them */
};

/* What the calling thread has made so far. */
struct ioctl_count ioctl_count(void);

#endif

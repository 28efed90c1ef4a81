/*
 * A module without a wall: the SDK's own objects in a thread of this process, over the control
 * pages and the window that a world host shows it, with a handler that copies.
 */
#ifndef BENCH_UNWALLED_MODULE_H
#define BENCH_UNWALLED_MODULE_H

#include "abi/channel.h"
#include "abi/hypercall.h"
#include "abi/manifest.h"
#include "base/reason.h"

#include <pthread.h>

#define UNWALLED_MODULE_BYTES_MAX (16u << 10)

/* Of its one method, `echo`: a buffer in, a buffer out. */
extern const struct clo_manifest unwalled_module_manifest;

/* What the world host is to it. */
struct unwalled_place {
    const struct clo_control *control;
    struct clo_mailbox *mailbox;
    uint8_t *window;
    size_t window_size;
    uint32_t spin_us;
    double ns_per_tick;
    int cpu; /* that the thread is pinned to */
    /* WAIT and NOTIFY. CLOSED: the thread is to end. */
    cloister_status (*hypercall)(uint32_t number, uint64_t argument);
};

/* Starts its thread, which the caller joins; then unwalled_module_free. One at a time. */
CLOISTER_MUST_USE cloister_status unwalled_module_start(const struct unwalled_place *place,
                                                        pthread_t *thread, struct reason *why);

void unwalled_module_free(void);

#endif

/*
 * The module's end of a channel as a thread of this process: the SDK's own objects over ordinary
 * memory, with a handler that copies. No world, no wall.
 */
#ifndef BENCH_UNWALLED_MODULE_H
#define BENCH_UNWALLED_MODULE_H

#include "abi/channel.h"
#include "abi/manifest.h"
#include "base/reason.h"

#define UNWALLED_MODULE_BYTES_MAX (16u << 10)

/* Of its one method, `echo`: a buffer in, a buffer out. */
extern const struct clo_manifest unwalled_module_manifest;

/* Serves the channel of `size` bytes at `memory`, which is cleared and gets its header; polls for
   `spin_us` without work before it sleeps. One at a time. */
CLOISTER_MUST_USE cloister_status unwalled_module_start(void *memory, uint32_t size, int cpu,
                                                        uint32_t spin_us, double ns_per_tick,
                                                        struct reason *why);

/* The client's doorbell. */
void unwalled_module_wake(void);

/* Ends it; nothing may be in flight. */
void unwalled_module_stop(void);

#endif

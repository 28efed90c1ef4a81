/*
 * Module side of the stress tests: the SDK's serving loop in threads of this process. Apart from
 * the client's side because the two public headers are never included together.
 */
#ifndef TESTS_STRESS_MODULE_SIDE_H
#define TESTS_STRESS_MODULE_SIDE_H

#include "abi/manifest.h"

#include <stdbool.h>

extern const struct clo_manifest module_side_manifest;

/* Starts threads that serve the channels of `window`, which control tells them of. */
void module_side_start(unsigned threads, const struct clo_control *control, uint8_t *window,
                       uint64_t window_size);
void module_side_stop(void);

/* A doorbell, or a change of the control pages. */
void module_side_wake(unsigned thread);

/* Has the thread acted on the control pages of this epoch? */
bool module_side_has_seen(unsigned thread, uint32_t epoch);

/* Adds 1 to a futex word and wakes all who sleep on it. */
void module_side_ring(uint32_t *word);

/* What NOTIFY does. */
void module_side_notify(unsigned channel);

#endif

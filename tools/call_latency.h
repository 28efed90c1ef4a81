/*
 * Latency of many calls.
 */
#ifndef TOOLS_CALL_LATENCY_H
#define TOOLS_CALL_LATENCY_H

#include <stddef.h>
#include <stdint.h>

uint64_t latency_now_ns(void);

/* Sorts, and prints median and 99th percentile on standard error. `count` is at least 1. */
void latency_print(uint64_t *ns, size_t count);

#endif

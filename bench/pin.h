/*
 * Threads on processors.
 */
#ifndef BENCH_PIN_H
#define BENCH_PIN_H

#include "base/reason.h"

#include <sys/types.h>

/* Pins the calling thread. */
CLOISTER_MUST_USE cloister_status pin_self(int cpu, struct reason *why);

/* Pins every thread that a process has now. */
CLOISTER_MUST_USE cloister_status pin_process(pid_t pid, int cpu, struct reason *why);

/* Those of them that have this name. NOT_FOUND: none has. */
CLOISTER_MUST_USE cloister_status pin_named(pid_t pid, const char *name, int cpu,
                                            struct reason *why);

/* Lets the calling thread run wherever this process could when pin_choose was called. */
void pin_nowhere(void);

/* Two processors that this process may run on, the same one twice if it may use one only. */
CLOISTER_MUST_USE cloister_status pin_choose(int *first, int *second, struct reason *why);

#endif

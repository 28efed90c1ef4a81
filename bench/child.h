/*
 * Programs that a measurement starts. They end when this one does.
 */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include "base/reason.h"

#include <sys/types.h>

/* Starts arguments[0]. `input`, `output`: its standard input and output, -1 for nothing to read and
   nowhere; `errors`: a file for its standard error, NULL for ours. */
CLOISTER_MUST_USE cloister_status child_start(char *const arguments[], int input, int output,
                                              const char *errors, pid_t *child, struct reason *why);

/* Waits until it ends; its wait status. */
int child_wait(pid_t child);

/* Has it ended? Then it is gone. */
int child_ended(pid_t child);

/* Starts and waits. IO: it did not end well. */
CLOISTER_MUST_USE cloister_status child_run(char *const arguments[], struct reason *why);

#endif

/*
 * Runs one of our programs and takes what it prints.
 */
#ifndef TOOLS_SHOW_CAPTURE_H
#define TOOLS_SHOW_CAPTURE_H

#include "base/reason.h"

#include <stddef.h>

/* Runs `program` with these words, waits for it, and gives at most `size` - 1 bytes of its standard
   output with a NUL, and its exit status (128 and more: ended by a signal). Standard error is ours.
   IO: it could not be run. TOO_BIG: it printed more. */
CLOISTER_MUST_USE cloister_status capture_run(const char *program, const char *const *words,
                                              char *output, size_t size, int *exit_status,
                                              struct reason *why);

#endif

/*
 * Runs the C compiler for `cloister module build`.
 */
#ifndef TOOLS_COMPILER_H
#define TOOLS_COMPILER_H

#include "base/reason.h"

/* Runs a compiler, named by the first of these words, to its end. What it says goes to standard
   error, but for the linker's remarks on dlopen and name lookup in a static glibc, which a module
   has not anyway. A signal that the caller has had kept (interrupt_hold) ends it.
   BAD_FORMAT: it failed, and has said why. */
CLOISTER_MUST_USE cloister_status compiler_run(const char *const *arguments, struct reason *why);

#endif

/*
 * What the module `threads` and its tests agree on.
 */
#ifndef TESTS_MODULES_THREADS_H
#define TESTS_MODULES_THREADS_H

#define THREADS_COUNT 4
#define THREADS_REFUSED 0x8007

#endif

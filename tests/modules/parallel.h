/*
 * What the module `parallel` is built with.
 */
#ifndef TESTS_MODULES_PARALLEL_H
#define TESTS_MODULES_PARALLEL_H

#define PARALLEL_THREADS 4u

/* What goes wrong in `end`. */
#define PARALLEL_ABORT 1u
#define PARALLEL_FAULT 2u
#define PARALLEL_EXIT_THREAD 3u
#define PARALLEL_EXIT_STATUS 9

#endif

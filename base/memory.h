/*
 * Memory of a process: small, brought in at once where it will be used, given back after the start.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/* One heap for all threads, and freed memory goes back at once: for processes of which there are
   many. Before the first thread. */
void memory_be_small(void);

/* Brings whole pages in that are zero and will be written: one system call costs less than a fault
   for each. */
void memory_populate(void *memory, size_t size);

/* Gives back free heap. */
void memory_give_back(void);

/* The same, and the program's code and constants, which come back from its file when they are
   needed. For the end of a start. */
void memory_trim(void);

#endif

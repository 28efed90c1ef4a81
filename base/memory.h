/*
 * Gives back memory that only a process's start needed.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

/* One heap for all threads, and freed memory goes back at once: for processes of which there are
   many. Before the first thread. */
void memory_be_small(void);

/* Gives back free heap, and the program's code and constants, which come back from its file when
   they are needed. For the end of a start. */
void memory_trim(void);

#endif

/*
 * Memory of a process, from /proc.
 */
#ifndef TOOLS_SHOW_PROCESS_MEMORY_H
#define TOOLS_SHOW_PROCESS_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct process_memory {
    uint64_t rss;      /* resident bytes; 0: not known */
    uint64_t pss;      /* its proportional share of them */
    bool pss_is_known; /* only who may trace the process gets it: root */
};

/* What can be known now; all zero if there is no such process. */
struct process_memory process_memory_read(uint32_t pid);

#endif

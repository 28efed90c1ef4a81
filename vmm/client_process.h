/*
 * When the process at the other end of a socket started: with its pid, that names it for good.
 */
#ifndef VMM_CLIENT_PROCESS_H
#define VMM_CLIENT_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Start of `pid`, which the kernel says is at the other end of `socket`, in clock ticks since boot;
   0: not known. `processes`: descriptor of /proc, or -1. Never blocks. */
uint64_t client_process_start(int processes, int socket, pid_t pid);

/* The start time in the text of /proc/PID/stat, 0 if it is none. Pure. */
uint64_t client_process_parse(const char *stat, size_t size);

#endif

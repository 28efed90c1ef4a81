/*
 * A command that is ended by a signal (SIGINT, SIGTERM, SIGHUP, SIGQUIT) while it waits: what it
 * started ends first, nothing half done stays, and its status is that signal's. A signal that was
 * ignored when the command started stays ignored (nohup).
 */
#ifndef TOOLS_INTERRUPT_H
#define TOOLS_INTERRUPT_H

#include <sys/types.h>

/* From here on such a signal is kept until interrupt_release. */
void interrupt_hold(void);

/* Passes what is kept, and what comes, on to this process, or to the process group -`to`. 0: the
   child has ended. */
void interrupt_pass_on(pid_t to);

/* For a wait that cannot be broken off: from here on such a signal removes this file and ends the
   program at once. The caller keeps the name until interrupt_release. */
void interrupt_remove(const char *file);

/* As before; a signal that was kept ends the program here. A child between fork and exec calls it,
   too. */
void interrupt_release(void);

#endif

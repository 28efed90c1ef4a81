/*
 * Where measurements happen: the build that this program is part of, and a folder in /tmp with
 * platform keys and sockets of worlds, made when it is first needed and removed at the end.
 */
#ifndef BENCH_WORKPLACE_H
#define BENCH_WORKPLACE_H

#include "base/reason.h"

#include <stddef.h>

/* Path of something in the build: "modules/echo.mod". It must be there. */
CLOISTER_MUST_USE cloister_status workplace_built(const char *name, char *path, size_t size,
                                                  struct reason *why);

/* Path of a result in the build's folder bench, which is made. */
CLOISTER_MUST_USE cloister_status workplace_result(const char *name, char *path, size_t size,
                                                   struct reason *why);

/* Makes the folder, with keys, and points the environment at it. Again: nothing. */
CLOISTER_MUST_USE cloister_status workplace_open(struct reason *why);

/* Path of a file in the folder. */
void workplace_path(const char *name, char *path, size_t size);

/* The last line of a file in the folder, made safe to print; "" if there is none. */
void workplace_last_line(const char *name, char *line, size_t size);

/* Removes the folder. */
void workplace_close(void);

#endif

/*
 * Where running worlds are found: the runtime folder holds NAME.sock and NAME.lock for each.
 */
#ifndef BASE_RUNTIME_FOLDER_H
#define BASE_RUNTIME_FOLDER_H

#include "base/reason.h"

#include <stddef.h>

/* The folder: $CLOISTER_RUNTIME, else /run/cloister for root, else $XDG_RUNTIME_DIR/cloister, else
   /tmp/cloister-UID. Does not create it. BAD_ARGUMENT: $CLOISTER_RUNTIME is not absolute; TOO_BIG:
   the path is too long for a socket in it. */
CLOISTER_MUST_USE cloister_status runtime_folder(char *path, size_t size, struct reason *why);

/* Creates it if need be, 0700; refuses one that others own or may write to: DENIED. */
CLOISTER_MUST_USE cloister_status runtime_folder_make(char *path, size_t size, struct reason *why);

/* Is the folder one that nobody else could have made or may write to? NOT_FOUND, DENIED. Who
   connects to a world by its name asks first. */
CLOISTER_MUST_USE cloister_status runtime_folder_check(const char *path, struct reason *why);

/* The socket of a world: `name`, or if it contains '/' that path itself. BAD_ARGUMENT: no valid
   name; TOO_BIG. */
CLOISTER_MUST_USE cloister_status runtime_socket(const char *name, char *path, size_t size,
                                                 struct reason *why);

#endif

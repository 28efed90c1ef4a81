/*
 * Worlds as people name them on the command line: opened, with a reason that says what to do.
 */
#ifndef TOOLS_WORLD_OPEN_H
#define TOOLS_WORLD_OPEN_H

#include "base/reason.h"
#include "cloister/client.h"

#include <stddef.h>

/* Opens a world; the reason says what to do if there is none. The caller closes it. */
CLOISTER_MUST_USE cloister_status world_open(const char *name, cloister_world **world,
                                             struct reason *why);

/* Takes WORLD/MODULE apart, at the last '/': a world may be the path of a socket. `size` is that of
   `world`; *module points into `target`. BAD_ARGUMENT, TOO_BIG. */
CLOISTER_MUST_USE cloister_status world_split_target(const char *target, char *world, size_t size,
                                                     const char **module, struct reason *why);

#endif

/*
 * Which worlds there are: names of the sockets in the runtime folder.
 */
#ifndef TOOLS_SHOW_WORLD_NAMES_H
#define TOOLS_SHOW_WORLD_NAMES_H

#include "base/reason.h"

#include <stddef.h>

struct world_names {
    char **name; /* sorted */
    size_t count;
};

/* Lists them; none is no failure, nor is a folder that is not there yet. A socket may be one that a
   killed world left. DENIED, IO, NO_MEMORY. The caller frees with world_names_free. */
CLOISTER_MUST_USE cloister_status world_names_list(struct world_names *names, struct reason *why);

void world_names_free(struct world_names *names);

#endif

/*
 * The folder of the platform state (measure/platform.h).
 */
#ifndef MEASURE_PLATFORM_FOLDER_H
#define MEASURE_PLATFORM_FOLDER_H

#include "base/reason.h"

#include <stddef.h>

/* The state folder: `option` if given, else $CLOISTER_STATE, else /var/lib/cloister for root, else
   $XDG_STATE_HOME/cloister or ~/.local/state/cloister. NOT_FOUND: none of them is set; TOO_BIG;
   BAD_ARGUMENT: empty, or a variable that is no absolute path. */
CLOISTER_MUST_USE cloister_status platform_folder(const char *option, char *path, size_t size,
                                                  struct reason *why);

#endif

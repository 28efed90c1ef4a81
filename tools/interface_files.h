/*
 * The files that `cloister interface` makes: all of them in their place, or none.
 */
#ifndef TOOLS_INTERFACE_FILES_H
#define TOOLS_INTERFACE_FILES_H

#include "base/reason.h"

/* Moves the six files of the interface `name` from the folder `from` to the folder `to`, both on
   one file system. An old file is replaced only if it was made by this command (BAD_ARGUMENT
   otherwise). After a failure `to` has what it had before. */
CLOISTER_MUST_USE cloister_status interface_files_move(const char *name, const char *from,
                                                       const char *to, struct reason *why);

/* Removes a folder that holds nothing but files of this interface. */
void interface_files_remove(const char *name, const char *folder);

#endif

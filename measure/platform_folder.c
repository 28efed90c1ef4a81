/*
 * Where the platform state is. Apart from what loads it: needs no libcrypto.
 */
#include "measure/platform_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static cloister_status join(char *path, size_t size, const char *folder, const char *below,
                            struct reason *why)
{
    int length = snprintf(path, size, "%s%s", folder, below);
    if (length < 0 || (size_t)length >= size)
        return refuse(why, CLOISTER_TOO_BIG, "state folder %.80s… is longer than %zu bytes", folder,
                      size - 1);
    return CLOISTER_OK;
}

/* A relative path in a variable would mean another folder in each working directory. */
static cloister_status from_variable(const char *name, const char *value, const char *below,
                                     char *path, size_t size, struct reason *why)
{
    if (value[0] != '/')
        return refuse(why, CLOISTER_BAD_ARGUMENT, "%s is '%.80s'; it must be an absolute path",
                      name, value);
    return join(path, size, value, below, why);
}

cloister_status platform_folder(const char *option, char *path, size_t size, struct reason *why)
{
    if (option && !*option)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "the state folder is empty; name a folder");
    if (option)
        return join(path, size, option, "", why);
    const char *state = getenv("CLOISTER_STATE");
    if (state && *state)
        return from_variable("CLOISTER_STATE", state, "", path, size, why);
    if (geteuid() == 0)
        return join(path, size, "/var/lib/cloister", "", why);
    const char *xdg = getenv("XDG_STATE_HOME");
    if (xdg && *xdg)
        return from_variable("XDG_STATE_HOME", xdg, "/cloister", path, size, why);
    const char *home = getenv("HOME");
    if (home && *home)
        return from_variable("HOME", home, "/.local/state/cloister", path, size, why);
    return refuse(why, CLOISTER_NOT_FOUND,
                  "no state folder: none of CLOISTER_STATE, XDG_STATE_HOME and HOME is set; use "
                  "--state DIR");
}

/*
 * Worlds as people name them on the command line.
 */
#include "tools/world_open.h"

#include <string.h>

cloister_status world_open(const char *name, cloister_world **world, struct reason *why)
{
    char text[REASON_SIZE];
    cloister_status status = cloister_world_open_why(name, world, text, sizeof text);
    if (status != CLOISTER_OK &&
        strncmp(name, CLOISTER_GUEST_PREFIX, strlen(CLOISTER_GUEST_PREFIX)) == 0)
        return refuse(why, status, "%s", text);
    switch (status) {
    case CLOISTER_OK:
        return status;
    case CLOISTER_NOT_FOUND:
        return refuse(why, status, "no world '%.60s' is running; 'cloister world ls' lists them",
                      name);
    case CLOISTER_BAD_ARGUMENT:
        return refuse(why, status,
                      "'%.60s' is no world's name: 1 to 31 letters, digits, '-', '_' and '.', or a "
                      "socket's path with a '/'",
                      name);
    default:
        return refuse(why, status, "cannot open world '%.60s': %s", name,
                      cloister_status_text(status));
    }
}

cloister_status world_split_target(const char *target, char *world, size_t size,
                                   const char **module, struct reason *why)
{
    const char *slash = strrchr(target, '/');
    size_t length = slash ? (size_t)(slash - target) : 0;
    if (!slash || length == 0 || slash[1] == '\0')
        return refuse(why, CLOISTER_BAD_ARGUMENT, "'%.80s' is not of the form WORLD/MODULE",
                      target);
    if (length >= size)
        return refuse(why, CLOISTER_TOO_BIG, "world '%.80s…' is too long a name", target);
    memcpy(world, target, length);
    world[length] = '\0';
    *module = slash + 1;
    return CLOISTER_OK;
}

/*
 * Reads the runtime folder, if nobody else could have put sockets there.
 */
#include "tools/show/world_names.h"

#include "base/runtime_folder.h"
#include "base/scope.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#define SUFFIX ".sock"

/* Sockets NAME.sock; not what else lies in the folder. */
static int is_socket_name(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > strlen(SUFFIX) && strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) == 0;
}

/* Without the suffix; frees the entries. false: no memory. */
static bool take_names(struct world_names *names, struct dirent **entries, size_t count)
{
    bool complete = true;
    names->name = calloc(count + 1, sizeof *names->name);
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(entries[i]->d_name) - strlen(SUFFIX);
        if (names->name && complete)
            names->name[names->count] = strndup(entries[i]->d_name, length);
        complete = complete && names->name && names->name[names->count];
        names->count += complete;
        free(entries[i]);
    }
    free(entries);
    return complete && names->name;
}

cloister_status world_names_list(struct world_names *names, struct reason *why)
{
    char folder[PATH_MAX];
    struct dirent **entries;
    *names = (struct world_names){0};
    cloister_status status = runtime_folder(folder, sizeof folder, why);
    if (status == CLOISTER_OK)
        status = runtime_folder_check(folder, why);
    if (status != CLOISTER_OK)
        return status == CLOISTER_NOT_FOUND ? CLOISTER_OK : status;
    int count = scandir(folder, &entries, is_socket_name, alphasort);
    if (count < 0)
        return refuse_errno(why, "cannot list %s", folder);
    if (take_names(names, entries, (size_t)count))
        return CLOISTER_OK;
    world_names_free(names);
    return refuse(why, CLOISTER_NO_MEMORY, "no memory for the names of %d worlds", count);
}

void world_names_free(struct world_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->name[i]);
    free(names->name);
    *names = (struct world_names){0};
}

/*
 * Finds, makes and checks the runtime folder. A folder that someone else could have put there
 * would let them pose as a world: hence the checks of owner and mode.
 */
#include "base/runtime_folder.h"

#include "abi/layout.h"
#include "base/bytes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_PATH_SIZE sizeof(((struct sockaddr_un *)0)->sun_path)
#define SOCKET_SUFFIX ".sock"
/* Longest folder: "/", the longest name, the suffix and a NUL still fit behind it. */
#define FOLDER_MAX (SOCKET_PATH_SIZE - 1 - (CLO_NAME_SIZE - 1) - sizeof SOCKET_SUFFIX)

static bool print_into(char *path, size_t size, int length)
{
    return length >= 0 && (size_t)length < size && path[0] != '\0';
}

static bool folder_chosen(char *path, size_t size)
{
    const char *chosen = secure_getenv("CLOISTER_RUNTIME");
    const char *session = secure_getenv("XDG_RUNTIME_DIR");
    if (chosen && *chosen)
        return print_into(path, size, snprintf(path, size, "%s", chosen));
    if (geteuid() == 0)
        return print_into(path, size, snprintf(path, size, "/run/cloister"));
    if (session && *session == '/')
        return print_into(path, size, snprintf(path, size, "%s/cloister", session));
    return print_into(path, size, snprintf(path, size, "/tmp/cloister-%u", geteuid()));
}

/* "folder/" would make lstat follow a symbolic link. */
static void strip_slashes(char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        path[--length] = '\0';
}

cloister_status runtime_folder(char *path, size_t size, struct reason *why)
{
    char chosen[4096];
    if (!folder_chosen(chosen, sizeof chosen))
        return refuse(why, CLOISTER_TOO_BIG, "path of the runtime folder is too long");
    strip_slashes(chosen);
    if (chosen[0] != '/')
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "CLOISTER_RUNTIME is '%.80s'; it must be an absolute path", chosen);
    size_t length = strlen(chosen);
    if (length > FOLDER_MAX || length >= size)
        return refuse(why, CLOISTER_TOO_BIG,
                      "runtime folder %.80s… has a path of %zu bytes; at most %zu leave room for a "
                      "socket",
                      chosen, length, FOLDER_MAX);
    memcpy(path, chosen, length + 1);
    return CLOISTER_OK;
}

cloister_status runtime_folder_check(const char *path, struct reason *why)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return refuse_errno(why, "runtime folder %s", path);
    if (!S_ISDIR(st.st_mode))
        return refuse(why, CLOISTER_DENIED, "runtime folder %s is not a folder", path);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return refuse(why, CLOISTER_DENIED,
                      "runtime folder %s belongs to user %u; it must be yours (%u) or root's", path,
                      st.st_uid, geteuid());
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return refuse(why, CLOISTER_DENIED,
                      "runtime folder %s has mode %04o; only its owner may write to it", path,
                      st.st_mode & 07777);
    return CLOISTER_OK;
}

cloister_status runtime_folder_make(char *path, size_t size, struct reason *why)
{
    char folder[SOCKET_PATH_SIZE];
    cloister_status status = runtime_folder(folder, sizeof folder, why);
    if (status != CLOISTER_OK)
        return status;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return refuse_errno(why, "cannot make runtime folder %s", folder);
    status = runtime_folder_check(folder, why);
    if (status != CLOISTER_OK)
        return status;
    if (strlen(folder) >= size)
        return refuse(why, CLOISTER_TOO_BIG, "runtime folder %s does not fit", folder);
    memcpy(path, folder, strlen(folder) + 1);
    return CLOISTER_OK;
}

static cloister_status socket_of_path(const char *name, char *path, size_t size, struct reason *why)
{
    size_t length = strlen(name);
    if (length >= size || length >= SOCKET_PATH_SIZE)
        return refuse(why, CLOISTER_TOO_BIG, "socket path %.80s… has %zu bytes; at most %zu fit",
                      name, length, SOCKET_PATH_SIZE - 1);
    memcpy(path, name, length + 1);
    return CLOISTER_OK;
}

cloister_status runtime_socket(const char *name, char *path, size_t size, struct reason *why)
{
    uint8_t checked[CLO_NAME_SIZE];
    char folder[SOCKET_PATH_SIZE];
    if (strchr(name, '/'))
        return socket_of_path(name, path, size, why);
    if (!name_set(checked, sizeof checked, name) || !name_is_valid(checked, sizeof checked))
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "world name '%.40s' is not 1 to %u letters, digits, '-', '_' and '.', "
                      "starting with none of '-' and '.'",
                      name, CLO_NAME_SIZE - 1);
    cloister_status status = runtime_folder(folder, sizeof folder, why);
    if (status != CLOISTER_OK)
        return status;
    char joined[SOCKET_PATH_SIZE + CLO_NAME_SIZE + sizeof SOCKET_SUFFIX];
    int length = snprintf(joined, sizeof joined, "%s/%s" SOCKET_SUFFIX, folder, name);
    if (length < 0 || (size_t)length >= sizeof joined)
        return refuse(why, CLOISTER_TOO_BIG, "socket path of world %s does not fit", name);
    return socket_of_path(joined, path, size, why);
}

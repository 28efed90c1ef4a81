/*
 * Binds before the sandbox closes; in it, only the removal from this one folder is left. A file
 * that is no socket is never removed, nor is a socket that somebody serves.
 */
#include "vmm/guest_socket.h"

#include "vmm/world_socket.h"

#include "base/scope.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define BACKLOG 16

static void keep_path(const char *folder, const char *path, struct guest_socket *at)
{
    AUTO_FREE char *absolute = realpath(folder, NULL);
    size_t size = sizeof at->path;
    const char *slash = absolute && strcmp(absolute, "/") == 0 ? "" : "/";
    int length = absolute ? snprintf(at->path, size, "%s%s%s", absolute, slash, at->name) : -1;
    if (length < 0 || (size_t)length >= size)
        (void)snprintf(at->path, size, "%s", path);
}

static cloister_status take_path(const char *path, struct guest_socket *at,
                                 struct sockaddr_un *address, struct reason *why)
{
    char folder[sizeof address->sun_path];
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (strlen(path) >= sizeof address->sun_path)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "the guest socket's path has %zu bytes; the system allows %zu", strlen(path),
                      sizeof address->sun_path - 1);
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "guest socket '%s' names no file", path);
    (void)snprintf(address->sun_path, sizeof address->sun_path, "%s", path);
    (void)snprintf(at->name, sizeof at->name, "%s", name);
    (void)snprintf(folder, sizeof folder, "%.*s", slash ? (int)(name - path) : 1,
                   slash ? path : ".");
    at->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (at->folder < 0)
        return refuse_errno(why, "cannot open the guest socket's folder %s", folder);
    keep_path(folder, path, at);
    return CLOISTER_OK;
}

static cloister_status make_socket(int *out, struct reason *why)
{
    *out = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*out < 0)
        return refuse_errno(why, "cannot make the guest socket");
    world_socket_refuse_descriptors(*out);
    return CLOISTER_OK;
}

/* Does anybody listen there? */
static bool is_served(const struct sockaddr_un *address)
{
    AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
           errno != ECONNREFUSED;
}

/* Removes what a world that was killed left behind. */
static cloister_status make_way(const struct guest_socket *at, const struct sockaddr_un *address,
                                struct reason *why)
{
    struct stat st;
    if (fstatat(at->folder, at->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? CLOISTER_OK
                               : refuse_errno(why, "cannot examine %s", address->sun_path);
    if (!S_ISSOCK(st.st_mode))
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "%s is there and no socket; choose another path for the guest socket",
                      address->sun_path);
    if (is_served(address))
        return refuse(why, CLOISTER_BAD_STATE,
                      "somebody listens at %s; choose another path for the guest socket",
                      address->sun_path);
    if (unlinkat(at->folder, at->name, 0) != 0 && errno != ENOENT)
        return refuse_errno(why, "cannot remove the old socket %s", address->sun_path);
    return CLOISTER_OK;
}

static cloister_status listen_there(struct guest_socket *at, const struct sockaddr_un *address,
                                    struct reason *why)
{
    AUTO_FD int fd = -1;
    cloister_status status = make_way(at, address, why);
    if (status == CLOISTER_OK)
        status = make_socket(&fd, why);
    if (status != CLOISTER_OK)
        return status;
    mode_t mask = umask(0177);
    int bound = bind(fd, (const struct sockaddr *)address, sizeof *address);
    (void)umask(mask);
    if (bound != 0 || listen(fd, BACKLOG) != 0)
        return refuse_errno(why, "cannot listen at %s", address->sun_path);
    at->listen = take_fd(&fd);
    return CLOISTER_OK;
}

cloister_status guest_socket_open(const char *path, struct guest_socket *at, struct reason *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *at = (struct guest_socket){.folder = -1, .listen = -1};
    if (!path)
        return CLOISTER_OK;
    cloister_status status = take_path(path, at, &address, why);
    if (status == CLOISTER_OK)
        status = listen_there(at, &address, why);
    if (status != CLOISTER_OK)
        guest_socket_close(at);
    return status;
}

void guest_socket_close(struct guest_socket *at)
{
    if (at->listen >= 0) {
        (void)unlinkat(at->folder, at->name, 0);
        (void)close(at->listen);
    }
    if (at->folder >= 0)
        (void)close(at->folder);
    *at = (struct guest_socket){.folder = -1, .listen = -1};
}

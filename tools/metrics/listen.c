/*
 * Opens the listening socket before the sandbox closes.
 */
#include "tools/metrics/listen.h"

#include "base/scope.h"
#include "tools/tool.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define BACKLOG 16

static cloister_status listen_at_port(const char *where, struct listening *listening,
                                      struct reason *why)
{
    unsigned long long port;
    const int on = 1;
    cloister_status status = tool_number("--listen", where, 1, 65535, &port, why);
    if (status != CLOISTER_OK)
        return refuse(
            why, status,
            "--listen is '%.40s'; it must be a port from 1 to 65535, or a path with a '/'", where);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return refuse_errno(why, "cannot make a socket");
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, BACKLOG) != 0)
        return errno == EADDRINUSE
                   ? refuse(why, CLOISTER_BUSY, "port %llu of 127.0.0.1 is in use", port)
                   : refuse_errno(why, "cannot listen at port %llu of 127.0.0.1", port);
    listening->local_port = true;
    listening->fd = take_fd(&fd);
    return CLOISTER_OK;
}

/* A socket that nobody listens at is what a killed server left. Anything else stays. */
static cloister_status clear_place(const struct sockaddr_un *address, struct reason *why)
{
    struct stat st;
    if (lstat(address->sun_path, &st) != 0)
        return errno == ENOENT ? CLOISTER_OK : refuse_errno(why, "%s", address->sun_path);
    if (!S_ISSOCK(st.st_mode))
        return refuse(why, CLOISTER_BAD_ARGUMENT, "%s is there and is no socket",
                      address->sun_path);
    AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return refuse_errno(why, "cannot make a socket");
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
        errno != ECONNREFUSED)
        return refuse(why, CLOISTER_BUSY, "another program listens at %s", address->sun_path);
    if (unlink(address->sun_path) != 0)
        return refuse_errno(why, "cannot remove the old socket %s", address->sun_path);
    return CLOISTER_OK;
}

static cloister_status open_folder(const struct sockaddr_un *address, struct listening *listening,
                                   struct reason *why)
{
    char folder[sizeof address->sun_path];
    memcpy(folder, address->sun_path, sizeof folder);
    char *slash = strrchr(folder, '/');
    memcpy(listening->name, address->sun_path + (slash - folder) + 1, strlen(slash + 1) + 1);
    slash[slash == folder ? 1 : 0] = '\0';
    listening->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (listening->folder < 0)
        return refuse_errno(why, "folder %s of the socket", folder);
    return CLOISTER_OK;
}

static cloister_status listen_at_path(const char *where, struct listening *listening,
                                      struct reason *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(where);
    if (length >= sizeof address.sun_path || where[length - 1] == '/')
        return refuse(
            why, CLOISTER_BAD_ARGUMENT,
            "--listen is '%.80s'; a socket's path has at most %zu bytes and ends in a name", where,
            sizeof address.sun_path - 1);
    memcpy(address.sun_path, where, length);
    cloister_status status = open_folder(&address, listening, why);
    if (status == CLOISTER_OK)
        status = clear_place(&address, why);
    if (status != CLOISTER_OK)
        return status;
    AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return refuse_errno(why, "cannot make a socket");
    mode_t mask = umask(0177);
    int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
    (void)umask(mask);
    if (bound != 0 || listen(fd, BACKLOG) != 0)
        return refuse_errno(why, "cannot listen at %s", where);
    listening->fd = take_fd(&fd);
    return CLOISTER_OK;
}

cloister_status listen_open(const char *where, struct listening *listening, struct reason *why)
{
    *listening = (struct listening){.fd = -1, .folder = -1};
    return strchr(where, '/') ? listen_at_path(where, listening, why)
                              : listen_at_port(where, listening, why);
}

void listen_close(struct listening *listening)
{
    if (listening->fd >= 0)
        (void)close(listening->fd);
    if (listening->folder >= 0) {
        (void)unlinkat(listening->folder, listening->name, 0);
        (void)close(listening->folder);
    }
    *listening = (struct listening){.fd = -1, .folder = -1};
}

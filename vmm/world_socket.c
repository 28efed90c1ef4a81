/*
 * Takes a world's name: a lock file that only one process can hold, then the socket. What a world
 * that was killed left behind is replaced under the lock.
 */
#include "vmm/world_socket.h"

#include "base/runtime_folder.h"
#include "base/scope.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG 128
#define LOCK_TRIES 100

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16 */
#endif

/* Is the file that we locked still the one that the name stands for? A world that ends removes its
   lock file, maybe between our open and our lock. */
static bool is_current(int folder, const char *name, int fd)
{
    struct stat held;
    struct stat named;
    return fstat(fd, &held) == 0 && fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

static cloister_status take_lock(const char *world, struct world_socket *at, struct reason *why)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        AUTO_FD int fd = openat(at->folder, at->lock_name,
                                O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
        if (fd < 0)
            return refuse_errno(why, "cannot open the lock of world %s", world);
        if (flock(fd, LOCK_EX | LOCK_NB) != 0)
            return refuse(why, CLOISTER_BAD_STATE,
                          "a world named %s is running; stop it or choose another name", world);
        if (is_current(at->folder, at->lock_name, fd)) {
            at->lock = take_fd(&fd);
            return CLOISTER_OK;
        }
    }
    return refuse(why, CLOISTER_BUSY, "the lock of world %s changes hands all the time", world);
}

/* A descriptor in a client's packet ends where the packet is read, in the reader's own time: a TCP
   socket that lingers would hold up the world for as long as the client likes. Connections inherit
   the refusal. Older kernels cannot refuse (docs/attacks.md). */
void world_socket_refuse_descriptors(int fd)
{
    const int off = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof off);
}

static cloister_status listen_at(const char *world, struct world_socket *at, struct reason *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cloister_status status = runtime_socket(world, address.sun_path, sizeof address.sun_path, why);
    if (status != CLOISTER_OK)
        return status;
    AUTO_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return refuse_errno(why, "cannot make the socket of world %s", world);
    world_socket_refuse_descriptors(fd);
    if (unlinkat(at->folder, at->socket_name, 0) != 0 && errno != ENOENT)
        return refuse_errno(why, "cannot remove the old socket %s", address.sun_path);
    mode_t mask = umask(0077);
    int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
    (void)umask(mask);
    if (bound != 0 || listen(fd, BACKLOG) != 0)
        return refuse_errno(why, "cannot listen at %s", address.sun_path);
    at->listen = take_fd(&fd);
    return CLOISTER_OK;
}

cloister_status world_socket_open(const char *name, struct world_socket *at, struct reason *why)
{
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    *at = (struct world_socket){.folder = -1, .lock = -1, .listen = -1};
    (void)snprintf(at->socket_name, sizeof at->socket_name, "%.31s.sock", name);
    (void)snprintf(at->lock_name, sizeof at->lock_name, "%.31s.lock", name);
    cloister_status status = runtime_folder_make(path, sizeof path, why);
    if (status != CLOISTER_OK)
        return status;
    at->folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (at->folder < 0)
        return refuse_errno(why, "cannot open runtime folder %s", path);
    status = take_lock(name, at, why);
    if (status == CLOISTER_OK)
        status = listen_at(name, at, why);
    if (status != CLOISTER_OK)
        world_socket_close(at);
    return status;
}

void world_socket_close(struct world_socket *at)
{
    if (at->listen >= 0) {
        (void)unlinkat(at->folder, at->socket_name, 0);
        (void)close(at->listen);
    }
    if (at->lock >= 0) {
        (void)unlinkat(at->folder, at->lock_name, 0);
        (void)close(at->lock);
    }
    if (at->folder >= 0)
        (void)close(at->folder);
    *at = (struct world_socket){.folder = -1, .lock = -1, .listen = -1};
}

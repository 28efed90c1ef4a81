/*
 * Unix socket to a world host: connect, ask, hang up.
 */
#include "normal-world/client/connection.h"

#include "base/scope.h"
#include "normal-world/client/control_frame.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define REPLY_TIMEOUT_MS 10000
#define CLOSE_TIMEOUT_MS 1000

static cloister_status status_of_connect(int error)
{
    switch (error) {
    case ENOENT:
    case ECONNREFUSED: /* the socket of a world that died */
    case ENOTSOCK:
    case EPROTOTYPE:
        return CLOISTER_NOT_FOUND;
    case EACCES:
    case EPERM:
        return CLOISTER_DENIED;
    case EAGAIN:
        return CLOISTER_BUSY;
    default:
        return CLOISTER_IO;
    }
}

cloister_status connection_set_timeout(int fd, uint32_t timeout_ms)
{
    const struct timeval timeout = {.tv_sec = timeout_ms / 1000,
                                    .tv_usec = timeout_ms % 1000 * 1000};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) != 0)
        return CLOISTER_IO;
    return CLOISTER_OK;
}

cloister_status connection_open(const char *path, int *fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof address.sun_path)
        return CLOISTER_TOO_BIG;
    memcpy(address.sun_path, path, length);
    AUTO_FD int socket_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (socket_fd < 0)
        return CLOISTER_IO;
    cloister_status status = connection_set_timeout(socket_fd, REPLY_TIMEOUT_MS);
    if (status != CLOISTER_OK)
        return status;
    if (connect(socket_fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return status_of_connect(errno);
    *fd = take_fd(&socket_fd);
    return CLOISTER_OK;
}

static cloister_status status_of_transfer(int error)
{
    switch (error) {
    case EAGAIN:
        return CLOISTER_TIMEOUT;
    case EPIPE:
    case ECONNRESET:
        return CLOISTER_DEAD;
    default:
        return CLOISTER_IO;
    }
}

static cloister_status send_request(int fd, uint16_t type, const void *body, size_t size)
{
    struct clo_control_header header = control_request(type, size);
    struct iovec parts[2] = {
        {.iov_base = &header, .iov_len = sizeof header},
        {.iov_base = (void *)(uintptr_t)body, .iov_len = size},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = size > 0 ? 2 : 1};
    ssize_t sent;
    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? status_of_transfer(errno) : CLOISTER_OK;
}

/* Takes the descriptors out of a message, all of them, so that none is lost or leaks. */
static unsigned take_descriptors(struct msghdr *message, int *descriptors, unsigned most)
{
    unsigned count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t bytes = c->cmsg_len - CMSG_LEN(0);
        for (size_t at = 0; at + sizeof(int) <= bytes; at += sizeof(int)) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + at, sizeof fd);
            if (count < most)
                descriptors[count++] = fd;
            else
                (void)close(fd);
        }
    }
    return count;
}

static cloister_status receive_reply(int fd, uint16_t type, struct connection_reply *reply,
                                     unsigned *descriptors)
{
    struct clo_control_header header;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof reply->descriptor)];
    } control;
    struct iovec parts[2] = {
        {.iov_base = &header, .iov_len = sizeof header},
        {.iov_base = reply->body, .iov_len = reply->capacity},
    };
    struct msghdr message = {
        .msg_iov = parts,
        .msg_iovlen = reply->capacity > 0 ? 2 : 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes,
    };
    ssize_t received;
    do
        received = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (received < 0 && errno == EINTR);
    if (received < 0)
        return status_of_transfer(errno);
    *descriptors = take_descriptors(&message, reply->descriptor, CONNECTION_DESCRIPTORS_MAX);
    if (received == 0)
        return CLOISTER_DEAD;
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
        return CLOISTER_PROTOCOL;
    reply->size = (size_t)received < sizeof header ? 0 : (size_t)received - sizeof header;
    return control_reply_check(&header, type, (size_t)received);
}

cloister_status connection_ask(int fd, uint16_t type, const void *body, size_t size,
                               struct connection_reply *reply)
{
    unsigned descriptors = 0;
    cloister_status status = send_request(fd, type, body, size);
    if (status != CLOISTER_OK)
        return status;
    status = receive_reply(fd, type, reply, &descriptors);
    if (status == CLOISTER_OK && descriptors != reply->descriptor_count)
        status = CLOISTER_PROTOCOL;
    for (unsigned i = 0; status != CLOISTER_OK && i < descriptors; i++)
        (void)close(reply->descriptor[i]);
    return status;
}

bool connection_alive(int fd)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    return poll(&poller, 1, 0) == 0;
}

void connection_close(int fd)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    if (shutdown(fd, SHUT_WR) == 0)
        (void)poll(&poller, 1, CLOSE_TIMEOUT_MS);
    (void)close(fd);
}

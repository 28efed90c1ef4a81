/*
 * Client side of the ivshmem-server protocol, strict: one order of messages, exactly
 * CLO_GUEST_VECTORS vectors each way, a memfd that nobody can resize.
 */
#include "vmm/guest/mailbox_link.h"

#include "base/file.h"
#include "base/scope.h"

#include <endian.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#define PROTOCOL_VERSION 0
#define MEMORY_FOLLOWS (-1)
#define WORLD 0 /* the world's number; ours are … */
#define ID_MAX 65535
#define TIMEOUT_S 5
#define DESCRIPTORS_HEARD 4 /* that a message may bring before they are counted */
#define SEALS_NEEDED (F_SEAL_SHRINK | F_SEAL_GROW)

cloister_status mailbox_link_connect(const char *path, int *out, struct reason *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return refuse(why, CLOISTER_TOO_BIG,
                      "--world has a path of %zu characters; a socket's has at most %zu",
                      strlen(path), sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path));
    AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return refuse_errno(why, "cannot make a socket");
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        if (errno == ECONNREFUSED)
            return refuse(why, CLOISTER_DEAD, "--world %.100s: nobody serves this socket", path);
        return refuse_errno(why, "--world %.100s: cannot connect", path);
    }
    *out = take_fd(&fd);
    return CLOISTER_OK;
}

/* Takes the descriptors of a message; those beyond the first are closed and make it bad. */
static unsigned take_descriptors(struct msghdr *message, int *descriptor)
{
    unsigned count = 0;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
            continue;
        size_t heard = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < heard; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(at) + i * sizeof fd, sizeof fd);
            if (count++ == 0)
                *descriptor = fd;
            else
                (void)close(fd);
        }
    }
    return count;
}

/* One message; *descriptor is -1 where it brings none. */
static cloister_status hear(int socket, int64_t *value, int *descriptor, struct reason *why)
{
    uint64_t raw = 0;
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(DESCRIPTORS_HEARD * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = &raw, .iov_len = sizeof raw};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t length;
    *descriptor = -1;
    do
        length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
    while (length < 0 && errno == EINTR);
    if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return refuse(why, CLOISTER_TIMEOUT, "the world says nothing for %d s", TIMEOUT_S);
    if (length <= 0)
        return refuse(why, CLOISTER_DEAD, "the world hung up before the guest had its mailbox");
    unsigned count = take_descriptors(&message, descriptor);
    if (length != sizeof raw || count > 1 || (message.msg_flags & MSG_CTRUNC))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "the world sent %zd bytes with %u descriptors; 8 with at most one are a "
                      "message",
                      length, count);
    *value = (int64_t)le64toh(raw);
    return CLOISTER_OK;
}

/* A message that must have this value, and a descriptor or none. */
static cloister_status expect(int socket, const char *what, int64_t wanted, int *descriptor,
                              struct reason *why)
{
    int64_t value = 0;
    AUTO_FD int heard = -1;
    cloister_status status = hear(socket, &value, &heard, why);
    if (status != CLOISTER_OK)
        return status;
    if (value != wanted || (heard >= 0) != (descriptor != NULL))
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "the world sent %lld %s a descriptor as %s; it must be %lld %s one",
                      (long long)value, heard >= 0 ? "with" : "without", what, (long long)wanted,
                      descriptor ? "with" : "without");
    if (descriptor)
        *descriptor = take_fd(&heard);
    return CLOISTER_OK;
}

static cloister_status hear_id(struct mailbox_link *link, struct reason *why)
{
    int64_t value = 0;
    AUTO_FD int heard = -1;
    cloister_status status = hear(link->socket, &value, &heard, why);
    if (status != CLOISTER_OK)
        return status;
    if (heard >= 0 || value <= WORLD || value > ID_MAX)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "the world gave the guest the number %lld; 1 to %d are possible",
                      (long long)value, ID_MAX);
    link->id = (uint32_t)value;
    return CLOISTER_OK;
}

static cloister_status check_header(const struct clo_guest_header *header, size_t size,
                                    struct reason *why)
{
    if (header->magic != CLO_GUEST_MAGIC || header->abi_major != CLO_ABI_MAJOR ||
        header->lanes != CLO_GUEST_LANES)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "the world's memory has magic 0x%x, version %u and %u lanes; 0x%x, %u and %u "
                      "are needed",
                      header->magic, header->abi_major, header->lanes, CLO_GUEST_MAGIC,
                      CLO_ABI_MAJOR, CLO_GUEST_LANES);
    if (header->size != size)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "the world's memory says it has %u bytes; it has %zu", header->size, size);
    return CLOISTER_OK;
}

/* Sealed against resizing and of ordinary pages, or the world could make any access of ours to it a
   SIGBUS. */
static cloister_status map_memory(struct mailbox_link *link, int memory, struct reason *why)
{
    struct stat st;
    int seals = fcntl(memory, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS_NEEDED) != SEALS_NEEDED)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "the world's memory is not sealed against shrinking and growing");
    if (!fd_is_ordinary_memory(memory))
        return refuse(why, CLOISTER_BAD_FORMAT, "the world's memory is not an ordinary memfd");
    if (fstat(memory, &st) != 0)
        return refuse_errno(why, "cannot examine the world's memory");
    size_t size = (size_t)st.st_size;
    if (st.st_size < CLO_GUEST_SIZE_MIN || st.st_size > CLO_GUEST_SIZE_MAX ||
        (size & (size - 1)) != 0)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "the world's memory has %lld bytes; a power of two from %u to %u is needed",
                      (long long)st.st_size, CLO_GUEST_SIZE_MIN, CLO_GUEST_SIZE_MAX);
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (bytes == MAP_FAILED)
        return refuse_errno(why, "cannot map the world's memory");
    link->bytes = bytes;
    link->size = size;
    struct clo_guest_header header;
    memcpy(&header, bytes, sizeof header);
    return check_header(&header, size, why);
}

static cloister_status hear_all(struct mailbox_link *link, struct reason *why)
{
    AUTO_FD int memory = -1;
    cloister_status status = expect(link->socket, "its version", PROTOCOL_VERSION, NULL, why);
    if (status == CLOISTER_OK)
        status = hear_id(link, why);
    if (status == CLOISTER_OK)
        status = expect(link->socket, "its memory", MEMORY_FOLLOWS, &memory, why);
    if (status == CLOISTER_OK)
        status = map_memory(link, memory, why);
    for (unsigned i = 0; i < CLO_GUEST_VECTORS && status == CLOISTER_OK; i++)
        status = expect(link->socket, "a doorbell", WORLD, &link->doorbell[i], why);
    for (unsigned i = 0; i < CLO_GUEST_VECTORS && status == CLOISTER_OK; i++)
        status = expect(link->socket, "a completion", link->id, &link->completion[i], why);
    return status;
}

cloister_status mailbox_link_open(int socket, const struct clo_guest_measured *measured,
                                  struct mailbox_link *link, struct reason *why)
{
    const struct timeval limit = {.tv_sec = TIMEOUT_S};
    *link = (struct mailbox_link){.socket = socket};
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++)
        link->doorbell[i] = link->completion[i] = -1;
    cloister_status status = CLOISTER_OK;
    if (setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0)
        status = refuse_errno(why, "cannot set a time limit for the world");
    if (status == CLOISTER_OK)
        status = hear_all(link, why);
    if (status == CLOISTER_OK &&
        send(socket, measured, sizeof *measured, MSG_NOSIGNAL) != sizeof *measured)
        status =
            refuse(why, CLOISTER_DEAD, "the world does not take what boots: %s", strerror(errno));
    if (status != CLOISTER_OK)
        mailbox_link_destroy(link);
    return status;
}

void mailbox_link_close(struct mailbox_link *link)
{
    scope_close(&link->socket);
    link->socket = -1;
}

void mailbox_link_destroy(struct mailbox_link *link)
{
    mailbox_link_close(link);
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++) {
        scope_close(&link->doorbell[i]);
        scope_close(&link->completion[i]);
        link->doorbell[i] = link->completion[i] = -1;
    }
    if (link->bytes)
        (void)munmap(link->bytes, link->size);
    link->bytes = NULL;
}

/*
 * Each message is one little-endian 64-bit integer, most with a descriptor: version, the guest's
 * id, the memory, then an eventfd for each vector of each peer. The world host is peer 0; a guest
 * learns of no other, so it can neither ring nor name one.
 */
#include "vmm/guest_greeting.h"

#include <endian.h>
#include <string.h>
#include <sys/socket.h>

#define PROTOCOL_VERSION 0
#define WORLD_ID 0
#define MEMORY_COMES (-1)

static bool tell(int socket, int64_t value, int descriptor)
{
    uint64_t bytes = htole64((uint64_t)value);
    struct iovec part = {&bytes, sizeof bytes};
    union {
        struct cmsghdr aligned;
        uint8_t bytes[CMSG_SPACE(sizeof descriptor)];
    } control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof descriptor);
        memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof bytes;
}

static bool tell_vectors(int socket, int64_t id, const int eventfds[CLO_GUEST_VECTORS])
{
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++)
        if (!tell(socket, id, eventfds[i]))
            return false;
    return true;
}

bool guest_greet(int socket, uint16_t id, const struct guest_memory *memory)
{
    return tell(socket, PROTOCOL_VERSION, -1) && tell(socket, id, -1) &&
           tell(socket, MEMORY_COMES, memory->memfd) &&
           tell_vectors(socket, WORLD_ID, memory->doorbell) &&
           tell_vectors(socket, id, memory->interrupt);
}

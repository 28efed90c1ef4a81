/*
 * Receives and sends packets of the keeper socket. Every byte and descriptor that comes in is
 * hostile: copied once, its form checked here, its meaning by the callers.
 */
#include "measure/keeper/message.h"

#include "base/bytes.h"
#include "base/scope.h"

#include <string.h>
#include <sys/socket.h>

/* Room for two: a packet that carries more than the one allowed is seen to do so. */
#define DESCRIPTORS_ROOM 2

/* Takes the descriptors out of a packet. Keeps the first, closes any others; returns how many there
   were. */
static int take_descriptors(struct msghdr *packet, int *descriptor)
{
    int count = 0;
    for (struct cmsghdr *control = CMSG_FIRSTHDR(packet); control;
         control = CMSG_NXTHDR(packet, control)) {
        if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
            continue;
        size_t size = control->cmsg_len - CMSG_LEN(0);
        for (size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
            int fd;
            memcpy(&fd, CMSG_DATA(control) + at, sizeof fd);
            if (count++ == 0)
                *descriptor = fd;
            else
                (void)close(fd);
        }
    }
    return count;
}

static cloister_status check_form(const struct clo_keeper_header *header, size_t size, int flags,
                                  int descriptors, struct reason *why)
{
    if (flags & (MSG_TRUNC | MSG_CTRUNC))
        return refuse(why, CLOISTER_PROTOCOL,
                      "a packet is longer than %zu bytes or has too many descriptors",
                      sizeof *header + MESSAGE_REQUEST_MAX);
    if (size < sizeof *header)
        return refuse(why, CLOISTER_PROTOCOL, "a packet has %zu bytes; a header has %zu", size,
                      sizeof *header);
    if (header->magic != CLO_KEEPER_MAGIC)
        return refuse(why, CLOISTER_PROTOCOL, "a packet starts with 0x%08x; it must be 0x%08x",
                      header->magic, CLO_KEEPER_MAGIC);
    if (header->size != size - sizeof *header)
        return refuse(why, CLOISTER_PROTOCOL, "a packet announces %u bytes of body and has %zu",
                      header->size, size - sizeof *header);
    if (header->status != 0 || !bytes_are_zero(header->text, sizeof header->text))
        return refuse(why, CLOISTER_PROTOCOL, "a request has a status or a text");
    if (descriptors > 1)
        return refuse(why, CLOISTER_PROTOCOL, "a packet has %d descriptors; one is the most",
                      descriptors);
    return CLOISTER_OK;
}

cloister_status message_receive(int socket, struct message *message, struct reason *why)
{
    union {
        struct cmsghdr aligned;
        uint8_t bytes[CMSG_SPACE(DESCRIPTORS_ROOM * sizeof(int))];
    } control;
    struct iovec parts[2] = {{&message->header, sizeof message->header},
                             {message->body, sizeof message->body}};
    struct msghdr packet = {.msg_iov = parts,
                            .msg_iovlen = 2,
                            .msg_control = &control,
                            .msg_controllen = sizeof control};
    message->descriptor = -1;
    ssize_t got;
    do {
        got = recvmsg(socket, &packet, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got <= 0)
        return refuse(why, CLOISTER_CLOSED, "the world host closed its socket");
    int descriptors = take_descriptors(&packet, &message->descriptor);
    cloister_status status =
        check_form(&message->header, (size_t)got, packet.msg_flags, descriptors, why);
    if (status != CLOISTER_OK) {
        scope_close(&message->descriptor);
        message->descriptor = -1;
    }
    return status;
}

cloister_status message_reply(int socket, const struct message *request, cloister_status status,
                              const void *body, size_t size, const struct reason *why)
{
    struct clo_keeper_header header = {.magic = CLO_KEEPER_MAGIC,
                                       .type = request->header.type,
                                       .status = (uint16_t)status,
                                       .module = request->header.module,
                                       .size = (uint32_t)(status == CLOISTER_OK ? size : 0)};
    if (status != CLOISTER_OK)
        memcpy(header.text, why->text, strnlen(why->text, sizeof header.text - 1));
    /* sendmsg only reads what iov_base points to. */
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)(uintptr_t)body, header.size}};
    const struct msghdr packet = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent;
    do {
        sent = sendmsg(socket, &packet, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)(sizeof header + header.size) ? CLOISTER_OK : CLOISTER_CLOSED;
}

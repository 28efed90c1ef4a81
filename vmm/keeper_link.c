/*
 * Client of the keeper: one packet out, one packet in, strictly checked.
 */
#include "vmm/keeper_link.h"

#include "base/bytes.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

void keeper_link_open(struct keeper_link *link, int fd)
{
    *link = (struct keeper_link){.fd = fd};
}

void keeper_link_shut(struct keeper_link *link)
{
    if (link->fd >= 0)
        (void)shutdown(link->fd, SHUT_RDWR);
}

static void attach(struct msghdr *message, void *buffer, size_t size, int descriptor)
{
    if (descriptor < 0)
        return;
    message->msg_control = buffer;
    message->msg_controllen = size;
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof descriptor);
    memcpy(CMSG_DATA(control), &descriptor, sizeof descriptor);
}

static cloister_status send_request(int fd, const struct keeper_request *request,
                                    struct reason *why)
{
    struct clo_keeper_header header = {.magic = CLO_KEEPER_MAGIC,
                                       .type = (uint16_t)request->type,
                                       .module = request->module,
                                       .size = (uint32_t)request->size};
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)request->body, request->size}};
    union {
        struct cmsghdr aligned;
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    attach(&message, &control, sizeof control, request->descriptor);
    ssize_t sent;
    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return refuse(why, CLOISTER_CLOSED, "the keeper is gone: %s", strerror(errno));
    return CLOISTER_OK;
}

static cloister_status receive_reply(int fd, struct keeper_request *request,
                                     struct clo_keeper_header *header, struct reason *why)
{
    struct iovec parts[2] = {{header, sizeof *header}, {request->reply, request->capacity}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t got;
    do {
        message.msg_flags = 0;
        got = recvmsg(fd, &message, 0);
        /* ECONNRESET comes once, when the keeper ended with requests unread; its last replies,
           which say why, are behind it. */
    } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
    if (got <= 0)
        return refuse(why, CLOISTER_CLOSED, "the keeper is gone");
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || (size_t)got < sizeof *header)
        return refuse(why, CLOISTER_PROTOCOL, "the keeper's reply has a wrong size");
    request->reply_size = (size_t)got - sizeof *header;
    return CLOISTER_OK;
}

static cloister_status check_reply(const struct keeper_request *request,
                                   const struct clo_keeper_header *header, struct reason *why)
{
    if (header->magic != CLO_KEEPER_MAGIC || header->type != request->type ||
        header->module != request->module || header->size != request->reply_size ||
        header->text[CLO_KEEPER_TEXT_SIZE - 1] != 0 || header->status > CLOISTER_INTERNAL)
        return refuse(why, CLOISTER_PROTOCOL, "the keeper's reply has a wrong header");
    bool empty = header->status != CLOISTER_OK;
    if (empty ? request->reply_size != 0
              : request->exact && request->reply_size != request->capacity)
        return refuse(why, CLOISTER_PROTOCOL, "the keeper's reply has %zu bytes; wanted %zu",
                      request->reply_size, empty ? (size_t)0 : request->capacity);
    return CLOISTER_OK;
}

static void give_up(struct keeper_link *link)
{
    link->broken = true;
    keeper_link_shut(link);
}

cloister_status keeper_link_send(struct keeper_link *link, const struct keeper_request *request,
                                 struct reason *why)
{
    if (link->fd < 0)
        return refuse(why, CLOISTER_UNSUPPORTED, "this world has no keeper");
    if (link->broken)
        return refuse(why, CLOISTER_CLOSED, "the keeper is gone");
    return send_request(link->fd, request, why);
}

static cloister_status receive(struct keeper_link *link, struct keeper_request *request,
                               struct reason *why)
{
    struct clo_keeper_header header = {0};
    cloister_status status = receive_reply(link->fd, request, &header, why);
    if (status == CLOISTER_OK)
        status = check_reply(request, &header, why);
    if (status != CLOISTER_OK) {
        give_up(link);
        return status;
    }
    if (header.status == CLOISTER_OK)
        return CLOISTER_OK;
    return refuse(why, header.status, "%s",
                  header.text[0] ? (const char *)header.text : cloister_status_text(header.status));
}

cloister_status keeper_link_receive(struct keeper_link *link, struct keeper_request *request,
                                    struct reason *why)
{
    cloister_status status = receive(link, request, why);
    if (status != CLOISTER_OK && request->capacity)
        bytes_wipe(request->reply, request->capacity);
    return status;
}

cloister_status keeper_link_ask(struct keeper_link *link, struct keeper_request *request,
                                struct reason *why)
{
    fair_lock_take(&link->lock);
    cloister_status status = keeper_link_send(link, request, why);
    if (status == CLOISTER_OK)
        status = keeper_link_receive(link, request, why);
    else if (link->fd >= 0)
        give_up(link);
    fair_lock_give(&link->lock);
    if (status != CLOISTER_OK && request->capacity)
        bytes_wipe(request->reply, request->capacity);
    return status;
}

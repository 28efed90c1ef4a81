/*
 * Life of a guest. What its lanes ask for: guest_lane.c.
 */
#include "vmm/guest.h"

#include "vmm/guest_greeting.h"

#include "base/scope.h"

#include <sys/socket.h>

#define REQUESTS_PER_S 256u

static uint16_t protocol_id(uint64_t number)
{
    return (uint16_t)(1 + (number - 1) % GUEST_PROTOCOL_ID_MAX);
}

cloister_status guest_create(struct guest *guest, int socket, uint64_t number, uint32_t memory_size,
                             const struct clo_caller *caller, struct reason *why)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    *guest = (struct guest){.socket = -1,
                            .number = number,
                            .connected_at = (uint64_t)now.tv_sec,
                            .requests = rate_of(REQUESTS_PER_S, world_now())};
    cloister_status status =
        guest_memory_create(&guest->memory, memory_size, (uint32_t)number, why);
    if (status == CLOISTER_OK && !guest_greet(socket, protocol_id(number), &guest->memory))
        status = refuse_errno(why, "cannot greet a VMM");
    if (status != CLOISTER_OK) {
        guest_memory_destroy(&guest->memory);
        return status;
    }
    for (unsigned i = 0; i < CLO_GUEST_LANES; i++)
        guest->lane[i] =
            (struct control_client){.caller = *caller, .memory = &guest->memory, .lane = i};
    guest->socket = socket;
    return CLOISTER_OK;
}

cloister_status guest_hear(struct guest *guest)
{
    uint8_t bytes[sizeof guest->statement.measured + 1]; /* one more shows that it is too much */
    struct iovec part = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t got = recvmsg(guest->socket, &message, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return CLOISTER_OK;
    if (got <= 0)
        return CLOISTER_CLOSED;
    if ((message.msg_flags & MSG_CTRUNC) ||
        !guest_statement_take(&guest->statement, bytes, (size_t)got, guest->asked))
        return CLOISTER_PROTOCOL;
    const struct clo_guest_measured *measured = guest_statement_of(&guest->statement);
    for (unsigned i = 0; i < CLO_GUEST_LANES; i++)
        guest->lane[i].measured = measured;
    return CLOISTER_OK;
}

void guest_destroy(struct guest *guest)
{
    for (unsigned i = 0; i < CLO_GUEST_LANES; i++) {
        /* What the channels say last stays to be read; the memory goes as a whole. */
        guest->lane[i].memory = NULL;
        control_release(&guest->lane[i]);
    }
    guest_memory_say_closed(&guest->memory);
    guest_memory_destroy(&guest->memory);
    scope_close(&guest->socket);
}

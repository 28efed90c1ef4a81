/*
 * Lanes: taking one, and request and reply on it. The reply is hostile: number, size and header are
 * read once and checked, the body is copied once.
 */
#include "normal-world/guest/lane.h"

#include "normal-world/client/back_off.h"
#include "normal-world/client/control_frame.h"
#include "normal-world/client/shared_word.h"
#include "normal-world/guest/guest_wait.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define SPIN_US 50u
#define RECOVERY_MS 1000u
#define LIMIT_NAP_US 10000u
#define LIMIT_PATIENCE_US 1000000u

static cloister_status wait_for_reply(struct lane *lane, uint64_t until_us)
{
    uint64_t spin_until_us = guest_wait_now_us() + SPIN_US;
    unsigned naps = 0;
    for (;;) {
        uint32_t reply = shared_read(&lane->shared->reply);
        if (reply == lane->number)
            return CLOISTER_OK;
        if (reply != lane->number - 1)
            return CLOISTER_PROTOCOL;
        uint64_t now_us = guest_wait_now_us();
        if (now_us < spin_until_us) {
            __builtin_ia32_pause();
            continue;
        }
        if (!mailbox_alive(lane->mailbox))
            return CLOISTER_DEAD;
        if (now_us >= until_us)
            return CLOISTER_TIMEOUT;
        guest_wait_nap(back_off_us(naps++));
    }
}

static void send_request(struct lane *lane, uint16_t type, const void *body, size_t size)
{
    const struct clo_control_header header = control_request(type, size);
    memcpy(lane->shared->message, &header, sizeof header);
    if (size > 0)
        memcpy(lane->shared->message + sizeof header, body, size);
    shared_set(&lane->shared->request_size, (uint32_t)(sizeof header + size));
    lane->number++;
    shared_publish(&lane->shared->request, lane->number);
    mailbox_ring(lane->mailbox, CLO_GUEST_VECTOR_REQUEST);
}

static cloister_status read_reply(const struct lane *lane, uint16_t type,
                                  struct transport_reply *reply)
{
    struct clo_control_header header;
    uint32_t size = shared_peek(&lane->shared->reply_size);
    if (size < sizeof header || size > sizeof lane->shared->message)
        return CLOISTER_PROTOCOL;
    shared_copy(&header, lane->shared->message, sizeof header);
    cloister_status status = control_reply_check(&header, type, size);
    if (status != CLOISTER_OK)
        return status;
    if (header.size > reply->capacity)
        return CLOISTER_PROTOCOL;
    if (header.size > 0)
        shared_copy(reply->body, lane->shared->message + sizeof header, header.size);
    reply->size = header.size;
    return CLOISTER_OK;
}

static cloister_status ask_once(struct lane *lane, uint16_t type, const void *body, size_t size,
                                struct transport_reply *reply, uint64_t until_us)
{
    cloister_status status = wait_for_reply(lane, until_us);
    if (status != CLOISTER_OK)
        return status;
    send_request(lane, type, body, size);
    status = wait_for_reply(lane, until_us);
    if (status != CLOISTER_OK)
        return status;
    return read_reply(lane, type, reply);
}

/* All the processes of a guest share what it may ask in a second: who comes too late tries again
   soon, rather than bother a program that on a host would never hear of it. */
cloister_status lane_ask(struct lane *lane, uint16_t type, const void *body, size_t size,
                         struct transport_reply *reply, uint32_t timeout_ms)
{
    uint64_t started_us = guest_wait_now_us();
    uint64_t until_us = started_us + timeout_ms * 1000ull;
    if (size > sizeof lane->shared->message - sizeof(struct clo_control_header))
        return CLOISTER_TOO_BIG;
    cloister_status status = ask_once(lane, type, body, size, reply, until_us);
    while (status == CLOISTER_LIMIT && guest_wait_now_us() - started_us < LIMIT_PATIENCE_US) {
        guest_wait_nap(LIMIT_NAP_US);
        status = ask_once(lane, type, body, size, reply, until_us);
    }
    return status;
}

/* Taking */

/* BUSY: another open file has it. */
static cloister_status lock(const struct mailbox *mailbox, unsigned index, short type)
{
    struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = index, .l_len = 1};
    if (fcntl(mailbox->mapping.file, F_OFD_SETLK, &range) == 0)
        return CLOISTER_OK;
    return errno == EAGAIN || errno == EACCES ? CLOISTER_BUSY : CLOISTER_IO;
}

/* Its last owner may have died with a question open: nothing else can be asked before its reply. */
static cloister_status await_silence(struct lane *lane, uint64_t until_us)
{
    lane->number = shared_read(&lane->shared->request);
    for (unsigned naps = 0; shared_read(&lane->shared->reply) != lane->number; naps++) {
        if (!mailbox_alive(lane->mailbox))
            return CLOISTER_DEAD;
        if (guest_wait_now_us() >= until_us)
            return CLOISTER_BUSY;
        guest_wait_nap(back_off_us(naps));
    }
    return CLOISTER_OK;
}

static cloister_status recover(struct lane *lane, uint64_t until_us)
{
    struct transport_reply nothing = {.capacity = 0};
    cloister_status status = await_silence(lane, until_us);
    if (status != CLOISTER_OK)
        return status;
    return lane_ask(lane, CLO_CONTROL_CLOSE, NULL, 0, &nothing, RECOVERY_MS);
}

/* The first lane that is free and, until then, silent. */
static cloister_status take_before(struct mailbox *mailbox, struct lane *lane, uint64_t until_us)
{
    uint8_t *lanes = mailbox->mapping.bytes + CLO_GUEST_LANES_OFFSET;
    for (unsigned i = 0; i < CLO_GUEST_LANES; i++) {
        cloister_status status = lock(mailbox, i, F_WRLCK);
        if (status == CLOISTER_BUSY)
            continue;
        if (status != CLOISTER_OK)
            return status;
        lane->mailbox = mailbox;
        lane->shared = (struct clo_lane *)(void *)(lanes + (size_t)i * CLO_GUEST_LANE_SIZE);
        status = recover(lane, until_us);
        if (status != CLOISTER_BUSY)
            return status;
        status = lock(mailbox, i, F_UNLCK);
        if (status != CLOISTER_OK)
            return status;
    }
    return CLOISTER_BUSY;
}

cloister_status lane_take(struct mailbox *mailbox, struct lane *lane, struct reason *why)
{
    cloister_status status = take_before(mailbox, lane, 0);
    if (status == CLOISTER_BUSY)
        status = take_before(mailbox, lane, guest_wait_now_us() + RECOVERY_MS * 1000ull);
    switch (status) {
    case CLOISTER_OK:
        return status;
    case CLOISTER_BUSY:
        return refuse(why, status,
                      "all %u lanes of the mailbox are taken by programs of this guest",
                      CLO_GUEST_LANES);
    case CLOISTER_DEAD:
        return refuse(why, status, "the world behind the mailbox has ended");
    default:
        return refuse(why, status, "the world behind the mailbox gave no lane: %s",
                      cloister_status_text(status));
    }
}

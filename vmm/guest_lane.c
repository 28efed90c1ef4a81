/*
 * Requests in the lanes of a guest (abi/guest.h). Each is copied once, and the copy is answered; a
 * lane that is full of nonsense gets answers that say so. No guest can take more than its turn: a
 * few requests at a time, and so many a second.
 */
#include "vmm/guest.h"

#include <string.h>

#define REQUESTS_AT_ONCE 4u

static_assert(sizeof(struct clo_control_header) + CLO_KEEPER_MESSAGE_MAX -
                      sizeof(struct clo_keeper_header) <=
                  sizeof(((struct clo_lane *)0)->message),
              "the largest reply, a report, fits into a lane");

/* An answer without a body. */
static void refuse_request(const uint8_t *request, size_t size, cloister_status status,
                           struct control_reply *reply)
{
    struct clo_control_header header = {0};
    memcpy(&header, request, size < sizeof header ? size : sizeof header);
    *reply = (struct control_reply){.header = {.magic = CLO_CONTROL_MAGIC,
                                               .abi_major = CLO_ABI_MAJOR,
                                               .type = header.type,
                                               .status = (uint16_t)status,
                                               .origin = CLOISTER_ORIGIN_WORLD}};
}

static void put_reply(struct clo_lane *lane, const struct control_reply *reply, uint32_t request)
{
    memcpy(lane->message, &reply->header, sizeof reply->header);
    if (reply->header.size > 0)
        memcpy(lane->message + sizeof reply->header, reply->body, reply->header.size);
    __atomic_store_n(&lane->reply_size, (uint32_t)sizeof reply->header + reply->header.size,
                     __ATOMIC_RELAXED);
    __atomic_store_n(&lane->reply, request, __ATOMIC_RELEASE);
}

/* Answers what the lane asks. false: nothing. */
static bool answer_lane(struct world *world, struct guest *guest, unsigned index, uint8_t *body)
{
    struct clo_lane *lane = &guest->memory.lanes[index];
    uint8_t copy[CONTROL_REQUEST_MAX];
    struct control_reply reply;
    uint32_t request = __atomic_load_n(&lane->request, __ATOMIC_ACQUIRE);
    if (request == guest->answered[index])
        return false;
    uint32_t given = __atomic_load_n(&lane->request_size, __ATOMIC_RELAXED);
    size_t size = given <= sizeof copy ? given : 0; /* larger ones are no request */
    memcpy(copy, lane->message, size);
    guest->asked = true;
    if (rate_take(&guest->requests, world_now()))
        control_answer(world, &guest->lane[index], copy, size, body, &reply);
    else
        refuse_request(copy, size, CLOISTER_LIMIT, &reply);
    put_reply(lane, &reply, request);
    guest->answered[index] = request;
    guest->answers++;
    return true;
}

void guest_answer(struct world *world, struct guest *guest, uint8_t *body)
{
    unsigned answers = 0;
    guest->pending = false;
    for (unsigned looked = 0; looked < CLO_GUEST_LANES; looked++) {
        unsigned index = guest->next_lane;
        if (answers == REQUESTS_AT_ONCE) {
            guest->pending = true;
            return;
        }
        guest->next_lane = (index + 1) % CLO_GUEST_LANES;
        answers += answer_lane(world, guest, index, body);
    }
}

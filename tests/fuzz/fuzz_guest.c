/*
 * Fuzzes what a VMM and its guest say to the world host: the statement on the connection, in
 * pieces, and requests in lanes. The world has no modules, so what is found is in the reading
 * alone.
 *
 * Input: byte 0: bytes of the statement; then them; then requests: lane, two bytes request_size,
 * one byte of length, as many bytes of message.
 */
#include "vmm/guest.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct rest {
    const uint8_t *bytes;
    size_t size;
};

static size_t take(struct rest *rest, void *out, size_t wanted)
{
    size_t size = wanted < rest->size ? wanted : rest->size;
    memcpy(out, rest->bytes, size);
    rest->bytes += size;
    rest->size -= size;
    return size;
}

static void state_measurement(struct guest *guest, struct rest *rest)
{
    uint8_t length = 0;
    uint8_t piece[256];
    (void)take(rest, &length, 1);
    size_t size = take(rest, piece, length);
    size_t half = size / 2;
    bool taken = guest_statement_take(&guest->statement, piece, half, false) &&
                 guest_statement_take(&guest->statement, piece + half, size - half, false);
    bool right = size <= sizeof guest->statement.measured;
    if ((taken && !right) || (guest_statement_of(&guest->statement) &&
                              guest->statement.measured.magic != CLO_GUEST_MEASURED_MAGIC))
        abort();
}

/* A reply is well-formed, whatever was asked. */
static void check_reply(const struct clo_lane *lane)
{
    struct clo_control_header header;
    memcpy(&header, lane->message, sizeof header);
    if (lane->reply != lane->request || header.magic != CLO_CONTROL_MAGIC ||
        lane->reply_size != sizeof header + header.size ||
        lane->reply_size > sizeof lane->message || (header.status != 0 && header.size != 0) ||
        (header.type == CLO_CONTROL_STOP && header.status == 0))
        abort();
}

static void ask(struct world *world, struct guest *guest, struct rest *rest)
{
    static uint8_t body[CONTROL_BODY_MAX];
    uint8_t head[4] = {0};
    (void)take(rest, head, sizeof head);
    struct clo_lane *lane = &guest->memory.lanes[head[0] % CLO_GUEST_LANES];
    lane->request_size = (uint32_t)head[1] | (uint32_t)head[2] << 8;
    (void)take(rest, lane->message, head[3]);
    lane->request++;
    guest_answer(world, guest, body);
    check_reply(lane);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct world world = {.owner = 1};
    static struct guest guest;
    struct rest rest = {bytes, size};
    log_start("fuzz", LOG_LEVEL_ERROR);
    if (!guest.memory.header &&
        guest_memory_create(&guest.memory, CLO_GUEST_SIZE_MIN, 1, NULL) != CLOISTER_OK)
        abort();
    guest.statement = (struct guest_statement){0};
    guest.requests = rate_of(UINT32_MAX, 0);
    for (unsigned i = 0; i < CLO_GUEST_LANES; i++)
        guest.lane[i] = (struct control_client){
            .caller = {.kind = CLO_CALLER_GUEST}, .memory = &guest.memory, .lane = i};
    state_measurement(&guest, &rest);
    while (rest.size > 0)
        ask(&world, &guest, &rest);
    return 0;
}

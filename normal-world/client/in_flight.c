/*
 * Slots and arena ranges of calls in flight. The arena is a handful of ranges at most, so the first
 * gap that fits is found by looking at them all; with nothing in flight that is offset 0 at once.
 */
#include "normal-world/client/in_flight.h"

#include "base/checked.h"

static bool overlaps(const struct in_flight_call *call, uint32_t offset, uint32_t size)
{
    return call->state != IN_FLIGHT_FREE && call->arena_size > 0 &&
           offset < call->arena_offset + call->arena_size && call->arena_offset < offset + size;
}

/* Moves *offset behind a range that is in the way; false if none is. */
static bool step_over(const struct in_flight *table, uint32_t size, uint32_t *offset)
{
    for (uint32_t i = 0; i < CLO_RING_SIZE; i++) {
        const struct in_flight_call *call = &table->call[i];
        if (overlaps(call, *offset, size)) {
            *offset = call->arena_offset + call->arena_size;
            return true;
        }
    }
    return false;
}

static bool find_gap(const struct in_flight *table, uint32_t size, uint32_t *offset)
{
    *offset = 0;
    if (size == 0 || table->count == 0)
        return size <= table->arena_size;
    while (range_within(*offset, size, table->arena_size))
        if (!step_over(table, size, offset))
            return true;
    return false;
}

struct in_flight_call *in_flight_reserve(struct in_flight *table, uint32_t turn, uint32_t size)
{
    struct in_flight_call *call = in_flight_slot(table, turn);
    uint32_t offset;
    if (call->state != IN_FLIGHT_FREE || !find_gap(table, size, &offset))
        return NULL;
    call->state = IN_FLIGHT_WAITING;
    call->turn = turn;
    call->arena_offset = offset;
    call->arena_size = size;
    table->count++;
    return call;
}

void in_flight_release(struct in_flight *table, struct in_flight_call *call)
{
    call->state = IN_FLIGHT_FREE;
    table->count--;
}

/*
 * Records of calls in flight.
 */
#include "normal-world/client/in_flight.h"

struct in_flight_call *in_flight_reserve(struct in_flight *table, uint64_t number,
                                         uint32_t arena_size)
{
    unsigned entry = in_flight_entry(number);
    if ((table->entries >> entry & 1) || table->used == UINT64_MAX)
        return NULL;
    unsigned index = (unsigned)__builtin_ctzll(~table->used);
    struct in_flight_call *call = &table->call[index];
    call->arena_offset = 0;
    if (arena_size > 0) {
        if (!arena_take(&table->arena, index, arena_size))
            return NULL;
        call->arena_offset = table->arena.range[index].offset;
    }
    call->state = IN_FLIGHT_WAITING;
    call->number = number;
    call->arena_size = arena_size;
    call->cancelled = false;
    call->borrowed = 0;
    table->used |= 1ull << index;
    table->entries |= 1ull << entry;
    table->record[entry] = (uint8_t)index;
    return call;
}

void in_flight_release(struct in_flight *table, struct in_flight_call *call)
{
    unsigned index = in_flight_index(table, call);
    if (call->arena_size > 0)
        arena_give(&table->arena, index);
    if (call->borrowed)
        arena_unuse(&table->arena, call->borrowed);
    call->state = IN_FLIGHT_FREE;
    table->used &= ~(1ull << index);
}

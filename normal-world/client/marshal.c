/*
 * Parameters into a submission, completion into parameters: see marshal.h.
 */
#include "normal-world/client/marshal.h"

#include "normal-world/client/shared_word.h"

#include <string.h>

static bool is_direct(const struct placement *placement, unsigned i)
{
    return placement->direct >> i & 1;
}

static uint8_t *buffer_in_arena(const struct ring *ring, const struct in_flight_call *slot,
                                const struct placement *placement, unsigned i)
{
    uint32_t start = is_direct(placement, i) ? 0 : slot->arena_offset;
    return ring->in_flight.arena.bytes + start + placement->offset[i];
}

/* Out */

static uint64_t size_word(unsigned kind, uint32_t in, uint32_t capacity)
{
    if (kind == CLO_PARAM_BUFFER_INOUT)
        return in | (uint64_t)capacity << 32;
    return kind == CLO_PARAM_BUFFER_IN ? in : capacity;
}

static void write_value(struct clo_parameter *to, unsigned kind,
                        const cloister_parameter *parameter)
{
    bool in = kind == CLO_PARAM_IN || kind == CLO_PARAM_INOUT;
    to->a = in ? parameter->a : 0;
    to->b = in ? parameter->b : 0;
}

static void write_arena(const struct ring *ring, const struct ring_call *call,
                        const struct placement *placement, unsigned i, unsigned kind,
                        const cloister_parameter *parameter, struct clo_parameter *to)
{
    uint8_t *bytes = buffer_in_arena(ring, call->slot, placement, i);
    to->a = (uint64_t)(bytes - ring->in_flight.arena.bytes);
    to->b = size_word(kind, placement->in[i], placement->capacity[i]);
    if (placement->in[i] > 0 && !is_direct(placement, i))
        memcpy(bytes, parameter->input, placement->in[i]);
}

void marshal_write(struct ring *ring, const struct ring_call *call, unsigned method,
                   unsigned session, const struct placement *placement,
                   const cloister_parameter parameters[4], uint64_t deadline_us)
{
    struct clo_parameter words[CLO_PARAMETERS_MAX] = {{0}};
    if (placement->borrowed)
        in_flight_borrow(&ring->in_flight, call->slot, placement->borrowed);
    for (unsigned i = 0; placement->kinds >> (4 * i) != 0; i++) {
        unsigned kind = kind_at(placement->kinds, i);
        if (kind & CLO_PARAM_INLINE)
            marshal_small(call->entry->data, parameters[i].input, placement->in[i]);
        else if (kind_is_buffer(kind))
            write_arena(ring, call, placement, i, kind, &parameters[i], &words[i]);
        else
            write_value(&words[i], kind, &parameters[i]);
    }
    if (placement->lean)
        memcpy(call->entry->data, words, sizeof call->entry->data);
    else if (placement_has_second_line(placement))
        memcpy(call->entry->parameter, words, sizeof words);
    marshal_line(call->entry, method, session, placement->kinds,
                 placement->lean ? CLO_WORDS_IN_LINE : placement->inline_in, placement->inline_out,
                 deadline_us);
}

/* Back */

/* Did the module make no more than there is room for? */
static bool sizes_are_sound(const struct clo_completion *completion,
                            const struct placement *placement)
{
    for (unsigned i = 0; placement->kinds >> (4 * i) != 0; i++) {
        unsigned kind = kind_at(placement->kinds, i);
        if (kind_comes_out(kind) && completion->parameter[i].b > placement->capacity[i])
            return false;
    }
    return true;
}

static void read_one(const struct ring *ring, const struct in_flight_call *slot,
                     const struct placement *placement, unsigned i, cloister_parameter *parameter)
{
    const struct clo_completion *completion = &slot->completion;
    unsigned kind = kind_at(placement->kinds, i);
    if (kind == CLO_PARAM_OUT || kind == CLO_PARAM_INOUT) {
        parameter->a = completion->parameter[i].a;
        parameter->b = completion->parameter[i].b;
    } else if (kind_comes_out(kind)) {
        parameter->size = completion->parameter[i].b;
        if (parameter->size > 0 && !is_direct(placement, i))
            shared_copy(parameter->output, buffer_in_arena(ring, slot, placement, i),
                        parameter->size);
    } else if (kind_comes_out(kind & ~CLO_PARAM_INLINE)) {
        parameter->size = completion->inline_out;
        if (parameter->size > 0)
            memcpy(parameter->output, completion->data, parameter->size);
    }
}

/* Bytes that went in or, after success, came out. The rest of a large buffer has not been touched,
   and wiping it would be the first to. */
static uint32_t used_bytes(const struct clo_completion *completion,
                           const struct placement *placement, unsigned i)
{
    bool out = kind_comes_out(kind_at(placement->kinds, i)) && completion->status == CLOISTER_OK;
    uint32_t made = out ? (uint32_t)completion->parameter[i].b : 0;
    return made > placement->in[i] ? made : placement->in[i];
}

/* What came out into a reservation stays until that is released. */
static void wipe_arena(const struct ring *ring, const struct in_flight_call *slot,
                       const struct placement *placement)
{
    uint32_t done = 0; /* of the call's own part: an output may lie where an input did */
    for (unsigned i = 0; placement->kinds >> (4 * i) != 0; i++) {
        unsigned kind = kind_at(placement->kinds, i);
        if (!kind_is_buffer(kind) || (is_direct(placement, i) && kind != CLO_PARAM_BUFFER_IN))
            continue;
        uint8_t *bytes = buffer_in_arena(ring, slot, placement, i);
        uint32_t size = used_bytes(&slot->completion, placement, i);
        if (is_direct(placement, i)) {
            shared_wipe(bytes, size);
        } else if (placement->offset[i] + size > done) {
            uint32_t skip = done > placement->offset[i] ? done - placement->offset[i] : 0;
            shared_wipe(bytes + skip, size - skip);
            done = placement->offset[i] + size;
        }
    }
}

void marshal_nothing(const struct placement *placement, cloister_parameter parameters[4])
{
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
        if (kind_comes_out(kind_at(placement->kinds, i) & ~CLO_PARAM_INLINE))
            parameters[i].size = 0;
}

cloister_result marshal_read(struct ring *ring, struct in_flight_call *slot,
                             const struct placement *placement, cloister_parameter parameters[4])
{
    struct clo_completion *completion = &slot->completion;
    cloister_result result = {.status = completion->status, .origin = completion->origin};
    if (placement->lean)
        memcpy(completion->parameter, completion->data, sizeof completion->data);
    if (result.status == CLOISTER_OK && !sizes_are_sound(completion, placement)) {
        result = ring_break(ring);
    } else {
        for (unsigned i = 0; result.status == CLOISTER_OK && placement->kinds >> (4 * i) != 0; i++)
            read_one(ring, slot, placement, i, &parameters[i]);
        if (placement->wide)
            wipe_arena(ring, slot, placement);
    }
    if (result.status != CLOISTER_OK)
        marshal_nothing(placement, parameters);
    ring_end(ring, slot);
    return result;
}

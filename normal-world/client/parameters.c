/*
 * Parameters against the method's declaration. Small buffers travel in the entry's own cache line:
 * the first input and the first output that fit; all else lies in the arena, each buffer on lines
 * of its own, but for an output beside an input: it takes the input's place, whose lines the module
 * has just had. What the caller has put there itself stays where it is.
 */
#include "normal-world/client/parameters.h"

static cloister_status check_in(const struct clo_method *method, unsigned i,
                                const cloister_parameter *parameter)
{
    if (parameter->size > method->size_max[i])
        return CLOISTER_TOO_BIG;
    if (parameter->size < method->size_min[i] || (!parameter->input && parameter->size > 0))
        return CLOISTER_BAD_ARGUMENT;
    return CLOISTER_OK;
}

static inline cloister_status check_one(const struct clo_method *method, unsigned i, unsigned kind,
                                        const cloister_parameter *parameter)
{
    if (parameter->kind != kind)
        return CLOISTER_BAD_ARGUMENT;
    if (kind_comes_out(kind) && !parameter->output && parameter->capacity > 0)
        return CLOISTER_BAD_ARGUMENT;
    return kind_goes_in(kind) ? check_in(method, i, parameter) : CLOISTER_OK;
}

/* One inline buffer each way; what goes both ways must find both free. */
static bool fits_inline(const struct placement *placement, unsigned kind, size_t in, size_t out)
{
    if (kind_goes_in(kind) && (placement->inline_in_used || in > CLO_INLINE_SIZE))
        return false;
    return !kind_comes_out(kind) || (!placement->inline_out_used && out <= CLO_INLINE_SIZE);
}

static void place_inline(struct placement *placement, unsigned i, unsigned kind, size_t in)
{
    placement->kinds = (uint16_t)(placement->kinds | CLO_PARAM_INLINE << (4 * i));
    if (kind_goes_in(kind)) {
        placement->inline_in_used = true;
        placement->inline_in = (uint8_t)in;
    }
    if (kind_comes_out(kind)) {
        placement->inline_out_used = true;
        placement->inline_out = (uint8_t)placement->capacity[i];
    }
}

static uint32_t larger(const struct placement *placement, unsigned i)
{
    uint32_t in = placement->in[i];
    uint32_t room = placement->capacity[i];
    return in > room ? in : room;
}

/* An input and an output, and the module works on copies of both. */
static bool have_one_place(const struct clo_method *method, uint32_t abi_minor, unsigned i,
                           unsigned j)
{
    unsigned first = kind_at(method->kinds, i);
    unsigned second = kind_at(method->kinds, j);
    return abi_minor >= CLO_LEAN_MINOR &&
           ((first == CLO_PARAM_BUFFER_IN && second == CLO_PARAM_BUFFER_OUT) ||
            (first == CLO_PARAM_BUFFER_OUT && second == CLO_PARAM_BUFFER_IN)) &&
           !(method->flags & (CLO_METHOD_ZERO_COPY(i) | CLO_METHOD_ZERO_COPY(j)));
}

static cloister_status place_in_arena(struct placement *placement, const struct clo_method *method,
                                      uint32_t abi_minor, unsigned i)
{
    bool shares = placement->last && have_one_place(method, abi_minor, placement->last - 1u, i);
    uint32_t start = shares ? placement->offset[placement->last - 1] : placement->arena_size;
    if (larger(placement, i) > CLO_ARENA_MAX - start)
        return CLOISTER_TOO_BIG;
    uint32_t end = start + CLO_ARENA_LINES(larger(placement, i));
    placement->last = shares ? 0 : (uint8_t)(i + 1);
    placement->offset[i] = start;
    if (placement->arena_size < end)
        placement->arena_size = end;
    placement->wide = true;
    return CLOISTER_OK;
}

/* In-out buffers are in place there, or not there at all. */
static cloister_status place_direct(struct placement *placement, const struct arena *arena,
                                    unsigned i, const void *bytes)
{
    unsigned reservation;
    if (arena_find(arena, bytes, larger(placement, i), &reservation) != ARENA_RESERVED)
        return CLOISTER_BAD_ARGUMENT;
    placement->offset[i] = (uint32_t)((uintptr_t)bytes - (uintptr_t)arena->bytes);
    placement->direct = (uint8_t)(placement->direct | 1u << i);
    placement->borrowed |= 1ull << reservation;
    placement->wide = true;
    return CLOISTER_OK;
}

/* Where a buffer is: a pointer of the caller's, or NULL if it has two that differ. */
static const void *buffer_address(unsigned kind, const cloister_parameter *parameter)
{
    if (kind == CLO_PARAM_BUFFER_IN)
        return parameter->input;
    if (kind == CLO_PARAM_BUFFER_INOUT && parameter->input != parameter->output)
        return NULL;
    return parameter->output;
}

static bool is_direct(const struct arena *arena, unsigned kind, const cloister_parameter *parameter)
{
    return (kind_goes_in(kind) && arena_has(arena, parameter->input)) ||
           (kind_comes_out(kind) && arena_has(arena, parameter->output));
}

static inline cloister_status place_buffer(struct placement *placement,
                                           const struct clo_method *method, uint32_t abi_minor,
                                           const struct arena *arena, unsigned i, unsigned kind,
                                           const cloister_parameter *parameter)
{
    size_t in = kind_goes_in(kind) ? parameter->size : 0;
    size_t room = kind_comes_out(kind) ? parameter->capacity : 0;
    if (room > method->size_max[i])
        room = method->size_max[i];
    placement->in[i] = (uint32_t)in;
    placement->capacity[i] = (uint32_t)room;
    if (is_direct(arena, kind, parameter))
        return place_direct(placement, arena, i, buffer_address(kind, parameter));
    if (!fits_inline(placement, kind, in, room))
        return place_in_arena(placement, method, abi_minor, i);
    place_inline(placement, i, kind, in);
    return CLOISTER_OK;
}

/* A module takes buffers that overlap for an attack. */
static bool direct_ones_overlap(const struct placement *placement)
{
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
        for (unsigned j = 0; j < i; j++)
            if ((placement->direct >> i & 1) && (placement->direct >> j & 1) &&
                placement->offset[i] < placement->offset[j] + larger(placement, j) &&
                placement->offset[j] < placement->offset[i] + larger(placement, i))
                return true;
    return false;
}

cloister_status parameters_place(const struct clo_method *method, uint32_t abi_minor,
                                 const cloister_parameter parameters[4], const struct arena *arena,
                                 struct placement *placement)
{
    *placement = (struct placement){.kinds = method->kinds};
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        unsigned kind = kind_at(method->kinds, i);
        cloister_status status = check_one(method, i, kind, &parameters[i]);
        if (status == CLOISTER_OK && kind_is_buffer(kind))
            status = place_buffer(placement, method, abi_minor, arena, i, kind, &parameters[i]);
        if (status != CLOISTER_OK)
            return status;
        if (kind != CLO_PARAM_NONE && !kind_is_buffer(kind))
            placement->wide = true;
    }
    if (placement->direct && direct_ones_overlap(placement))
        return CLOISTER_BAD_ARGUMENT;
    placement->lean = abi_minor >= CLO_LEAN_MINOR && clo_words_fit_line(placement->kinds);
    return CLOISTER_OK;
}

struct method_plan method_plan_of(const struct clo_method *method, uint32_t abi_minor)
{
    struct method_plan plan = {
        .pair = true,
        .in = CLO_PARAMETERS_MAX,
        .out = CLO_PARAMETERS_MAX,
        .kinds = method->kinds,
        .lean = abi_minor >= CLO_LEAN_MINOR,
    };
    for (uint8_t i = 0; i < CLO_PARAMETERS_MAX && method->kinds >> (4 * i) != 0; i++) {
        unsigned kind = kind_at(method->kinds, i);
        uint16_t bit = (uint16_t)(CLO_PARAM_INLINE << (4 * i));
        if (kind == CLO_PARAM_BUFFER_IN && !plan.in_bit) {
            plan.in = i;
            plan.in_bit = bit;
            plan.in_least = method->size_min[i];
            plan.in_most = method->size_max[i];
        } else if (kind == CLO_PARAM_BUFFER_OUT && !plan.out_bit) {
            plan.out = i;
            plan.out_bit = bit;
            plan.out_most = method->size_max[i];
        } else {
            plan.pair = false;
        }
    }
    plan.one_place =
        plan.in_bit && plan.out_bit && have_one_place(method, abi_minor, plan.in, plan.out);
    return plan;
}

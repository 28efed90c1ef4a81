/*
 * A call: caller's parameters into a submission, completion into the caller's parameters. What
 * comes back is checked against what was asked before a byte of it is used; the arena is wiped when
 * a call ends.
 */
#include "cloister/client.h"

#include "base/bytes.h"
#include "normal-world/client/parameters.h"
#include "normal-world/client/session.h"
#include "normal-world/client/shared_word.h"

#include <string.h>

static cloister_result refused_here(cloister_status status)
{
    return (cloister_result){.status = status, .origin = CLOISTER_ORIGIN_CLIENT};
}

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

static void write_arena(const struct ring_call *call, const struct placement *placement, unsigned i,
                        unsigned kind, const cloister_parameter *parameter)
{
    struct clo_parameter *to = &call->entry->parameter[i];
    to->a = call->slot->arena_offset + placement->offset[i];
    to->b = size_word(kind, placement->in[i], placement->capacity[i]);
    if (placement->in[i] > 0)
        memcpy(call->arena + placement->offset[i], parameter->input, placement->in[i]);
}

static void write_parameters(const struct ring_call *call, const struct placement *placement,
                             const cloister_parameter parameters[4])
{
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        unsigned kind = kind_at(placement->kinds, i);
        if (kind & CLO_PARAM_INLINE) {
            if (placement->in[i] > 0)
                memcpy(call->entry->data, parameters[i].input, placement->in[i]);
        } else if (kind_is_buffer(kind)) {
            write_arena(call, placement, i, kind, &parameters[i]);
        } else if (placement->wide) {
            write_value(&call->entry->parameter[i], kind, &parameters[i]);
        }
    }
}

static void write_head(struct clo_submission *entry, unsigned method,
                       const struct placement *placement, uint64_t deadline_us)
{
    entry->deadline_us = deadline_us < UINT32_MAX ? (uint32_t)deadline_us : 0;
    entry->method = (uint16_t)method;
    entry->kinds = placement->kinds;
    entry->session = SESSION_NUMBER;
    entry->inline_in = placement->inline_in;
    entry->inline_out = placement->inline_out;
}

/* Up to CLO_INLINE_SIZE bytes; a full line, the case worth measuring, without a call. */
static void copy_small(void *to, const void *from, size_t size)
{
    if (size == CLO_INLINE_SIZE)
        memcpy(to, from, CLO_INLINE_SIZE);
    else if (size > 0)
        memcpy(to, from, size);
}

/* Did the module make no more than there is room for? */
static bool sizes_are_sound(const struct clo_completion *completion,
                            const struct placement *placement)
{
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        unsigned kind = kind_at(placement->kinds, i);
        if (kind_comes_out(kind) && completion->parameter[i].b > placement->capacity[i])
            return false;
    }
    return true;
}

static void read_one(const struct ring_call *call, const struct placement *placement, unsigned i,
                     cloister_parameter *parameter)
{
    const struct clo_completion *completion = &call->slot->completion;
    unsigned kind = kind_at(placement->kinds, i);
    if (kind == CLO_PARAM_OUT || kind == CLO_PARAM_INOUT) {
        parameter->a = completion->parameter[i].a;
        parameter->b = completion->parameter[i].b;
    } else if (kind_comes_out(kind)) {
        parameter->size = completion->parameter[i].b;
        if (parameter->size > 0)
            shared_copy(parameter->output, call->arena + placement->offset[i], parameter->size);
    } else if (kind_comes_out(kind & ~CLO_PARAM_INLINE)) {
        parameter->size = completion->inline_out;
        if (parameter->size > 0)
            memcpy(parameter->output, completion->data, parameter->size);
    }
}

/* What went in and, after success, what came out. The rest of a large buffer has not been touched,
   and wiping it would be the first to. */
static void wipe_arena(const struct ring_call *call, const struct placement *placement)
{
    const struct clo_completion *completion = &call->slot->completion;
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        unsigned kind = kind_at(placement->kinds, i);
        if (!kind_is_buffer(kind))
            continue;
        size_t used = placement->in[i];
        if (kind_comes_out(kind) && completion->status == CLOISTER_OK &&
            completion->parameter[i].b > used)
            used = completion->parameter[i].b;
        bytes_wipe(call->arena + placement->offset[i], used);
    }
}

/* A call that fails makes no bytes. */
static void clear_sizes(const struct placement *placement, cloister_parameter parameters[4])
{
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
        if (kind_comes_out(kind_at(placement->kinds, i) & ~CLO_PARAM_INLINE))
            parameters[i].size = 0;
}

static cloister_result finish(struct ring *ring, struct ring_call *call,
                              const struct placement *placement, cloister_parameter parameters[4])
{
    const struct clo_completion *completion = &call->slot->completion;
    cloister_result result = {.status = completion->status, .origin = completion->origin};
    if (result.status == CLOISTER_OK && !sizes_are_sound(completion, placement))
        return ring_break(ring);
    for (unsigned i = 0; result.status == CLOISTER_OK && i < CLO_PARAMETERS_MAX; i++)
        read_one(call, placement, i, &parameters[i]);
    if (placement->arena_size > 0)
        wipe_arena(call, placement);
    ring_end(ring, call);
    return result;
}

/* `parameters` may be written only where the placement has something that comes out. */
static cloister_result perform(cloister_session *session, unsigned method,
                               const struct placement *placement, cloister_parameter parameters[4],
                               uint64_t deadline_us)
{
    struct ring *ring = &session->ring;
    struct ring_deadline deadline = ring_deadline_in(ring, deadline_us);
    struct ring_call call;
    cloister_result result = ring_begin(ring, placement->arena_size, deadline, &call);
    if (result.status == CLOISTER_OK) {
        write_head(call.entry, method, placement, deadline_us);
        write_parameters(&call, placement, parameters);
        ring_submit(ring, &call, placement->wide, placement->inline_out);
        result = ring_wait(ring, &call, deadline);
        if (result.status == CLOISTER_OK)
            result = finish(ring, &call, placement, parameters);
    }
    if (result.status != CLOISTER_OK)
        clear_sizes(placement, parameters);
    return result;
}

/* Are these the method's kinds of parameter, and does all of it fit into the entry's line? */
static bool call_is_small(const struct clo_method *method, const struct method_plan *plan,
                          const cloister_parameter p[4])
{
    if (!plan->small || (p[0].kind | p[1].kind | p[2].kind | p[3].kind) > 15 ||
        (p[0].kind | p[1].kind << 4 | p[2].kind << 8 | p[3].kind << 12) != method->kinds)
        return false;
    if (plan->in < CLO_PARAMETERS_MAX) {
        const cloister_parameter *in = &p[plan->in];
        if (in->size > CLO_INLINE_SIZE || in->size > method->size_max[plan->in] ||
            in->size < method->size_min[plan->in] || !in->input)
            return false;
    }
    if (plan->out == CLO_PARAMETERS_MAX)
        return true;
    const cloister_parameter *out = &p[plan->out];
    return out->capacity <= CLO_INLINE_SIZE && out->capacity <= method->size_max[plan->out] &&
           out->output;
}

/* The common call, without a loop over parameters. */
static cloister_result call_small(cloister_session *session, unsigned method,
                                  const struct method_plan *plan, cloister_parameter p[4],
                                  uint64_t deadline_us)
{
    cloister_parameter none = {0};
    const cloister_parameter *in = plan->in < CLO_PARAMETERS_MAX ? &p[plan->in] : &none;
    cloister_parameter *out = plan->out < CLO_PARAMETERS_MAX ? &p[plan->out] : &none;
    const struct placement placement = {
        .kinds = plan->kinds,
        .inline_in = (uint8_t)in->size,
        .inline_out = (uint8_t)out->capacity,
    };
    struct ring *ring = &session->ring;
    struct ring_deadline deadline = ring_deadline_in(ring, deadline_us);
    struct ring_call call;
    out->size = 0;
    cloister_result result = ring_begin(ring, 0, deadline, &call);
    if (result.status != CLOISTER_OK)
        return result;
    write_head(call.entry, method, &placement, deadline_us);
    copy_small(call.entry->data, in->input, in->size);
    ring_submit(ring, &call, false, placement.inline_out);
    result = ring_wait(ring, &call, deadline);
    if (result.status != CLOISTER_OK)
        return result;
    const struct clo_completion *completion = &call.slot->completion;
    result = (cloister_result){.status = completion->status, .origin = completion->origin};
    if (result.status == CLOISTER_OK) {
        out->size = completion->inline_out;
        copy_small(out->output, completion->data, out->size);
    }
    ring_end(ring, &call);
    return result;
}

static cloister_result call_large(cloister_session *session, unsigned method,
                                  cloister_parameter parameters[4], uint64_t deadline_us)
{
    struct placement placement;
    cloister_status status =
        parameters_place(&session->module.method[method], parameters, &placement);
    if (status != CLOISTER_OK)
        return refused_here(status);
    return perform(session, method, &placement, parameters, deadline_us);
}

cloister_result cloister_call_number(cloister_session *session, unsigned method,
                                     cloister_parameter parameters[4], uint64_t deadline_us)
{
    if (method >= session->module.method_count)
        return refused_here(CLOISTER_NOT_FOUND);
    if (!parameters) {
        cloister_parameter none[CLO_PARAMETERS_MAX] = {{0}};
        return call_large(session, method, none, deadline_us);
    }
    const struct method_plan *plan = &session->plan[method];
    if (call_is_small(&session->module.method[method], plan, parameters))
        return call_small(session, method, plan, parameters, deadline_us);
    return call_large(session, method, parameters, deadline_us);
}

cloister_result cloister_call(cloister_session *session, const char *method,
                              cloister_parameter parameters[4], uint64_t deadline_us)
{
    for (unsigned i = 0; i < session->module.method_count; i++)
        if (strcmp((const char *)session->module.method[i].name, method) == 0)
            return cloister_call_number(session, i, parameters, deadline_us);
    return refused_here(CLOISTER_NOT_FOUND);
}

void session_plan(cloister_session *session)
{
    for (unsigned i = 0; i < session->module.method_count; i++)
        session->plan[i] = method_plan_of(&session->module.method[i]);
}

cloister_result session_call_plain(cloister_session *session, uint16_t method, uint64_t deadline_us)
{
    static const struct placement nothing;
    cloister_parameter none[CLO_PARAMETERS_MAX] = {{0}};
    return perform(session, method, &nothing, none, deadline_us);
}

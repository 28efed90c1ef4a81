/*
 * A call that waits for its reply. The common one, all of it in one cache line each way, has a way
 * of its own without a loop over parameters.
 */
#include "normal-world/client/session.h"

#include <string.h>

static cloister_result refused_here(cloister_status status)
{
    return (cloister_result){.status = status, .origin = CLOISTER_ORIGIN_CLIENT};
}

/* `parameters` may be written only where the placement has something that comes out. */
static cloister_result perform(cloister_session *session, unsigned method,
                               const struct placement *placement, cloister_parameter parameters[4],
                               uint64_t deadline_us)
{
    struct ring *ring = &session->ring;
    struct ring_deadline deadline = ring_deadline_in(ring, deadline_us);
    struct ring_call call;
    cloister_result result = session_begin(session, placement->arena_size, deadline, &call);
    if (result.status == CLOISTER_OK) {
        marshal_write(ring, &call, method, SESSION_NUMBER, placement, parameters, deadline_us);
        ring_submit(ring, &call, placement->wide, placement->inline_out);
        result = session_await(session, call.slot, deadline);
        if (result.status != CLOISTER_OK)
            ring_abandon(ring, call.slot);
    }
    if (result.status != CLOISTER_OK) {
        marshal_nothing(placement, parameters);
        return result;
    }
    result = marshal_read(ring, call.slot, placement, parameters);
    session_freed(session);
    return result;
}

bool session_call_is_small(const cloister_session *session, unsigned method,
                           const cloister_parameter p[4])
{
    const struct clo_method *declared = &session->module.method[method];
    const struct method_plan *plan = &session->plan[method];
    if (!plan->small || (p[0].kind | p[1].kind | p[2].kind | p[3].kind) > 15 ||
        (p[0].kind | p[1].kind << 4 | p[2].kind << 8 | p[3].kind << 12) != declared->kinds)
        return false;
    if (plan->in < CLO_PARAMETERS_MAX) {
        const cloister_parameter *in = &p[plan->in];
        if (in->size > CLO_INLINE_SIZE || in->size > declared->size_max[plan->in] ||
            in->size < declared->size_min[plan->in] || !in->input)
            return false;
    }
    if (plan->out == CLO_PARAMETERS_MAX)
        return true;
    const cloister_parameter *out = &p[plan->out];
    return out->capacity <= CLO_INLINE_SIZE && out->capacity <= declared->size_max[plan->out] &&
           out->output;
}

/* For a session that is not shared. */
static cloister_result call_small(cloister_session *session, unsigned method,
                                  cloister_parameter p[4], uint64_t deadline_us)
{
    cloister_parameter none = {0};
    const struct method_plan *plan = &session->plan[method];
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
    marshal_head(call.entry, method, SESSION_NUMBER, &placement, deadline_us);
    marshal_small(call.entry->data, in->input, in->size);
    ring_submit(ring, &call, false, placement.inline_out);
    result = ring_wait(ring, &call, deadline);
    if (result.status != CLOISTER_OK)
        return result;
    const struct clo_completion *completion = &call.slot->completion;
    result = (cloister_result){.status = completion->status, .origin = completion->origin};
    if (result.status == CLOISTER_OK) {
        out->size = completion->inline_out;
        marshal_small(out->output, completion->data, out->size);
    }
    ring_end(ring, call.slot);
    return result;
}

static cloister_result call_large(cloister_session *session, unsigned method,
                                  cloister_parameter parameters[4], uint64_t deadline_us)
{
    struct placement placement;
    session_enter(session);
    cloister_status status = parameters_place(&session->module.method[method], parameters,
                                              &session->ring.in_flight.arena, &placement);
    cloister_result result = refused_here(status);
    if (status == CLOISTER_OK)
        result = perform(session, method, &placement, parameters, deadline_us);
    session_leave(session);
    return result;
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
    if (!session->shared && session_call_is_small(session, method, parameters))
        return call_small(session, method, parameters, deadline_us);
    return call_large(session, method, parameters, deadline_us);
}

cloister_status session_method(const cloister_session *session, const char *name, unsigned *number)
{
    for (unsigned i = 0; i < session->module.method_count; i++)
        if (strcmp((const char *)session->module.method[i].name, name) == 0) {
            *number = i;
            return CLOISTER_OK;
        }
    return CLOISTER_NOT_FOUND;
}

cloister_result cloister_call(cloister_session *session, const char *method,
                              cloister_parameter parameters[4], uint64_t deadline_us)
{
    unsigned number;
    cloister_status status = session_method(session, method, &number);
    if (status != CLOISTER_OK)
        return refused_here(status);
    return cloister_call_number(session, number, parameters, deadline_us);
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
    session_enter(session);
    cloister_result result = perform(session, method, &nothing, none, deadline_us);
    session_leave(session);
    return result;
}

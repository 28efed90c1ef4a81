/*
 * A call that waits for its reply. The common one, a pair of buffers while nothing else is in
 * flight, has a way of its own (pair_call.c).
 */
#include "normal-world/client/pair_call.h"

#include <string.h>

static cloister_result refused_here(cloister_status status)
{
    return (cloister_result){.status = status, .origin = CLOISTER_ORIGIN_CLIENT};
}

/* A call that fails here has been given up. */
static cloister_result await(cloister_session *session, struct ring_call *call,
                             struct ring_deadline deadline)
{
    if (!session->shared)
        return ring_wait(&session->ring, call, deadline);
    cloister_result result = session_await(session, call->slot, deadline);
    if (result.status != CLOISTER_OK)
        ring_abandon(&session->ring, call->slot);
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
    cloister_result result = session_begin(session, placement->arena_size, deadline, &call);
    if (result.status == CLOISTER_OK) {
        marshal_write(ring, &call, method, SESSION_NUMBER, placement, parameters, deadline_us);
        ring_submit(ring, &call, placement_has_second_line(placement), placement->inline_out);
        result = await(session, &call, deadline);
    }
    if (result.status != CLOISTER_OK) {
        marshal_nothing(placement, parameters);
        return result;
    }
    result = marshal_read(ring, call.slot, placement, parameters);
    session_freed(session);
    return result;
}

static cloister_result call_any(cloister_session *session, unsigned method,
                                cloister_parameter parameters[4], uint64_t deadline_us)
{
    struct placement placement;
    session_enter(session);
    cloister_status status =
        parameters_place(&session->module.method[method], session->module.abi_minor, parameters,
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
        return call_any(session, method, none, deadline_us);
    }
    struct pair_parameters pair;
    const struct method_plan *plan = &session->plan[method];
    if (!session->shared && ring_is_idle(&session->ring) &&
        method_plan_fits(plan, parameters, &pair) &&
        pair_goes_alone(&session->ring.in_flight.arena, plan, &pair))
        return pair_call(session, method, &pair, deadline_us);
    return call_any(session, method, parameters, deadline_us);
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
        session->plan[i] = method_plan_of(&session->module.method[i], session->module.abi_minor);
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

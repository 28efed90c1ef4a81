/*
 * Calls that do not wait: submit, poll, wait, cancel. A ticket is the number of the submission and
 * of its record; a record that has been collected has another number later, so that an old ticket
 * never means a new call.
 */
#include "normal-world/client/session.h"

#define TICKET(number, record) ((number)*CLO_RING_SIZE + (record))

static cloister_result from_client(cloister_status status)
{
    return (cloister_result){.status = status, .origin = CLOISTER_ORIGIN_CLIENT};
}

/* The record of a call that has not been collected; NULL: there is none. */
static struct in_flight_call *find(cloister_session *session, cloister_ticket ticket)
{
    struct in_flight_call *call = &session->ring.in_flight.call[ticket % CLO_RING_SIZE];
    bool open = call->state == IN_FLIGHT_WAITING || call->state == IN_FLIGHT_DONE;
    return open && call->number == ticket / CLO_RING_SIZE ? call : NULL;
}

static struct pending *pending_of(cloister_session *session, const struct in_flight_call *call)
{
    return &session->pending[in_flight_index(&session->ring.in_flight, call)];
}

/* Submitting */

/* The call is written: publishes it, and remembers what its collection needs. */
static cloister_ticket publish(cloister_session *session, struct ring_call *call, bool wide,
                               uint8_t inline_out, uint64_t deadline_us)
{
    struct ring *ring = &session->ring;
    struct pending *pending = pending_of(session, call->slot);
    pending->deadline = ring_deadline_in(ring, deadline_us);
    ring_publish(ring, call, wide, inline_out);
    return TICKET(call->slot->number, in_flight_index(&ring->in_flight, call->slot));
}

static cloister_result submit_small(cloister_session *session, unsigned method,
                                    const struct pair_parameters *pair, uint64_t deadline_us,
                                    cloister_ticket *ticket)
{
    struct ring_call call;
    cloister_result result = ring_try(&session->ring, 0, &call);
    if (result.status != CLOISTER_OK)
        return result;
    struct pending *pending = pending_of(session, call.slot);
    pending->small = true;
    pending->small_out = pair->out;
    marshal_line(call.entry, method, SESSION_NUMBER, pair_kinds(&session->plan[method], pair),
                 (uint8_t)pair->size, (uint8_t)pair->capacity, deadline_us);
    marshal_small(call.entry->data, pair->input, pair->size);
    *ticket = publish(session, &call, false, (uint8_t)pair->capacity, deadline_us);
    return result;
}

static cloister_result submit_large(cloister_session *session, unsigned method,
                                    cloister_parameter *parameters, uint64_t deadline_us,
                                    cloister_ticket *ticket)
{
    static const cloister_parameter none[CLO_PARAMETERS_MAX];
    const cloister_parameter *given = parameters ? parameters : none;
    struct ring *ring = &session->ring;
    struct placement placement;
    struct ring_call call;
    cloister_status status =
        parameters_place(&session->module.method[method], session->module.abi_minor, given,
                         &ring->in_flight.arena, &placement);
    if (status != CLOISTER_OK)
        return from_client(status);
    cloister_result result = ring_try(ring, placement.arena_size, &call);
    if (result.status != CLOISTER_OK)
        return result;
    struct pending *pending = pending_of(session, call.slot);
    pending->small = false;
    pending->parameters = parameters;
    pending->placement = placement;
    marshal_write(ring, &call, method, SESSION_NUMBER, &placement, given, deadline_us);
    *ticket = publish(session, &call, placement_has_second_line(&placement), placement.inline_out,
                      deadline_us);
    return result;
}

cloister_result cloister_submit_number(cloister_session *session, unsigned method,
                                       cloister_parameter parameters[4], uint64_t deadline_us,
                                       cloister_ticket *ticket)
{
    if (method >= session->module.method_count)
        return from_client(CLOISTER_NOT_FOUND);
    struct pair_parameters pair;
    session_enter(session);
    cloister_result result;
    if (parameters && method_plan_fits(&session->plan[method], parameters, &pair) && pair.in_line &&
        pair.out_line)
        result = submit_small(session, method, &pair, deadline_us, ticket);
    else
        result = submit_large(session, method, parameters, deadline_us, ticket);
    if (result.status == CLOISTER_BUSY)
        ring_wake(&session->ring);
    session_leave(session);
    return result;
}

cloister_result cloister_submit(cloister_session *session, const char *method,
                                cloister_parameter parameters[4], uint64_t deadline_us,
                                cloister_ticket *ticket)
{
    unsigned number;
    cloister_status status = session_method(session, method, &number);
    if (status != CLOISTER_OK)
        return from_client(status);
    return cloister_submit_number(session, number, parameters, deadline_us, ticket);
}

void cloister_flush(cloister_session *session)
{
    session_enter(session);
    ring_wake(&session->ring);
    session_leave(session);
}

/* Collecting */

static inline cloister_result read_small(const struct clo_completion *completion,
                                         cloister_parameter *out)
{
    cloister_result result = {.status = completion->status, .origin = completion->origin};
    if (out) {
        out->size = result.status == CLOISTER_OK ? completion->inline_out : 0;
        marshal_small(out->output, completion->data, out->size);
    }
    return result;
}

static cloister_result collect_small(cloister_session *session, struct in_flight_call *call,
                                     const struct pending *pending)
{
    cloister_result result = read_small(&call->completion, pending->small_out);
    ring_end(&session->ring, call);
    return result;
}

/* The call is done: its results go to the caller, its record is free. */
static cloister_result collect(cloister_session *session, struct in_flight_call *call)
{
    struct pending *pending = pending_of(session, call);
    cloister_result result =
        pending->small
            ? collect_small(session, call, pending)
            : marshal_read(&session->ring, call, &pending->placement, pending->parameters);
    session_freed(session);
    return result;
}

/* The call is over without a completion. */
static cloister_result give_up(cloister_session *session, struct in_flight_call *call,
                               cloister_result why)
{
    struct pending *pending = pending_of(session, call);
    if (!pending->small)
        marshal_nothing(&pending->placement, pending->parameters);
    else if (pending->small_out)
        pending->small_out->size = 0;
    ring_abandon(&session->ring, call);
    return why;
}

static bool expired(const cloister_session *session, struct ring_deadline deadline)
{
    return ring_us_left(&session->ring, deadline, 1) == 0;
}

/* Is the call over? Then it has been collected, and *result says what it came to. */
static bool is_over(cloister_session *session, struct in_flight_call *call, cloister_result *result)
{
    if (call->state == IN_FLIGHT_DONE)
        *result = collect(session, call);
    else if (session->ring.ended.status != CLOISTER_OK)
        *result = give_up(session, call, session->ring.ended);
    else if (expired(session, pending_of(session, call)->deadline))
        *result = give_up(session, call, from_client(CLOISTER_TIMEOUT));
    else
        return false;
    return true;
}

/* Takes what has come, without waiting; the leader does it for a shared session. */
static void look(cloister_session *session)
{
    struct ring *ring = &session->ring;
    ring_wake(ring);
    if (session->led || ring->ended.status != CLOISTER_OK)
        return;
    ring_take(ring);
    session_freed(session);
}

bool cloister_poll(cloister_session *session, cloister_ticket ticket, cloister_result *result)
{
    session_enter(session);
    struct in_flight_call *call = find(session, ticket);
    bool over = true;
    if (!call) {
        *result = from_client(CLOISTER_NOT_FOUND);
    } else {
        if (call->state != IN_FLIGHT_DONE)
            look(session);
        if (call->state != IN_FLIGHT_DONE && !session->led)
            ring_look(&session->ring);
        over = is_over(session, call, result);
    }
    session_leave(session);
    return over;
}

static cloister_result wait_for(cloister_session *session, cloister_ticket ticket)
{
    struct in_flight_call *call = find(session, ticket);
    if (!call)
        return from_client(CLOISTER_NOT_FOUND);
    struct pending *pending = pending_of(session, call);
    ring_wake(&session->ring);
    struct clo_completion reply;
    if (pending->small && !session->shared &&
        ring_poll_reply(&session->ring, call, pending->deadline, &reply))
        return read_small(&reply, pending->small_out);
    cloister_result result = session_await(session, call, pending->deadline);
    if (result.status == CLOISTER_OK)
        return collect(session, call);
    return give_up(session, call, result);
}

cloister_result cloister_wait(cloister_session *session, cloister_ticket ticket)
{
    session_enter(session);
    cloister_result result = wait_for(session, ticket);
    session_leave(session);
    return result;
}

cloister_result cloister_wait_all(cloister_session *session, cloister_ticket tickets[],
                                  size_t count, cloister_result results[])
{
    cloister_result first = {CLOISTER_OK, CLOISTER_ORIGIN_NONE};
    session_enter(session);
    for (size_t i = 0; i < count; i++) {
        if (tickets[i] == CLOISTER_NO_TICKET)
            continue;
        cloister_result result = wait_for(session, tickets[i]);
        tickets[i] = CLOISTER_NO_TICKET;
        if (results)
            results[i] = result;
        if (first.status == CLOISTER_OK)
            first = result;
    }
    session_leave(session);
    return first;
}

/* One look at the calls. True: one of them is over, *index and *result are set. Else *deadline is
   the earliest of theirs. */
static bool any_over(cloister_session *session, const cloister_ticket tickets[], size_t count,
                     size_t *index, cloister_result *result, struct ring_deadline *deadline)
{
    *deadline = (struct ring_deadline){0};
    for (size_t i = 0; i < count; i++) {
        if (tickets[i] == CLOISTER_NO_TICKET)
            continue;
        struct in_flight_call *call = find(session, tickets[i]);
        *index = i;
        if (!call) {
            *result = from_client(CLOISTER_NOT_FOUND);
            return true;
        }
        if (is_over(session, call, result))
            return true;
        uint64_t ticks = pending_of(session, call)->deadline.ticks;
        if (ticks && (!deadline->ticks || ticks < deadline->ticks))
            deadline->ticks = ticks;
    }
    return false;
}

static bool has_ticket(const cloister_ticket tickets[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (tickets[i] != CLOISTER_NO_TICKET)
            return true;
    return false;
}

cloister_result cloister_wait_any(cloister_session *session, cloister_ticket tickets[],
                                  size_t count, size_t *index)
{
    cloister_result result = from_client(CLOISTER_NOT_FOUND);
    struct ring_deadline deadline;
    if (!has_ticket(tickets, count))
        return result;
    session_enter(session);
    look(session);
    session->collecting++;
    while (!any_over(session, tickets, count, index, &result, &deadline))
        (void)session_step(session, deadline); /* any_over finds what it came to */
    session->collecting--;
    tickets[*index] = CLOISTER_NO_TICKET;
    session_leave(session);
    return result;
}

/* Cancelling */

cloister_status cloister_cancel(cloister_session *session, cloister_ticket ticket)
{
    session_enter(session);
    struct in_flight_call *call = find(session, ticket);
    if (call && call->state == IN_FLIGHT_WAITING)
        ring_cancel(&session->ring, call);
    session_leave(session);
    return call ? CLOISTER_OK : CLOISTER_NOT_FOUND;
}

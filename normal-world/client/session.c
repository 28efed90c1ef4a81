/*
 * Opens and closes sessions: asks for a channel over a transport of the session's own, checks what
 * the world says, and attaches the ring.
 */
#include "normal-world/client/session.h"

#include "base/bytes.h"
#include "base/scope.h"
#include "normal-world/client/facts.h"
#include "normal-world/client/shared_word.h"
#include "normal-world/client/ticks.h"
#include "normal-world/client/world.h"

#include <stdlib.h>

#define ARENA_DEFAULT 65536u
/* While a call spins nobody looks whether the world is still there. */
#define SPIN_MAX_US 100000u
#define OPEN_TIMEOUT_US 10000000u
#define CLOSE_TIMEOUT_US 100000u

static cloister_status write_request(struct clo_open_request *request, const char *module,
                                     size_t arena_size)
{
    *request = (struct clo_open_request){.arena_size = (uint32_t)arena_size};
    if (!name_set(request->module, sizeof request->module, module) ||
        !name_is_valid(request->module, sizeof request->module))
        return CLOISTER_BAD_ARGUMENT;
    return CLOISTER_OK;
}

static cloister_status open_channel(cloister_session *session, const char *module,
                                    size_t arena_size)
{
    struct transport *transport = session->transport;
    struct clo_open_request request;
    struct clo_open_reply answer;
    struct transport_channel channel;
    struct ticks_moment started = ticks_moment_now();
    cloister_status status = write_request(&request, module, arena_size);
    if (status == CLOISTER_OK)
        status = transport->kind->open_channel(transport, &request, &answer, &channel);
    if (status != CLOISTER_OK)
        return status;
    if (!module_info_is_sound(&answer.module) || answer.arena_size < arena_size)
        return CLOISTER_PROTOCOL;
    session->module = answer.module;
    session_plan(session);
    status = ring_attach(&session->ring, channel.memory, channel.size, answer.arena_size,
                         &channel.peer, ticks_per_us_since(started));
    session->ring.spin_us = channel.spin_us;
    return status;
}

static void release(cloister_session *session)
{
    if (session->transport)
        session->transport->kind->close(session->transport);
    session_unshare(session);
    free(session);
}

static void release_unless_taken(cloister_session **session)
{
    if (*session)
        release(*session);
}

cloister_status cloister_session_open(cloister_world *world, const char *module, size_t arena_size,
                                      cloister_session **session)
{
    if (arena_size > CLO_ARENA_MAX)
        return CLOISTER_TOO_BIG;
    __attribute__((cleanup(release_unless_taken))) cloister_session *fresh =
        calloc(1, sizeof *fresh);
    if (!fresh)
        return CLOISTER_NO_MEMORY;
    cloister_status status = world->transport->kind->again(world->transport, &fresh->transport);
    if (status == CLOISTER_OK)
        status = open_channel(fresh, module, arena_size ? arena_size : ARENA_DEFAULT);
    if (status != CLOISTER_OK)
        return status;
    status = session_call_plain(fresh, CLO_METHOD_OPEN, OPEN_TIMEOUT_US).status;
    if (status != CLOISTER_OK)
        return status;
    *session = take_pointer(&fresh);
    return CLOISTER_OK;
}

void cloister_session_close(cloister_session *session)
{
    if (!session)
        return;
    /* A module that has ended, or does not answer in time, learns of it from the world host. */
    (void)session_call_plain(session, CLO_METHOD_CLOSE, CLOSE_TIMEOUT_US);
    release(session);
}

const struct clo_module_info *cloister_session_module(const cloister_session *session)
{
    return &session->module;
}

void cloister_session_set_spin(cloister_session *session, uint32_t spin_us)
{
    shared_set(&session->ring.spin_us, spin_us < SPIN_MAX_US ? spin_us : SPIN_MAX_US);
}

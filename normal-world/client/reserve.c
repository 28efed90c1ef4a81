/*
 * Arena memory that the caller fills and reads itself, so that nothing is copied on this side.
 */
#include "normal-world/client/session.h"

cloister_status cloister_arena_reserve(cloister_session *session, size_t size, void **bytes)
{
    struct arena *arena = &session->ring.in_flight.arena;
    unsigned n;
    if (size == 0)
        return CLOISTER_BAD_ARGUMENT;
    if (size > arena->size)
        return CLOISTER_TOO_BIG;
    session_enter(session);
    bool reserved = arena_reserve(arena, (uint32_t)size, &n);
    if (reserved)
        *bytes = arena->bytes + arena->range[CLO_RING_SIZE + n].offset;
    session_leave(session);
    return reserved ? CLOISTER_OK : CLOISTER_BUSY;
}

void cloister_arena_release(cloister_session *session, void *bytes)
{
    struct arena *arena = &session->ring.in_flight.arena;
    unsigned n;
    if (!bytes)
        return;
    session_enter(session);
    if (arena_find(arena, bytes, 0, &n) == ARENA_RESERVED &&
        arena->bytes + arena->range[CLO_RING_SIZE + n].offset == bytes)
        arena_release(arena, n);
    session_freed(session);
    session_leave(session);
}

size_t cloister_arena_size(const cloister_session *session)
{
    return session->ring.in_flight.arena.size;
}

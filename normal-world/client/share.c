/*
 * Waiting on a session, alone or among threads that share it. The leader is the one thread that
 * looks at the ring while it waits; the others sleep until it has taken what came, or until it
 * leaves and one of them takes its place.
 */
#include "normal-world/client/session.h"

#include <time.h>

/* A sleeper whose deadline is further away looks again then. */
#define FOLLOW_US 1000000u

cloister_status cloister_session_share(cloister_session *session)
{
    pthread_condattr_t attributes;
    if (session->shared)
        return CLOISTER_OK;
    if (pthread_condattr_init(&attributes) != 0)
        return CLOISTER_NO_MEMORY;
    int error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (error == 0)
        error = pthread_cond_init(&session->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (error != 0)
        return CLOISTER_NO_MEMORY;
    if (pthread_mutex_init(&session->lock, NULL) != 0) {
        (void)pthread_cond_destroy(&session->changed);
        return CLOISTER_NO_MEMORY;
    }
    session->shared = true;
    return CLOISTER_OK;
}

void session_unshare(cloister_session *session)
{
    if (!session->shared)
        return;
    (void)pthread_cond_destroy(&session->changed);
    (void)pthread_mutex_destroy(&session->lock);
    session->shared = false;
}

static void tell(cloister_session *session)
{
    if (session->asleep > 0)
        (void)pthread_cond_broadcast(&session->changed);
}

void session_freed(cloister_session *session)
{
    if (__builtin_expect(session->shared, 0))
        tell(session);
}

static struct timespec clock_in(uint64_t us)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    uint64_t ns = (uint64_t)at.tv_nsec + us % 1000000 * 1000;
    at.tv_sec += (time_t)(us / 1000000 + ns / 1000000000);
    at.tv_nsec = (long)(ns % 1000000000);
    return at;
}

/* Sleeps until another thread has changed something. */
static cloister_result follow(cloister_session *session, struct ring_deadline deadline)
{
    uint64_t us = ring_us_left(&session->ring, deadline, FOLLOW_US);
    if (us == 0)
        return (cloister_result){CLOISTER_TIMEOUT, CLOISTER_ORIGIN_CLIENT};
    struct timespec until = clock_in(us);
    session->asleep++;
    (void)pthread_cond_timedwait(&session->changed, &session->lock, &until);
    session->asleep--;
    return session->ring.ended;
}

static cloister_result wait_on_ring(cloister_session *session, struct ring_deadline deadline)
{
    if (!session->shared)
        return ring_arrival(&session->ring, deadline);
    session->led = true;
    (void)pthread_mutex_unlock(&session->lock);
    cloister_result result = ring_arrival(&session->ring, deadline);
    (void)pthread_mutex_lock(&session->lock);
    session->led = false;
    return result;
}

static cloister_result lead(cloister_session *session, struct ring_deadline deadline)
{
    struct ring *ring = &session->ring;
    cloister_result result = wait_on_ring(session, deadline);
    if (result.status == CLOISTER_OK) {
        ring_take(ring);
        result = ring->ended;
    } else if (result.status != CLOISTER_TIMEOUT) {
        result = ring_fail(ring, result);
    }
    tell(session);
    return result;
}

cloister_result session_step(cloister_session *session, struct ring_deadline deadline)
{
    if (session->ring.ended.status != CLOISTER_OK)
        return session->ring.ended;
    ring_wake(&session->ring);
    return session->led ? follow(session, deadline) : lead(session, deadline);
}

cloister_result session_begin(cloister_session *session, uint32_t arena_size,
                              struct ring_deadline deadline, struct ring_call *call)
{
    struct ring *ring = &session->ring;
    cloister_result result = ring_try(ring, arena_size, call);
    while (result.status == CLOISTER_BUSY) {
        cloister_result step;
        if (ring->in_flight.entries != 0)
            step = session_step(session, deadline);
        else if (session->collecting > 0)
            step = follow(session, deadline);
        else
            return result;
        if (step.status != CLOISTER_OK)
            return step;
        result = ring_try(ring, arena_size, call);
    }
    return result;
}

cloister_result session_await(cloister_session *session, struct in_flight_call *slot,
                              struct ring_deadline deadline)
{
    cloister_result result = {CLOISTER_OK, CLOISTER_ORIGIN_NONE};
    session->collecting++;
    while (slot->state != IN_FLIGHT_DONE && result.status == CLOISTER_OK)
        result = session_step(session, deadline);
    session->collecting--;
    if (slot->state == IN_FLIGHT_DONE)
        return (cloister_result){CLOISTER_OK, CLOISTER_ORIGIN_NONE};
    return result;
}

/*
 * A session, as the files of the client library see it.
 *
 * A session is used by one thread at a time, or it is shared (cloister_session_share): then each
 * public function holds `lock` while it runs and one of the threads that wait, the leader, waits on
 * the ring without it, for all of them. Nobody else takes completions meanwhile.
 */
#ifndef CLIENT_SESSION_H
#define CLIENT_SESSION_H

#include "cloister/client.h"
#include "normal-world/client/marshal.h"
#include "normal-world/client/transport.h"

#include <pthread.h>

#define SESSION_NUMBER 0u /* one session a channel */

/* A call that waits to be collected. */
struct pending {
    cloister_parameter *parameters; /* the caller's; NULL: none */
    struct ring_deadline deadline;
    cloister_parameter *small_out; /* of a small call, NULL: nothing comes out */
    bool small;                    /* there is no placement */
    struct placement placement;
};

struct cloister_session {
    struct ring ring;
    struct clo_module_info module;
    struct method_plan plan[CLO_METHODS_MAX];
    struct transport *transport; /* the channel lives as long as it does */
    bool shared;
    bool led;            /* some thread is the leader */
    unsigned collecting; /* threads that wait for calls of theirs, and will free their records */
    unsigned asleep;     /* threads in `changed` */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a completion was taken, a record became free, the leader resigned */
    struct pending pending[CLO_RING_SIZE]; /* by record */
};

static inline void session_enter(cloister_session *session)
{
    if (__builtin_expect(session->shared, 0))
        (void)pthread_mutex_lock(&session->lock);
}

static inline void session_leave(cloister_session *session)
{
    if (__builtin_expect(session->shared, 0))
        (void)pthread_mutex_unlock(&session->lock);
}

/* No other thread uses it any more. */
void session_unshare(cloister_session *session);

/* The functions below are for who has entered; they leave and enter again while they wait. */

/* Waits until something has changed: a completion has been taken, most likely. TIMEOUT of origin
   client: nothing has; the ring's end. */
cloister_result session_step(cloister_session *session, struct ring_deadline deadline);

/* As ring_begin, waiting for other threads' calls too. */
cloister_result session_begin(cloister_session *session, uint32_t arena_size,
                              struct ring_deadline deadline, struct ring_call *call);

/* As ring_wait, but a call that fails is the caller's to abandon. */
cloister_result session_await(cloister_session *session, struct in_flight_call *slot,
                              struct ring_deadline deadline);

/* A record or arena has become free: tells who waits for one. */
void session_freed(cloister_session *session);

/* Where the number of a method is its index. NOT_FOUND. */
CLOISTER_MUST_USE cloister_status session_method(const cloister_session *session, const char *name,
                                                 unsigned *number);

/* Makes the plans of the module's methods; before the first call. */
void session_plan(cloister_session *session);

/* Calls CLO_METHOD_OPEN or CLO_METHOD_CLOSE: no parameters. */
cloister_result session_call_plain(cloister_session *session, uint16_t method,
                                   uint64_t deadline_us);

#endif

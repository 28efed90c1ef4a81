/*
 * A session, as the files of the client library see it.
 */
#ifndef CLIENT_SESSION_H
#define CLIENT_SESSION_H

#include "normal-world/client/parameters.h"
#include "normal-world/client/ring.h"

#define SESSION_NUMBER 0u /* one session a channel */

struct cloister_session {
    struct ring ring;
    struct clo_module_info module;
    struct method_plan plan[CLO_METHODS_MAX];
    int socket; /* the channel lives as long as this connection */
    int doorbell;
    void *memory;
    size_t memory_size;
};

/* Makes the plans of the module's methods; before the first call. */
void session_plan(cloister_session *session);

/* Calls CLO_METHOD_OPEN or CLO_METHOD_CLOSE: no parameters. */
cloister_result session_call_plain(cloister_session *session, uint16_t method,
                                   uint64_t deadline_us);

#endif

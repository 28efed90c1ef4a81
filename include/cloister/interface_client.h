/*
 * A typed call from the client's side: request out of a structure, call, reply into a structure.
 * Only for the sources that `cloister interface` makes.
 */
#ifndef CLOISTER_INTERFACE_CLIENT_H
#define CLOISTER_INTERFACE_CLIENT_H

#include "cloister/client.h"
#include "cloister/interface.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One message of a call and room for its bytes; all zero where the method has none. */
typedef struct cloister_request {
    const pb_msgdesc_t *fields;
    const void *message;
    uint8_t *bytes;
    size_t capacity;
} cloister_request;

typedef struct cloister_reply {
    const pb_msgdesc_t *fields;
    void *message;
    size_t message_size;
    uint8_t *bytes;
    size_t capacity;
} cloister_reply;

static inline cloister_result cloister_interface_refuse(cloister_status status)
{
    cloister_result result = {status, CLOISTER_ORIGIN_CLIENT};
    return result;
}

/* The call itself, with the request's bytes at hand. The reply lies in this process's own memory
   when it is decoded. */
static inline cloister_result
cloister_interface_exchange(cloister_session *session, const char *method,
                            const cloister_request *request, size_t request_size,
                            const cloister_reply *reply, uint64_t deadline_us)
{
    cloister_parameter p[4];
    unsigned count = 0;
    memset(p, 0, sizeof p);
    if (request->fields)
        p[count++] = cloister_in(request->bytes, request_size);
    if (reply->fields)
        p[count] = cloister_out(reply->bytes, reply->capacity);
    cloister_result result = cloister_call(session, method, p, deadline_us);
    if (result.status != CLOISTER_OK || !reply->fields)
        return result;
    cloister_status status = cloister_message_decode(
        reply->fields, reply->message, reply->message_size, reply->bytes, p[count].size);
    return status == CLOISTER_OK ? result : cloister_interface_refuse(status);
}

/* The reply's message is zero unless the result is OK. Bytes are wiped. */
static inline cloister_result cloister_interface_call(cloister_session *session, const char *method,
                                                      const cloister_request *request,
                                                      const cloister_reply *reply,
                                                      uint64_t deadline_us)
{
    size_t size = request->capacity;
    cloister_status status = CLOISTER_OK;
    if (reply->fields)
        memset(reply->message, 0, reply->message_size);
    if (request->fields)
        status = cloister_message_encode(request->fields, request->message, request->bytes,
                                         request->capacity, &size);
    cloister_result result =
        status == CLOISTER_OK
            ? cloister_interface_exchange(session, method, request, size, reply, deadline_us)
            : cloister_interface_refuse(status);
    if (request->fields)
        cloister_message_wipe(request->bytes, size);
    return result;
}

#ifdef __cplusplus
}
#endif
#endif

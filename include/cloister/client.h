/*
 * libcloister: call trusted modules from a normal-world program.
 *
 *   cloister_world *world;
 *   cloister_session *session;
 *   cloister_world_open("mail", &world);
 *   cloister_session_open(world, "vault", 0, &session);
 *   cloister_parameter p[4] = {cloister_in(text, length), cloister_out(blob, sizeof blob)};
 *   cloister_result result = cloister_call(session, "put", p, 0);
 *   if (result.status == CLOISTER_OK) use(blob, p[1].size);
 *
 * Shapes follow the GlobalPlatform TEE Client API: context (world), session, operation (call).
 * Every function returns a status; nothing prints, exits or changes a signal's disposition. A
 * world and its sessions may be used by one thread at a time. Link with -lcloister.
 */
#ifndef CLOISTER_CLIENT_H
#define CLOISTER_CLIENT_H

#include "cloister/abi/control.h"
#include "cloister/status.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cloister_world cloister_world;
typedef struct cloister_session cloister_session;

/* One parameter of a call: a value pair or a buffer of the caller's. */
typedef struct cloister_parameter {
    unsigned kind;     /* CLO_PARAM_NONE, IN, OUT, INOUT, BUFFER_IN, BUFFER_OUT, BUFFER_INOUT */
    uint64_t a, b;     /* value pairs: in and out */
    const void *input; /* buffers in: read */
    void *output;      /* buffers out: written */
    size_t size;       /* buffers in: bytes given; after the call of a buffer out: bytes made */
    size_t capacity;   /* buffers out: room in `output` */
} cloister_parameter;

/* What a call came to. `origin` says who decided (enum cloister_origin). */
typedef struct cloister_result {
    cloister_status status;
    int origin;
} cloister_result;

static inline cloister_parameter cloister_in(const void *bytes, size_t size)
{
    cloister_parameter p = {CLO_PARAM_BUFFER_IN, 0, 0, bytes, NULL, size, 0};
    return p;
}

static inline cloister_parameter cloister_out(void *bytes, size_t capacity)
{
    cloister_parameter p = {CLO_PARAM_BUFFER_OUT, 0, 0, NULL, bytes, 0, capacity};
    return p;
}

/* In place: `size` bytes go in, at most `capacity` come out. */
static inline cloister_parameter cloister_inout(void *bytes, size_t size, size_t capacity)
{
    cloister_parameter p = {CLO_PARAM_BUFFER_INOUT, 0, 0, bytes, bytes, size, capacity};
    return p;
}

static inline cloister_parameter cloister_value(uint64_t a, uint64_t b)
{
    cloister_parameter p = {CLO_PARAM_IN, a, b, NULL, NULL, 0, 0};
    return p;
}

static inline cloister_parameter cloister_value_out(void)
{
    cloister_parameter p = {CLO_PARAM_OUT, 0, 0, NULL, NULL, 0, 0};
    return p;
}

/* Opens a running world. `name`: a world's name, or the path of its socket if it contains '/'.
   On success the caller closes *world. NOT_FOUND: no such world; DENIED; PROTOCOL; IO. */
CLOISTER_MUST_USE cloister_status cloister_world_open(const char *name, cloister_world **world);

/* Closes the connection; sessions stay usable. NULL is ignored. */
void cloister_world_close(cloister_world *world);

/* Facts about the world, and about one of its modules by index (0 … module_count - 1). */
CLOISTER_MUST_USE cloister_status cloister_world_info(cloister_world *world,
                                                      struct clo_world_info *info);
CLOISTER_MUST_USE cloister_status cloister_world_module(cloister_world *world, uint32_t index,
                                                        struct clo_module_info *info);

/* A signed report about a module, over a fresh nonce of 16 … 64 bytes. Fresh memory in *report,
   freed by the caller. docs/report.md. */
CLOISTER_MUST_USE cloister_status cloister_world_report(cloister_world *world, const char *module,
                                                        const void *nonce, size_t nonce_size,
                                                        uint8_t **report, size_t *report_size);

/* Asks the world to stop. Only its own user and root may: DENIED. */
CLOISTER_MUST_USE cloister_status cloister_world_stop(cloister_world *world);

/* Opens a session to a module over a channel of its own. `arena_size`: bytes for buffer parameters
   that do not fit inline, all buffers of one call together; 0 for 64 KiB. NOT_FOUND: no such
   module; BUSY: all channels taken; DEAD; TOO_BIG. */
CLOISTER_MUST_USE cloister_status cloister_session_open(cloister_world *world, const char *module,
                                                        size_t arena_size,
                                                        cloister_session **session);

/* Closes the channel. The module's side of it is gone when this returns. NULL is ignored. */
void cloister_session_close(cloister_session *session);

/* The module's facts as they were when the session opened; valid while the session is. */
const struct clo_module_info *cloister_session_module(const cloister_session *session);

/* Calls a method by name with four parameters (NULL: none) and waits for the reply. Parameters are
   checked against the method's declaration first. `deadline_us`: 0 waits as long as the module may
   take; after a TIMEOUT the session stays usable. Origins: client, transport, world, module. */
cloister_result cloister_call(cloister_session *session, const char *method,
                              cloister_parameter parameters[4], uint64_t deadline_us);

/* The same with the method's number, which is its index in the module's declaration. */
cloister_result cloister_call_number(cloister_session *session, unsigned method,
                                     cloister_parameter parameters[4], uint64_t deadline_us);

/* How long a call polls for its reply before it sleeps, in µs. Default: 50, or 0 where the process
   may run on one CPU only. */
void cloister_session_set_spin(cloister_session *session, uint32_t spin_us);

#ifdef __cplusplus
}
#endif
#endif

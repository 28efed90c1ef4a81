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
 * world and a session are used by one thread at a time, a shared session by any number. Link with
 * -lcloister. docs/calls.md says what a call is, and what happens when things go wrong.
 */
#ifndef CLOISTER_CLIENT_H
#define CLOISTER_CLIENT_H

/* cloister_call is a function here and a type there. */
#ifdef CLOISTER_MODULE_H
#error "cloister/client.h is for callers, cloister/module.h for modules: one of them in a file"
#endif

#include "cloister/abi/control.h"
#include "cloister/parameter.h"
#include "cloister/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cloister_world cloister_world;
typedef struct cloister_session cloister_session;

/* In a guest: "guest:" is the world behind the guest's mailbox device, "guest:0000:00:04.0" the one
   behind the device of that PCI address (docs/guests.md). */
#define CLOISTER_GUEST_PREFIX "guest:"

/* Opens a running world. `name`: one that begins with CLOISTER_GUEST_PREFIX; a world's name; or the
   path of its socket if it contains '/'. Everything else is the same for all of them. On success
   the caller closes *world. NOT_FOUND: no such world or device; DENIED; DEAD and BUSY: the world
   behind the device has ended, the device's lanes are taken; UNSUPPORTED; PROTOCOL; IO. */
CLOISTER_MUST_USE cloister_status cloister_world_open(const char *name, cloister_world **world);

/* The same, and says why not: one line for a person in `why`, cut to `size` bytes with its NUL;
   empty on success. */
CLOISTER_MUST_USE cloister_status cloister_world_open_why(const char *name, cloister_world **world,
                                                          char *why, size_t size);

/* Closes the connection; sessions stay usable. NULL is ignored. */
void cloister_world_close(cloister_world *world);

/* Questions to the world. What any of them may return besides what it says itself: TIMEOUT, DEAD
   (the world has ended), LIMIT (a guest has asked too much in this second), PROTOCOL (the answer is
   not sound), IO. An out-pointer is set on success only. abi/control.h has the structures. */

/* Facts about the world, and about one of its modules by index (0 … module_count - 1; NOT_FOUND
   beyond). The caller owns *info; nothing in it needs freeing. */
CLOISTER_MUST_USE cloister_status cloister_world_info(cloister_world *world,
                                                      struct clo_world_info *info);
CLOISTER_MUST_USE cloister_status cloister_world_module(cloister_world *world, uint32_t index,
                                                        struct clo_module_info *info);

/* Numbers of a module that change, by index: calls, exits, channels, and sampled service times as
   the module states them. NOT_FOUND: no such index. */
CLOISTER_MUST_USE cloister_status cloister_world_metrics(cloister_world *world, uint32_t index,
                                                         struct clo_module_metrics *metrics);

/* The guests that the world serves, and where they connect. DENIED: only the world's own user and
   root are told; no guest is. UNSUPPORTED: the world is older than the question. */
CLOISTER_MUST_USE cloister_status cloister_world_guests(cloister_world *world,
                                                        struct clo_guests_info *guests);

/* How long a question to the world may take, ms (1 … 3600000; 10000 if never set). Close the world
   after a TIMEOUT: its answer may still come. BAD_ARGUMENT, IO. */
CLOISTER_MUST_USE cloister_status cloister_world_set_timeout(cloister_world *world,
                                                             uint32_t timeout_ms);

/* A signed report about a module, over a fresh nonce of 16 … 64 bytes. Fresh memory in *report,
   freed by the caller. BAD_ARGUMENT: the nonce's size, or no module's name; NOT_FOUND: no such
   module; NO_MEMORY. docs/report.md. */
CLOISTER_MUST_USE cloister_status cloister_world_report(cloister_world *world, const char *module,
                                                        const void *nonce, size_t nonce_size,
                                                        uint8_t **report, size_t *report_size);

/* Asks the world to stop. Only its own user and root may: DENIED. */
CLOISTER_MUST_USE cloister_status cloister_world_stop(cloister_world *world);

/* Opens a session to a module over a channel of its own. `arena_size`: bytes for buffer parameters
   that do not fit inline, all buffers of one call together; 0 for 64 KiB, at most CLO_ARENA_MAX:
   TOO_BIG. NOT_FOUND: no such module; BUSY: all channels taken, or no room for the arena; DEAD: the
   module has ended; NO_MEMORY; as a question to the world; and what the module refuses with. On
   success the caller closes *session. */
CLOISTER_MUST_USE cloister_status cloister_session_open(cloister_world *world, const char *module,
                                                        size_t arena_size,
                                                        cloister_session **session);

/* Closes the channel. The module's side of it is gone when this returns. NULL is ignored. */
void cloister_session_close(cloister_session *session);

/* The module's facts as they were when the session opened; valid while the session is. */
const struct clo_module_info *cloister_session_module(const cloister_session *session);

/* Makes the session usable by any number of threads at a time, from now on until it is closed by
   the last of them. Call it before the other threads know the session. Threads that each have a
   session of their own need none of this, and are faster. NO_MEMORY. */
CLOISTER_MUST_USE cloister_status cloister_session_share(cloister_session *session);

/* How long a call polls for its reply before it sleeps, in µs, at most 100,000. Default: 50, or 0
   where the process may run on one CPU only. */
void cloister_session_set_spin(cloister_session *session, uint32_t spin_us);

/* Calls a method by name with four parameters (NULL: none) and waits for the reply. Parameters are
   checked against the method's declaration first. `deadline_us`: 0 waits as long as the module may
   take; after a TIMEOUT the session stays usable, and the parameters' buffers are the caller's
   again. BUSY of origin client: submitted calls hold what this one needs, and all of them have been
   completed: collect them. Origins: client, transport, world, module. */
cloister_result cloister_call(cloister_session *session, const char *method,
                              cloister_parameter parameters[4], uint64_t deadline_us);

/* The same with the method's number, which is its index in the module's declaration. */
cloister_result cloister_call_number(cloister_session *session, unsigned method,
                                     cloister_parameter parameters[4], uint64_t deadline_us);

/* A call that has been submitted and not been collected. Never means another call later. */
typedef uint64_t cloister_ticket;
#define CLOISTER_NO_TICKET 0u

/* Begins a call and does not wait: at most CLO_RING_SIZE at a time on one session. What goes in has
   been copied when this returns; `parameters` and the output buffers stay the caller's to keep
   until the call is collected, which is when they are written. A module that sleeps is not woken
   before cloister_flush or any poll or wait, so that many calls cost one wake-up. The deadline
   counts from here and is looked at by polls and waits. BUSY of origin client: the ring or the
   arena is full; collect a call and try again. Other statuses: as of cloister_call before anything
   is sent. */
CLOISTER_MUST_USE cloister_result cloister_submit(cloister_session *session, const char *method,
                                                  cloister_parameter parameters[4],
                                                  uint64_t deadline_us, cloister_ticket *ticket);
CLOISTER_MUST_USE cloister_result cloister_submit_number(cloister_session *session, unsigned method,
                                                         cloister_parameter parameters[4],
                                                         uint64_t deadline_us,
                                                         cloister_ticket *ticket);

/* Wakes the module if it sleeps and calls have been submitted. */
void cloister_flush(cloister_session *session);

/* Is the call over? If so it has been collected: its outputs are written, *result is what a
   cloister_call would have returned, the ticket is used up. A ticket that is none: true and
   NOT_FOUND of origin client. */
CLOISTER_MUST_USE bool cloister_poll(cloister_session *session, cloister_ticket ticket,
                                     cloister_result *result);

/* Waits until the call is over, at most until its deadline, and collects it. NOT_FOUND of origin
   client: no such ticket. */
cloister_result cloister_wait(cloister_session *session, cloister_ticket ticket);

/* Waits until one of the calls is over and collects it: its index goes to *index, and its ticket in
   the array becomes CLOISTER_NO_TICKET, which is skipped. NOT_FOUND of origin client: one of them
   is no ticket, or there is none at all (*index is not set then). */
cloister_result cloister_wait_any(cloister_session *session, cloister_ticket tickets[],
                                  size_t count, size_t *index);

/* Waits for all of the calls and collects them. `results`: what each came to; may be NULL. Returns
   OK, or the result of the first that is not. The tickets become CLOISTER_NO_TICKET. */
cloister_result cloister_wait_all(cloister_session *session, cloister_ticket tickets[],
                                  size_t count, cloister_result results[]);

/* Asks that a call be not begun, or ended soon: the call is over when it is collected, as always,
   with CANCELLED of origin transport if the module had not begun it; with what the module makes of
   it if it had (it can ask, and return CANCELLED itself); or with its result if that was on its
   way. NOT_FOUND: no such ticket. */
cloister_status cloister_cancel(cloister_session *session, cloister_ticket ticket);

/* Reserves memory of the session's arena, aligned to 64 bytes and zero. Buffers that lie in it,
   64-byte aligned and each wholly in one reservation, go to the module without being copied here;
   where the method declares the parameter zero-copy, without any copy. The module can write all of
   it at any time. An input there is zero after its call.
   TOO_BIG: the arena is smaller; BUSY: there is no room for it now, or 64 are reserved. */
CLOISTER_MUST_USE cloister_status cloister_arena_reserve(cloister_session *session, size_t size,
                                                         void **bytes);

/* Gives it back and wipes it: at once, or when the last call that uses it ends. NULL is ignored. */
void cloister_arena_release(cloister_session *session, void *bytes);

/* Where a stream comes from and goes to. `read` fills `bytes` with up to `capacity` bytes, *size =
   0 at the end; `write` takes what has come out, in order, and may be NULL. What they return other
   than OK ends the stream. */
typedef struct cloister_stream_ends {
    cloister_status (*read)(void *context, void *bytes, size_t capacity, size_t *size);
    cloister_status (*write)(void *context, const void *bytes, size_t size);
    void *context;
} cloister_stream_ends;

/* Moves any number of bytes through a method that is declared as a stream: pieces in order, a few
   of them in flight, read into and written from the arena itself. One stream at a time on a
   session. `deadline_us`: of each piece. `value`: two words that the module gives with the last
   piece; may be NULL. BAD_ARGUMENT of origin client: no stream; TOO_BIG: the arena has no room for
   one piece (twice its size is well); BUSY; what `read` and `write` returned, of origin client;
   what the first piece that failed came to. */
cloister_result cloister_stream(cloister_session *session, const char *method,
                                const cloister_stream_ends *ends, uint64_t deadline_us,
                                uint64_t value[2]);

/* The same from one descriptor to another, -1: what comes out is dropped. IO. */
cloister_result cloister_stream_file(cloister_session *session, const char *method, int in, int out,
                                     uint64_t deadline_us, uint64_t value[2]);

/* Bytes of the session's arena. */
size_t cloister_arena_size(const cloister_session *session);

#ifdef __cplusplus
}
#endif
#endif

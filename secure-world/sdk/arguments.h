/*
 * The arguments of one call: inputs into private memory before the handler runs, results out of it
 * afterwards, and the private memory wiped once the answer is on its way.
 */
#ifndef SDK_ARGUMENTS_H
#define SDK_ARGUMENTS_H

#include "server.h"

/* Bytes of scratch that the largest call of the manifest needs. */
size_t arguments_scratch_size(const struct clo_manifest *manifest);

/* Of a sound submission that fits the method: fills server->call.argument and copies what comes in,
   each byte once. Zero-copy parameters stay where the client can change them. */
void arguments_place(struct server *server, const struct channel *channel,
                     const struct clo_method *method);

/* The handler returned `status`: puts status and results into server->out and the arena. The
   handler may have changed every pointer in its call; ours count. */
void arguments_deliver(struct server *server, const struct channel *channel,
                       cloister_status status);

/* Wipes the private copies of arena buffers, and clears server->call.argument: it is zero before
   each call. What lies in the arena is the client's to wipe. */
void arguments_wipe(struct server *server);

/* Both for a call that is a pair. */
void arguments_place_pair(struct server *server, const struct channel *channel,
                          const struct pair_method *method, const struct pair *pair);
void arguments_deliver_pair(struct server *server, const struct channel *channel,
                            const struct pair_method *method, const struct pair *pair,
                            cloister_status status);

#endif

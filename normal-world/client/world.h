/*
 * A world, as the files of the client library see it.
 */
#ifndef CLIENT_WORLD_H
#define CLIENT_WORLD_H

#include "normal-world/client/transport.h"

struct cloister_world {
    struct transport *transport;
};

/* A world behind a transport, which it takes over, also if that fails. NO_MEMORY. */
CLOISTER_MUST_USE cloister_status world_over(struct transport *transport, cloister_world **world);

#endif

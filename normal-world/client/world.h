/*
 * A world, as the files of the client library see it.
 */
#ifndef CLIENT_WORLD_H
#define CLIENT_WORLD_H

#include "cloister/client.h"

#include <sys/un.h>

struct cloister_world {
    int socket;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

#endif

/*
 * Transport over a world's socket: the host's own.
 */
#ifndef CLIENT_SOCKET_TRANSPORT_H
#define CLIENT_SOCKET_TRANSPORT_H

#include "normal-world/client/transport.h"

/* Connects to the socket. Statuses: as of connection_open; NO_MEMORY. */
CLOISTER_MUST_USE cloister_status socket_transport_open(const char *path,
                                                        struct transport **transport);

#endif

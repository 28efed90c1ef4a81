/*
 * Where a world is found: its lock and its socket in the runtime folder.
 */
#ifndef VMM_WORLD_SOCKET_H
#define VMM_WORLD_SOCKET_H

#include "abi/layout.h"
#include "base/reason.h"

struct world_socket {
    int folder;
    int lock;   /* held as long as the world lives */
    int listen; /* non-blocking */
    char socket_name[CLO_NAME_SIZE + 8];
    char lock_name[CLO_NAME_SIZE + 8];
};

/* Takes the name and listens. BAD_STATE: a world of that name runs; DENIED: the folder. */
CLOISTER_MUST_USE cloister_status world_socket_open(const char *name, struct world_socket *at,
                                                    struct reason *why);

/* Makes a listening socket, and those that connect to it, take no descriptors, where the kernel
 * can.
 */
void world_socket_refuse_descriptors(int fd);

/* Removes socket and lock. */
void world_socket_close(struct world_socket *at);

#endif

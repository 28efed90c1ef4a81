/*
 * The socket at which the VMMs of guests connect: where the operator wants it, for the world's own
 * user alone until the operator gives it to others.
 */
#ifndef VMM_GUEST_SOCKET_H
#define VMM_GUEST_SOCKET_H

#include "abi/control.h"
#include "base/reason.h"

#include <sys/un.h>

struct guest_socket {
    int folder;                                             /* that it lies in; -1: none */
    int listen;                                             /* non-blocking; -1: none */
    char name[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* in `folder` */
    char path[CLO_GUEST_SOCKET_SIZE]; /* for people: absolute, unless that is too long */
};

/* Listens at `path`; NULL: no socket. What a world that was killed left there is replaced.
   BAD_ARGUMENT: the path is too long or names no socket; BAD_STATE: somebody listens there; IO,
   NOT_FOUND, DENIED: the folder. */
CLOISTER_MUST_USE cloister_status guest_socket_open(const char *path, struct guest_socket *at,
                                                    struct reason *why);

/* Removes it. */
void guest_socket_close(struct guest_socket *at);

#endif

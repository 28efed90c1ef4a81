/*
 * A connection to a world host's socket: one request, one reply (abi/control.h). Checks everything
 * about the frame of a reply; the bodies are checked by who asked.
 */
#ifndef CLIENT_CONNECTION_H
#define CLIENT_CONNECTION_H

#include "cloister/client.h"

#include <stdbool.h>

#define CONNECTION_DESCRIPTORS_MAX 2

struct connection_reply {
    void *body; /* of the caller */
    size_t capacity;
    size_t size;                                /* set: bytes of body */
    unsigned descriptor_count;                  /* exactly so many must come, else PROTOCOL */
    int descriptor[CONNECTION_DESCRIPTORS_MAX]; /* set on success: the caller's */
};

/* Connects. NOT_FOUND: no socket, or a dead world's; DENIED; BUSY; IO. */
CLOISTER_MUST_USE cloister_status connection_open(const char *path, int *fd);

/* How long sending and waiting for a reply may take, each; ten seconds at first. */
CLOISTER_MUST_USE cloister_status connection_set_timeout(int fd, uint32_t timeout_ms);

/* Asks and waits for the reply. The world's own refusal comes back as its
   status; DEAD: it hung up; PROTOCOL: not a reply by abi/control.h; TIMEOUT; IO. */
CLOISTER_MUST_USE cloister_status connection_ask(int fd, uint16_t type, const void *body,
                                                 size_t size, struct connection_reply *reply);

/* Is the other end still there? Never blocks. */
bool connection_alive(int fd);

/* Hangs up and waits until the world host has let go of what belongs to the connection, at most a
   second. Closes fd. */
void connection_close(int fd);

#endif

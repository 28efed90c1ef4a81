/*
 * Where the metrics server listens: a Unix socket, or a port of 127.0.0.1.
 */
#ifndef TOOLS_METRICS_LISTEN_H
#define TOOLS_METRICS_LISTEN_H

#include "base/reason.h"

#include <stdbool.h>
#include <sys/un.h>

struct listening {
    int fd;
    bool local_port; /* TCP */
    int folder;      /* Unix socket: its folder, for taking it away; else -1 */
    char name[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* … its name there */
};

/* `where` contains '/': path of a Unix socket, made with mode 0600; a dead one there is replaced.
   Else a port, 1 to 65535. BAD_ARGUMENT; BUSY: somebody listens there; DENIED; IO. */
CLOISTER_MUST_USE cloister_status listen_open(const char *where, struct listening *listening,
                                              struct reason *why);

/* Takes the socket out of the file system. */
void listen_close(struct listening *listening);

#endif

/*
 * The main thread's loop: clients of the world socket, guests, signals, the keeper, modules that
 * change.
 */
#ifndef VMM_SERVER_H
#define VMM_SERVER_H

#include "vmm/control.h"
#include "vmm/guests.h"

/* Connections at a time, and how many of them one user other than the world's own may hold. */
#define SERVER_CONNECTIONS_MAX 1024u
#define SERVER_USER_MAX 512u

enum server_event {
    SERVER_STOP,     /* asked to: a signal or a client */
    SERVER_ORPHANED, /* the keeper is gone */
    SERVER_STARTED,  /* no module is starting any more; comes once */
    SERVER_FAILED,   /* the loop itself failed; text in `why` */
};

struct connection {
    int fd; /* 0: free; so that connections that never were take no memory */
    uint32_t serial;
    uint64_t heard; /* order of the last sign of life */
    struct control_client client;
};

struct server {
    struct world *world;
    int listen; /* not owned */
    int epoll;
    int signals;
    uint64_t clock;        /* counts signs of life */
    unsigned count;        /* connections */
    bool started;          /* SERVER_STARTED was given */
    bool accepting;        /* `listen` is watched */
    bool trimmed;          /* memory that only the start needed is given back */
    struct guests *guests; /* not owned; NULL: none are served */
    struct connection *connection;
    uint8_t *body; /* room for a reply */
};

/* Blocks SIGTERM, SIGINT and SIGHUP for this thread and all that it starts. First of all. */
void server_block_signals(void);

CLOISTER_MUST_USE cloister_status server_create(struct server *server, struct world *world,
                                                int listen, struct reason *why);

/* Serves guests as well. */
CLOISTER_MUST_USE cloister_status server_add_guests(struct server *server, struct guests *guests,
                                                    struct reason *why);

/* Serves until something happens that is not the server's to decide. */
enum server_event server_run(struct server *server, struct reason *why);

/* Closes every connection and its channel. After world_stop. */
void server_destroy(struct server *server);

#endif

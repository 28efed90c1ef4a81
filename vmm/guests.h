/*
 * The guests of a world: who connects at the guest socket, and a turn for each. Part of the main
 * thread's loop (server.c); a descriptor of its own to watch, so that the loop knows nothing of
 * guests.
 */
#ifndef VMM_GUESTS_H
#define VMM_GUESTS_H

#include "vmm/guest.h"
#include "vmm/guest_heart.h"
#include "vmm/guest_socket.h"

/* How many at a time one user other than the world's own may hold. */
#define GUESTS_USER_MAX 32u

struct guests {
    struct world *world;
    int listen;       /* not owned */
    const char *path; /* … */
    int epoll;        /* readable: a turn is due */
    uint32_t memory_size;
    bool accepting;
    unsigned count;
    uint32_t serial; /* of the last that came */
    uint64_t numbers;
    struct rate logs; /* VMMs that come and go fast do not fill the log */
    struct guest_heart heart;
    struct {
        uint32_t serial;
        struct guest *guest; /* NULL: free */
    } place[CLO_GUESTS_MAX];
    uint8_t *body; /* room for a reply */
};

/* The guests of `world` are those that come `at` this socket, which outlives them. */
CLOISTER_MUST_USE cloister_status guests_create(struct guests *guests, struct world *world,
                                                const struct guest_socket *at, uint32_t memory_size,
                                                struct reason *why);

/* Starts the heartbeat. Before the main thread is shut in. */
CLOISTER_MUST_USE cloister_status guests_start(struct guests *guests, struct reason *why);

/* How long until the next turn if nothing happens, ms; -1: for ever. */
int guests_timeout(const struct guests *guests);

/* Whatever is due: who connects, what VMMs say, what lanes ask. Never blocks. */
void guests_turn(struct guests *guests);

/* Ends every guest. After world_stop. */
void guests_destroy(struct guests *guests);

#endif

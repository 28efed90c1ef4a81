/*
 * The world host's end of the keeper socket (abi/keeper.h). Any thread may ask; one request is
 * outstanding at a time, but for those of the launch. A keeper that breaks the protocol or goes
 * away breaks the link for good: the socket is shut down, the main thread sees that, and the world
 * stops.
 */
#ifndef VMM_KEEPER_LINK_H
#define VMM_KEEPER_LINK_H

#include "abi/keeper.h"
#include "base/reason.h"
#include "vmm/fair_lock.h"

#include <stdbool.h>
#include <stddef.h>

struct keeper_link {
    int fd; /* -1: no keeper (cloister exec) */
    bool broken;
    struct fair_lock lock;
};

/* One request and the room for its reply. */
struct keeper_request {
    uint32_t type;   /* CLO_KEEPER_… */
    uint32_t module; /* index in the launch record */
    const void *body;
    size_t size;
    int descriptor; /* goes along; -1: none */
    void *reply;
    size_t capacity;
    bool exact;        /* the reply's body fills `capacity` */
    size_t reply_size; /* out: bytes of body */
};

void keeper_link_open(struct keeper_link *link, int fd);

/* Sends and waits; threads take turns. The keeper's own status, its text in `why` (for the operator
   only), or PROTOCOL: it broke the protocol; CLOSED: it is gone. A failed request leaves `reply`
   zeroed. */
CLOISTER_MUST_USE cloister_status keeper_link_ask(struct keeper_link *link,
                                                  struct keeper_request *request,
                                                  struct reason *why);

/* The two halves of it, for the launch, while there is one thread that asks: replies come in the
   order of the requests. A keeper that refuses one reads no more, so that sending fails; the reply
   to the refused request says why. */
CLOISTER_MUST_USE cloister_status keeper_link_send(struct keeper_link *link,
                                                   const struct keeper_request *request,
                                                   struct reason *why);
CLOISTER_MUST_USE cloister_status keeper_link_receive(struct keeper_link *link,
                                                      struct keeper_request *request,
                                                      struct reason *why);

/* Wakes whoever waits for a reply and refuses every further request. Any thread. */
void keeper_link_shut(struct keeper_link *link);

#endif

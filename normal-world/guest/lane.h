/*
 * One lane of a guest's memory: what a connection to the world socket is to a process of the host.
 * The lanes are shared out among the processes of the guest by locks on the memory's file, so that
 * those of a process that died are free again. One thread at a time.
 */
#ifndef GUEST_LANE_H
#define GUEST_LANE_H

#include "normal-world/client/transport.h"
#include "normal-world/guest/mailbox.h"

struct lane {
    struct mailbox *mailbox;
    struct clo_lane *shared;
    uint32_t number; /* of the last request */
};

/* Takes a free lane, and gives up the channel that its last owner may have had. It is ours until
   the mailbox is closed. BUSY: all are taken; DEAD: the world does not live; PROTOCOL; IO. */
CLOISTER_MUST_USE cloister_status lane_take(struct mailbox *mailbox, struct lane *lane,
                                            struct reason *why);

/* As transport.h's ask. After a TIMEOUT the next question waits for the old one's reply first. */
CLOISTER_MUST_USE cloister_status lane_ask(struct lane *lane, uint16_t type, const void *body,
                                           size_t size, struct transport_reply *reply,
                                           uint32_t timeout_ms);

#endif

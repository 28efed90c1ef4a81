/*
 * The VMM's end of a world's guest socket (ivshmem-server protocol: each message is one
 * little-endian 64-bit integer, with at most one descriptor). The world is hostile here: what it
 * sends is checked before anything is mapped.
 */
#ifndef GUEST_MAILBOX_LINK_H
#define GUEST_MAILBOX_LINK_H

#include "abi/guest.h"
#include "base/reason.h"

#include <stddef.h>
#include <stdint.h>

struct mailbox_link {
    int socket;     /* open as long as the guest runs: its end is the guest's to the world */
    uint32_t id;    /* the guest's number in the protocol */
    uint8_t *bytes; /* the mailbox's memory, shared with the world */
    size_t size;
    int doorbell[CLO_GUEST_VECTORS];   /* to the world */
    int completion[CLO_GUEST_VECTORS]; /* to the guest */
};

/* Connects to the socket at `path`. NOT_FOUND, DENIED, DEAD: nobody listens there. */
CLOISTER_MUST_USE cloister_status mailbox_link_connect(const char *path, int *socket,
                                                       struct reason *why);

/* Takes a connected socket (also where it fails), hears what the world says, maps the memory, tells
   the world what boots. BAD_FORMAT: the world does not keep to the protocol: how. TIMEOUT: it says
   nothing. DEAD: it hangs up. */
CLOISTER_MUST_USE cloister_status mailbox_link_open(int socket,
                                                    const struct clo_guest_measured *measured,
                                                    struct mailbox_link *link, struct reason *why);

/* Hangs up. The memory stays mapped: the guest has it. */
void mailbox_link_close(struct mailbox_link *link);
/* Gives everything back. */
void mailbox_link_destroy(struct mailbox_link *link);

#endif

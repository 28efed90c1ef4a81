/*
 * The world's side of a mailbox link, for tests: sends what they say, right or wrong.
 */
#ifndef TESTS_MAILBOX_PEER_H
#define TESTS_MAILBOX_PEER_H

#include "abi/guest.h"

#include <stddef.h>
#include <stdint.h>

#define PEER_ID 3

struct mailbox_peer {
    int socket;
    int memory;
    struct clo_guest_header *header; /* `memory`, mapped */
    size_t size;
    int doorbell[CLO_GUEST_VECTORS];
    int completion[CLO_GUEST_VECTORS];
};

/* Memory of `size` bytes with a good header and `seals`, and eventfds. Takes the socket. */
void mailbox_peer_create(struct mailbox_peer *peer, int socket, size_t size, unsigned seals);
void mailbox_peer_destroy(struct mailbox_peer *peer);

/* One message, with `descriptors` copies of `fd`. */
void mailbox_peer_say(const struct mailbox_peer *peer, int64_t value, int fd, unsigned descriptors);

/* Everything, as it should be. */
void mailbox_peer_greet(const struct mailbox_peer *peer);

#endif

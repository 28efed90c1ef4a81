/*
 * How a client reaches a world: by its socket (socket_transport.h), or in a guest by the mailbox
 * device (normal-world/guest/guest_transport.h). Worlds and sessions know no more than this, so a
 * program does not know which of them it has.
 *
 * A transport carries one question at a time and at most one channel, which lives as long as the
 * transport does. One thread at a time; but a channel's ring_peer by the rules of ring.h.
 */
#ifndef CLIENT_TRANSPORT_H
#define CLIENT_TRANSPORT_H

#include "cloister/client.h"
#include "normal-world/client/ring.h"

struct transport_reply {
    void *body; /* of the caller */
    size_t capacity;
    size_t size; /* set: bytes of body */
};

/* What a session needs to call over a channel; all of it the transport's. */
struct transport_channel {
    void *memory;
    size_t size;
    uint32_t spin_us; /* as long as it is worth polling, if the user has not said */
    struct ring_peer peer;
};

struct transport {
    const struct transport_kind *kind;
};

struct transport_kind {
    /* Opens another transport to the same world. The caller closes it. */
    cloister_status (*again)(const struct transport *transport, struct transport **fresh);

    /* Asks and waits for the reply, which is by abi/control.h as far as its frame goes; its body is
       the caller's to check. The world's own refusal comes back as its status. DEAD: the world is
       gone; PROTOCOL; UNSUPPORTED; TIMEOUT; IO. */
    cloister_status (*ask)(struct transport *transport, uint16_t type, const void *body,
                           size_t size, struct transport_reply *reply);

    /* The same with CLO_CONTROL_OPEN. Checks `size` and maps so much; the rest of *reply, and what
       is in the memory, is the caller's to check. */
    cloister_status (*open_channel)(struct transport *transport,
                                    const struct clo_open_request *request,
                                    struct clo_open_reply *reply,
                                    struct transport_channel *channel);

    /* How long a question may take; ten seconds at first. */
    cloister_status (*set_timeout)(struct transport *transport, uint32_t timeout_ms);

    /* Gives the channel up and waits until the world host has let go of it, at most a second. */
    void (*close)(struct transport *transport);
};

#endif

/*
 * Requests of the world socket and of guests' lanes (abi/control.h): one message in, one out. Knows
 * nothing of sockets and lanes.
 */
#ifndef VMM_CONTROL_H
#define VMM_CONTROL_H

#include "vmm/guest_memory.h"
#include "vmm/world.h"

#define CONTROL_REQUEST_MAX (sizeof(struct clo_control_header) + sizeof(struct clo_report_query))

/* Who asks, and the one channel that it may have. */
struct control_client {
    struct clo_caller caller;
    struct module *module; /* of the channel; NULL: none */
    unsigned slot;
    /* Of a lane of a guest: where its channels are made. NULL: a connection to the world socket. */
    struct guest_memory *memory;
    unsigned lane;
    uint32_t offset; /* of the channel in `memory` */
    uint32_t size;
    const struct clo_guest_measured *measured; /* what its VMM says of it; NULL: nothing */
};

/* The answer. The caller closes the descriptors. */
struct control_reply {
    struct clo_control_header header;
    uint8_t *body; /* header.size bytes, of the reply's owner */
    int descriptor[2];
    unsigned descriptor_count;
    bool hang_up; /* the peer broke the protocol: answer, then close */
    bool stop;    /* the world is to stop */
};

/* Room for the largest body: a report. */
#define CONTROL_BODY_MAX (CLO_CONTROL_MESSAGE_MAX - sizeof(struct clo_control_header))

/* Answers `size` bytes that the client sent. `body` has room for CONTROL_BODY_MAX. */
void control_answer(struct world *world, struct control_client *client, const void *request,
                    size_t size, uint8_t *body, struct control_reply *reply);

/* Closes the client's channel, if it has one. */
void control_release(struct control_client *client);

/* Is this a request whose framing is right? Its body's bytes in *body_size. Pure. */
CLOISTER_MUST_USE cloister_status control_check(const void *request, size_t size,
                                                struct clo_control_header *header,
                                                const uint8_t **body);

#endif

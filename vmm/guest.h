/*
 * One guest of a world: its VMM's connection, its memory, its lanes. Main thread only.
 *
 * Everything that says who it is comes from the connection of the VMM: the kernel's word for the
 * process, a number of our own, and what the VMM states before the guest runs. Nothing that the
 * guest writes does.
 */
#ifndef VMM_GUEST_H
#define VMM_GUEST_H

#include "vmm/control.h"
#include "vmm/guest_statement.h"
#include "vmm/rate.h"

struct guest {
    int socket; /* of its VMM, non-blocking */
    uint64_t number;
    uint64_t connected_at; /* host clock, s */
    uint64_t answers;      /* to requests in its lanes */
    struct guest_memory memory;
    struct guest_statement statement;
    struct rate requests;
    bool asked;                         /* some lane has made a request */
    bool pending;                       /* some lane may have one */
    unsigned next_lane;                 /* to look at */
    uint32_t answered[CLO_GUEST_LANES]; /* number of the last request */
    struct control_client lane[CLO_GUEST_LANES];
};

/* Greets the VMM at `socket`, which it takes over on success. */
CLOISTER_MUST_USE cloister_status guest_create(struct guest *guest, int socket, uint64_t number,
                                               uint32_t memory_size,
                                               const struct clo_caller *caller, struct reason *why);

/* Takes what the VMM has sent. CLOSED: it is gone; PROTOCOL: it said what it may not. */
CLOISTER_MUST_USE cloister_status guest_hear(struct guest *guest);

/* Answers a few requests of its lanes, at most one of each; `pending` stays while there may be
   more. `body`: room for CONTROL_BODY_MAX. */
void guest_answer(struct world *world, struct guest *guest, uint8_t *body);

/* Closes its channels, tells it, and lets go of everything. */
void guest_destroy(struct guest *guest);

#endif

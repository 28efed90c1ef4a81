/*
 * Channels between two modules of a world (abi/peer.h). Main thread only.
 */
#ifndef VMM_CHANNEL_PEER_H
#define VMM_CHANNEL_PEER_H

#include "vmm/channel.h"

struct world;

/* The end of the module that calls. */
struct channel_peer {
    unsigned slot;
    uint32_t offset; /* bytes from CLO_VA_WINDOW */
    uint32_t size;
    uint32_t arena_size;
};

/* Opens a channel from the thread's module to another one. DENIED: that would close a circle of
   modules that call each other, in which each could wait for the next; BUSY: slots or window of
   either are taken; DEAD; TOO_BIG; IO. */
CLOISTER_MUST_USE cloister_status channel_peer_open(struct module_thread *thread,
                                                    struct module *callee, uint32_t arena_size,
                                                    struct channel_peer *made, struct reason *why);

/* Is there such an end? What a module has not been told of yet may be either. Any thread. */
bool channel_peer_is_open(const struct module *caller, uint64_t slot);

/* Closes it from the calling end. NOT_FOUND: no such end. */
CLOISTER_MUST_USE cloister_status channel_peer_close(struct module *caller, uint64_t slot);

/* Closes what modules that have ended had opened. */
void channel_peer_bury(struct world *world);

#endif

/*
 * Channels of a module (abi/channel.h): makes the memory, shows it to the module, takes it away.
 * The world host never reads a ring: the only words of a channel that it touches are the ones that
 * the header says are its own.
 */
#ifndef VMM_CHANNEL_H
#define VMM_CHANNEL_H

#include "abi/channel.h"
#include "base/reason.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct module;
struct module_thread;

/* A slot of the control pages, and what lies behind it. A slot whose channel is gone keeps its
   pages until every thread of the module has acted on that (clo_mailbox.epoch): a thread inside a
   call could otherwise write its reply into the memory of a later channel. */
struct channel {
    _Atomic(struct clo_channel_header *) header; /* in the window; NULL: no channel */
    uint32_t page;                               /* first page of the module's part of the window */
    uint32_t pages;                              /* 0: the slot is free */
    uint32_t left_epoch;                         /* control epoch at which the channel went */
    unsigned thread;                             /* serves it; `calls`: opened it */
    struct clo_caller caller; /* a client's: whose it is, while `header` is not NULL */
    int doorbell;             /* eventfd shared with the client: then never read or written here */
    /* Of a guest (guest_memory.c), constant while `header` is not NULL. */
    uint32_t *interrupts; /* to count them in the guest's header; NULL: not a guest's */
    int interrupt;        /* eventfd, not owned */
    /* Between modules (channel_peer.c). */
    _Atomic bool calls; /* the end of the module that opened it: nothing to serve, header NULL */
    _Atomic(struct module_thread *) other; /* to wake at the other end; NULL: it is a client's */
    struct module *peer;                   /* `calls`: whose the other end is, */
    unsigned peer_slot;                    /* and which of its slots */
};

/* Where a guest's channel lies and how its ends wake each other. Nothing of it is owned; all of it
   stays until the channel is closed. */
struct channel_place {
    int memfd;       /* the guest's memory, */
    uint32_t offset; /* and where in it: zero bytes */
    int doorbell;    /* eventfd, from the guest */
    int interrupt;   /* eventfd, to the guest */
    uint32_t *interrupts;
};

/* What the client is given. The caller closes both descriptors; of a guest's channel: -1. */
struct channel_offer {
    unsigned slot;
    uint32_t size;
    uint32_t arena_size;
    int memfd;
    int doorbell;
};

/* Makes a channel with an arena of at least `arena_size` bytes, in memory of its own or at `place`.
   Main thread. TOO_BIG; BUSY: all slots or the window's part are taken; DEAD, BAD_STATE: the module
   does not serve; IO. */
CLOISTER_MUST_USE cloister_status channel_open(struct module *module,
                                               const struct clo_caller *caller, uint32_t arena_size,
                                               const struct channel_place *place,
                                               struct channel_offer *offer, struct reason *why);

/* Takes the channel from the module; returns when it can no longer reach it. Main thread. */
void channel_close(struct module *module, unsigned slot, uint32_t state);

/* Wakes who is at the other end of a slot. NOT_FOUND: no channel there. Thread of the module; takes
   no lock. */
CLOISTER_MUST_USE cloister_status channel_notify(struct module_thread *thread, uint64_t slot);

/* Stores CLO_CHANNEL_… in every channel that the module serves and wakes the other ends. Under
   module->lock. */
void channels_tell(struct module *module, uint32_t state);

/* Bytes of a channel with such an arena, and the arena rounded up. TOO_BIG. */
CLOISTER_MUST_USE cloister_status channel_size(uint32_t arena_size, uint32_t *arena, uint32_t *size,
                                               struct reason *why);

#endif

/*
 * Steps of making a channel, for the two files that make them: channel.c for clients,
 * channel_peer.c for modules. Main thread only.
 */
#ifndef VMM_CHANNEL_PARTS_H
#define VMM_CHANNEL_PARTS_H

#include "vmm/channel.h"

/* Where a page of the module's part of the window is: bytes from the window's start, and here. */
uint32_t channel_offset(const struct module *module, uint32_t page);
uint8_t *channel_address(const struct module *module, uint32_t page);

/* Fresh memory, sealed against resizing. */
CLOISTER_MUST_USE cloister_status channel_make_memory(uint32_t size, int *memfd,
                                                      struct reason *why);

/* A slot that nothing uses. BUSY. */
CLOISTER_MUST_USE cloister_status channel_find_slot(struct module *module, unsigned *slot,
                                                    struct reason *why);

/* Gives the slot `size` bytes of the module's part of the window, and a thread. BUSY, TOO_BIG. */
CLOISTER_MUST_USE cloister_status channel_reserve(struct module *module, unsigned slot,
                                                  uint32_t size, struct reason *why);

/* Takes both back, at once: of a channel that the module was never told of, or has given up. */
void channel_unreserve(struct module *module, unsigned slot);

/* Maps the memory, from `offset` on, into the window and the window into the module. */
CLOISTER_MUST_USE cloister_status channel_show(struct module *module, uint32_t page, uint32_t size,
                                               int memfd, uint32_t offset, struct reason *why);

/* Fills the header in the memory of `slot`. */
void channel_fill_header(const struct module *module, unsigned slot, uint32_t arena_size);

/* Tells the module. DEAD. */
CLOISTER_MUST_USE cloister_status channel_go_live(struct module *module, unsigned slot,
                                                  const struct clo_caller *caller, uint32_t size,
                                                  struct reason *why);

/* Wakes who is at the other end of a channel, whose header the caller knows to be still there. */
void channel_wake_other(struct channel *channel, struct clo_channel_header *header);

#endif

/*
 * How much of a module one caller may have, so that it cannot keep others out by holding all there
 * is.
 */
#ifndef VMM_CHANNEL_SHARE_H
#define VMM_CHANNEL_SHARE_H

#include "vmm/channel.h"

/* May the caller have one more channel, of `size` bytes? The last quarter of a module's channels
   and of its part of the window is kept for callers that have no channel there. A guest is one
   caller, and so are all processes of a user other than root and the world's own, who may stop the
   world anyway. Main thread, after channel_find_slot. BUSY. */
CLOISTER_MUST_USE cloister_status channel_share_check(const struct module *module,
                                                      const struct clo_caller *caller,
                                                      uint32_t size, struct reason *why);

#endif

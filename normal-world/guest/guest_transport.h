/*
 * Transport through a guest's mailbox device: a lane for questions, a channel in the same memory.
 */
#ifndef GUEST_TRANSPORT_H
#define GUEST_TRANSPORT_H

#include "normal-world/client/transport.h"
#include "normal-world/guest/sysfs_device.h"

/* Opens the device of this PCI address; if it is empty, the first that works. Statuses: of
   sysfs_device_find, mailbox_open and lane_take; NOT_FOUND: no such device; NO_MEMORY. */
CLOISTER_MUST_USE cloister_status guest_transport_open(const struct sysfs_places *places,
                                                       const char *address,
                                                       struct transport **transport,
                                                       struct reason *why);

#endif

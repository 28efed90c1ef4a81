/*
 * The mailbox's connections to the virtual machine: memory as a slot, doorbells as ioeventfds,
 * completions as irqfds. While the guest calls modules, no exit comes to this process.
 */
#ifndef GUEST_MAILBOX_WIRES_H
#define GUEST_MAILBOX_WIRES_H

#include "vmm/guest/guest_machine.h"
#include "vmm/guest/mailbox_device.h"
#include "vmm/guest/mailbox_link.h"

struct mailbox_wires {
    struct guest_machine *machine;
    const struct mailbox_link *link;
    int again;    /* eventfd that raises the line; ours alone */
    int resample; /* the device's */
};

extern const struct mailbox_operations mailbox_wires_operations;

/* BAD_FORMAT: what the world sent as doorbells or completions are no eventfds. */
CLOISTER_MUST_USE cloister_status mailbox_wires_create(struct mailbox_wires *wires,
                                                       struct guest_machine *machine,
                                                       const struct mailbox_link *link,
                                                       struct reason *why);
void mailbox_wires_destroy(struct mailbox_wires *wires);

#endif

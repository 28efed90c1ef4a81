/*
 * The thread beside the vCPU: brings input, watches the world and the signals that end us, and
 * makes the vCPU look now and then whether its guest has halted for good.
 */
#ifndef GUEST_ATTENDANT_H
#define GUEST_ATTENDANT_H

#include "vmm/guest/console.h"
#include "vmm/guest/mailbox_device.h"
#include "vmm/guest/mailbox_link.h"
#include "vmm/guest/vcpu.h"

struct guest_run {
    struct guest_machine *machine;
    struct bus *bus;
    struct serial *serial;
    struct mailbox_device *mailbox; /* NULL: no world */
    struct mailbox_link *link;      /* … */
    pthread_t vcpu;
    int ended; /* eventfd of the vCPU thread's end */
    int signals;
    enum vcpu_end end;
    struct reason why; /* of VCPU_FAILED */
};

/* Blocks the signals that the attendant takes, in this thread and those it starts. */
CLOISTER_MUST_USE cloister_status attendant_prepare(struct guest_run *run, struct reason *why);

/* Starts the guest and attends to it. OK: it ended by itself or was told to. DEAD: KVM cannot run
   it. The vCPU thread may still be there: the caller ends the process. */
CLOISTER_MUST_USE cloister_status attendant_run(struct guest_run *run, struct reason *why);

#endif

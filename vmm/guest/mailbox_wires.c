/*
 * What the mailbox device does with KVM. A failure here is the guest's loss alone (its BAR is where
 * KVM will not have it) and is not logged: a guest could repeat it for ever.
 */
#include "vmm/guest/mailbox_wires.h"

#include "base/scope.h"

#include <string.h>
#include <sys/eventfd.h>

static void move_registers(const struct mailbox_wires *wires, uint64_t address, bool on)
{
    for (uint32_t vector = 0; vector < CLO_GUEST_VECTORS && address != 0; vector++) {
        const struct guest_doorbell doorbell = {.address = address + CLO_GUEST_DOORBELL,
                                                .value = vector, /* the world is peer 0 */
                                                .fd = wires->link->doorbell[vector]};
        (void)!guest_machine_doorbell(wires->machine, &doorbell, on);
    }
}

static void move(void *of, unsigned bar, uint64_t before, uint64_t after)
{
    const struct mailbox_wires *wires = of;
    if (bar == MAILBOX_REGISTERS_BAR) {
        move_registers(wires, before, false);
        move_registers(wires, after, true);
        return;
    }
    if (before != 0)
        (void)!guest_machine_map(wires->machine, GUEST_SLOT_MAILBOX, before, NULL, 0);
    if (after != 0)
        (void)!guest_machine_map(wires->machine, GUEST_SLOT_MAILBOX, after, wires->link->bytes,
                                 wires->link->size);
}

static bool connect_all(const struct mailbox_wires *wires, bool on)
{
    bool good =
        guest_machine_completion(wires->machine, MAILBOX_IRQ, wires->again, wires->resample, on);
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++)
        good = guest_machine_completion(wires->machine, MAILBOX_IRQ, wires->link->completion[i],
                                        wires->resample, on) &&
               good;
    return good;
}

static void connect_line(void *of, bool on)
{
    (void)connect_all(of, on);
}

static void raise_line(void *of)
{
    const uint64_t one = 1;
    const struct mailbox_wires *wires = of;
    /* KVM empties it at once, so it is never full; and it does not block. */
    if (write(wires->again, &one, sizeof one) < 0)
        return;
}

const struct mailbox_operations mailbox_wires_operations = {
    .move = move, .connect = connect_line, .raise = raise_line};

/* Tries every descriptor once, before the guest could notice. */
static bool try_all(const struct mailbox_wires *wires)
{
    for (uint32_t i = 0; i < CLO_GUEST_VECTORS; i++) {
        const struct guest_doorbell doorbell = {
            .address = PCI_WINDOW, .value = i, .fd = wires->link->doorbell[i]};
        if (!guest_machine_doorbell(wires->machine, &doorbell, true) ||
            !guest_machine_doorbell(wires->machine, &doorbell, false))
            return false;
    }
    return connect_all(wires, true) && connect_all(wires, false);
}

cloister_status mailbox_wires_create(struct mailbox_wires *wires, struct guest_machine *machine,
                                     const struct mailbox_link *link, struct reason *why)
{
    *wires = (struct mailbox_wires){.machine = machine, .link = link, .again = -1, .resample = -1};
    wires->again = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    AUTO_FD int resample = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wires->again < 0 || resample < 0)
        return refuse_errno(why, "cannot make an eventfd");
    wires->resample = resample;
    bool good = try_all(wires);
    wires->resample = -1;
    if (!good)
        return refuse(why, CLOISTER_BAD_FORMAT,
                      "KVM does not take what the world sent as doorbells and completions; they "
                      "must be eventfds: %s",
                      strerror(errno));
    return CLOISTER_OK;
}

void mailbox_wires_destroy(struct mailbox_wires *wires)
{
    scope_close(&wires->again);
}

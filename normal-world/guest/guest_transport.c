/*
 * Reaches a world through a mailbox device: its registers ring, its memory has lane and channel.
 * Each transport maps the device for itself, so that one does not depend on another's life.
 */
#include "normal-world/guest/guest_transport.h"

#include "base/scope.h"
#include "normal-world/guest/emulator.h"
#include "normal-world/guest/guest_wait.h"
#include "normal-world/guest/lane.h"

#include <string.h>

#define TIMEOUT_FIRST_MS 10000u
#define CLOSE_TIMEOUT_MS 1000u
/* Also with one processor: the module runs on one of the host's. */
#define SPIN_US 50u

struct guest_transport {
    struct transport base;
    const struct sysfs_places *places;
    char address[SYSFS_ADDRESS_SIZE];
    struct mailbox mailbox;
    struct lane lane;
    struct guest_wait wait;
    uint32_t timeout_ms;
    uint32_t doorbell; /* the channel's vector */
    bool asked;        /* for a channel */
};

static struct guest_transport *of(struct transport *transport)
{
    return (struct guest_transport *)transport;
}

/* What the ring calls */

static void ring_doorbell(void *context)
{
    const struct guest_transport *transport = context;
    mailbox_ring(&transport->mailbox, transport->doorbell);
}

static void sleep_until_interrupt(void *context, uint32_t *word, uint32_t value,
                                  uint64_t timeout_us)
{
    const struct guest_transport *transport = context;
    guest_wait_sleep(&transport->wait, word, value, timeout_us);
}

static void nap(void *context, uint32_t *word, uint32_t value, uint64_t timeout_us)
{
    (void)context;
    (void)word;
    (void)value;
    guest_wait_nap(timeout_us);
}

static bool is_connected(void *context)
{
    struct guest_transport *transport = context;
    return mailbox_alive(&transport->mailbox);
}

/* Transport */

static cloister_status ask(struct transport *base, uint16_t type, const void *body, size_t size,
                           struct transport_reply *reply)
{
    struct guest_transport *transport = of(base);
    return lane_ask(&transport->lane, type, body, size, reply, transport->timeout_ms);
}

static cloister_status open_channel(struct transport *base, const struct clo_open_request *request,
                                    struct clo_open_reply *answer,
                                    struct transport_channel *channel)
{
    struct guest_transport *transport = of(base);
    struct clo_guest_open_reply offer;
    struct transport_reply reply = {.body = &offer, .capacity = sizeof offer};
    transport->asked = true;
    cloister_status status = ask(base, CLO_CONTROL_OPEN, request, sizeof *request, &reply);
    if (status != CLOISTER_OK)
        return status;
    if (reply.size != sizeof offer || offer.vector <= CLO_GUEST_VECTOR_REQUEST ||
        offer.vector >= CLO_GUEST_VECTORS ||
        !mailbox_has_channel(&transport->mailbox, offer.offset, offer.open.size))
        return CLOISTER_PROTOCOL;
    transport->doorbell = offer.vector;
    *answer = offer.open;
    bool interrupts = guest_wait_interrupts(&transport->wait);
    *channel = (struct transport_channel){
        .memory = transport->mailbox.mapping.bytes + offer.offset,
        .size = offer.open.size,
        .spin_us = SPIN_US,
        .peer =
            {
                .doorbell = ring_doorbell,
                .sleep = interrupts ? sleep_until_interrupt : nap,
                .connected = is_connected,
                .context = transport,
                .polls = !interrupts,
                .no_pause = emulator_runs_us(),
            },
    };
    return CLOISTER_OK;
}

static cloister_status set_timeout(struct transport *transport, uint32_t timeout_ms)
{
    of(transport)->timeout_ms = timeout_ms;
    return CLOISTER_OK;
}

static void release(struct guest_transport *transport)
{
    guest_wait_close(&transport->wait);
    mailbox_close(&transport->mailbox);
    free(transport);
}

static void close_transport(struct transport *base)
{
    struct guest_transport *transport = of(base);
    struct transport_reply nothing = {.capacity = 0};
    if (transport->asked)
        (void)!lane_ask(&transport->lane, CLO_CONTROL_CLOSE, NULL, 0, &nothing, CLOSE_TIMEOUT_MS);
    release(transport);
}

static cloister_status again(const struct transport *transport, struct transport **fresh)
{
    const struct guest_transport *old = (const struct guest_transport *)transport;
    return guest_transport_open(old->places, old->address, fresh, NULL);
}

static const struct transport_kind kind = {
    .again = again,
    .ask = ask,
    .open_channel = open_channel,
    .set_timeout = set_timeout,
    .close = close_transport,
};

static cloister_status open_device(const struct sysfs_places *places, const char *address,
                                   struct transport **transport, struct reason *why)
{
    struct guest_transport *fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for a connection to device %s", address);
    cloister_status status = mailbox_open(places, address, &fresh->mailbox, why);
    if (status != CLOISTER_OK) {
        free(fresh);
        return status;
    }
    fresh->base.kind = &kind;
    fresh->places = places;
    fresh->timeout_ms = TIMEOUT_FIRST_MS;
    memcpy(fresh->address, address, strlen(address) + 1);
    guest_wait_open(places, address, fresh->mailbox.mapping.registers, &fresh->wait);
    status = lane_take(&fresh->mailbox, &fresh->lane, why);
    if (status != CLOISTER_OK) {
        release(fresh);
        return status;
    }
    *transport = &fresh->base;
    return CLOISTER_OK;
}

/* Of several that fail, the first says why. */
static cloister_status open_first(const struct sysfs_places *places,
                                  const struct sysfs_devices *devices, struct transport **transport,
                                  struct reason *why)
{
    cloister_status first = open_device(places, devices->address[0], transport, why);
    cloister_status status = first;
    for (size_t i = 1; i < devices->count && status != CLOISTER_OK; i++)
        status = open_device(places, devices->address[i], transport, NULL);
    return status == CLOISTER_OK ? status : first;
}

cloister_status guest_transport_open(const struct sysfs_places *places, const char *address,
                                     struct transport **transport, struct reason *why)
{
    struct sysfs_devices devices;
    cloister_status status = sysfs_device_find(places, &devices, why);
    if (status != CLOISTER_OK)
        return status;
    if (address[0] == '\0')
        return open_first(places, &devices, transport, why);
    for (size_t i = 0; i < devices.count; i++)
        if (strcmp(address, devices.address[i]) == 0)
            return open_device(places, address, transport, why);
    return refuse(why, CLOISTER_NOT_FOUND,
                  "no mailbox device %04x:%04x at '%.40s' in this guest; there is one at %s",
                  CLO_GUEST_PCI_VENDOR, CLO_GUEST_PCI_DEVICE, address, devices.address[0]);
}

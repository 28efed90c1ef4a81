/*
 * Calling another module: the client's side of a channel (normal-world/client/ring.h), with WAIT to
 * sleep and NOTIFY for a doorbell. A peer belongs to the thread that opened it, because that is the
 * thread that the other one's NOTIFY wakes.
 */
#include "sdk.h"

#include "normal-world/client/marshal.h"

#include <string.h>

#define ARENA_DEFAULT 65536u
#define SPIN_MAX_US 100000u
#define CALL_DEFAULT_US 1000000u /* where the manifest has no max_call_us */
#define CLOSE_TIMEOUT_US 100000u
#define SESSION_NUMBER 0u

struct cloister_peer {
    struct ring ring;
    struct clo_peer_opened opened;
    cloister_peer *next; /* of those that were given back */
};

/* Memory that was taken is never given back, so peers are used again. */
static cloister_peer *spare;
static bool spare_taken;

static void lock_spare(void)
{
    while (__atomic_test_and_set(&spare_taken, __ATOMIC_ACQUIRE))
        __builtin_ia32_pause();
}

static void unlock_spare(void)
{
    __atomic_clear(&spare_taken, __ATOMIC_RELEASE);
}

static cloister_peer *take_peer(void)
{
    lock_spare();
    cloister_peer *peer = spare;
    if (peer)
        spare = peer->next;
    unlock_spare();
    return peer ? peer : sdk_memory(sizeof *peer);
}

static void give_peer(cloister_peer *peer)
{
    sdk_wipe(peer, sizeof *peer);
    lock_spare();
    peer->next = spare;
    spare = peer;
    unlock_spare();
}

/* What the ring needs of its transport */

static void ring_doorbell(void *context)
{
    const cloister_peer *peer = context;
    (void)sdk_hypercall(CLO_HC_NOTIFY, peer->opened.slot, 0, 0);
}

/* A wake-up that came since the parked word was set is still there: WAIT returns at once. */
static void sleep_a_while(void *context, uint32_t *word, uint32_t value, uint64_t timeout_us)
{
    (void)context;
    (void)word;
    (void)value;
    (void)sdk_hypercall(CLO_HC_WAIT, timeout_us, 0, 0);
}

/* The world host says in the channel when the other module has ended. */
static bool is_connected(void *context)
{
    (void)context;
    return true;
}

/* Calls */

static cloister_result refused_here(cloister_status status)
{
    return (cloister_result){.status = status, .origin = CLOISTER_ORIGIN_CLIENT};
}

/* Waiting counts as part of this module's own call. */
static uint64_t deadline_or_default(uint64_t deadline_us)
{
    uint32_t own = cloister_manifest_note.manifest.max_call_us;
    if (deadline_us > 0)
        return deadline_us;
    return (own ? own : CALL_DEFAULT_US) / 2;
}

static cloister_result perform(cloister_peer *peer, unsigned method,
                               const struct placement *placement, cloister_parameter parameters[4],
                               uint64_t deadline_us)
{
    struct ring *ring = &peer->ring;
    struct ring_deadline deadline = ring_deadline_in(ring, deadline_us);
    struct ring_call call;
    cloister_result result = ring_begin(ring, placement->arena_size, deadline, &call);
    if (result.status == CLOISTER_OK) {
        marshal_write(ring, &call, method, SESSION_NUMBER, placement, parameters, deadline_us);
        ring_submit(ring, &call, placement_has_second_line(placement), placement->inline_out);
        result = ring_wait(ring, &call, deadline);
    }
    if (result.status == CLOISTER_OK)
        return marshal_read(ring, call.slot, placement, parameters);
    marshal_nothing(placement, parameters);
    return result;
}

static cloister_result call_plain(cloister_peer *peer, uint16_t method, uint64_t deadline_us)
{
    static const struct placement nothing;
    cloister_parameter none[CLO_PARAMETERS_MAX] = {{0}};
    return perform(peer, method, &nothing, none, deadline_us);
}

static bool same_name(const uint8_t name[CLO_NAME_SIZE], const char *text)
{
    unsigned i = 0;
    while (i < CLO_NAME_SIZE - 1 && text[i] != '\0' && (char)name[i] == text[i])
        i++;
    return (char)name[i] == text[i];
}

cloister_result cloister_call_module(cloister_peer *peer, const char *method,
                                     cloister_parameter parameters[4], uint64_t deadline_us)
{
    cloister_parameter none[CLO_PARAMETERS_MAX] = {{0}};
    cloister_parameter *given = parameters ? parameters : none;
    struct placement placement;
    unsigned number = 0;
    while (number < peer->opened.method_count &&
           !same_name(peer->opened.method[number].name, method))
        number++;
    if (number == peer->opened.method_count)
        return refused_here(CLOISTER_NOT_FOUND);
    cloister_status status = parameters_place(&peer->opened.method[number], peer->opened.abi_minor,
                                              given, &peer->ring.in_flight.arena, &placement);
    if (status != CLOISTER_OK)
        return refused_here(status);
    return perform(peer, number, &placement, given, deadline_or_default(deadline_us));
}

/* Opening and closing */

static cloister_status ask(const char *module, uint32_t arena_size, struct clo_peer_opened *opened)
{
    struct clo_peer_open open = {.arena_size = arena_size};
    uint8_t *payload = sdk_mailbox()->payload;
    for (unsigned i = 0; module[i] != '\0'; i++) {
        if (i == CLO_NAME_SIZE - 1)
            return CLOISTER_BAD_ARGUMENT;
        open.module[i] = (uint8_t)module[i];
    }
    memcpy(payload, &open, sizeof open);
    cloister_status status = sdk_hypercall(CLO_HC_OPEN, 0, 0, 0);
    if (status == CLOISTER_OK)
        memcpy(opened, payload, sizeof *opened);
    return status;
}

static cloister_status attach(cloister_peer *peer)
{
    const struct clo_boot *boot = sdk_boot();
    const struct ring_peer transport = {
        .doorbell = ring_doorbell,
        .sleep = sleep_a_while,
        .connected = is_connected,
        .context = peer,
    };
    uint64_t ticks = boot->tsc_khz / 1000;
    cloister_status status =
        ring_attach(&peer->ring, sdk_window() + peer->opened.offset, peer->opened.size,
                    peer->opened.arena_size, &transport, ticks ? ticks : 1);
    peer->ring.spin_us = boot->spin_us < SPIN_MAX_US ? boot->spin_us : SPIN_MAX_US;
    return status;
}

cloister_status cloister_open_module(const char *module, size_t arena_size, cloister_peer **peer)
{
    if (arena_size > CLO_ARENA_MAX)
        return CLOISTER_TOO_BIG;
    cloister_peer *fresh = take_peer();
    if (!fresh)
        return CLOISTER_NO_MEMORY;
    uint32_t arena = arena_size ? (uint32_t)arena_size : ARENA_DEFAULT;
    cloister_status status = ask(module, arena, &fresh->opened);
    if (status != CLOISTER_OK) {
        give_peer(fresh);
        return status;
    }
    status = attach(fresh);
    if (status == CLOISTER_OK)
        status = call_plain(fresh, CLO_METHOD_OPEN, deadline_or_default(0)).status;
    if (status != CLOISTER_OK) {
        (void)sdk_hypercall(CLO_HC_CLOSE, fresh->opened.slot, 0, 0);
        give_peer(fresh);
        return status;
    }
    *peer = fresh;
    return CLOISTER_OK;
}

void cloister_close_module(cloister_peer *peer)
{
    if (!peer)
        return;
    /* A module that does not answer in time learns of it from the world host. */
    (void)call_plain(peer, CLO_METHOD_CLOSE, CLOSE_TIMEOUT_US);
    (void)sdk_hypercall(CLO_HC_CLOSE, peer->opened.slot, 0, 0);
    give_peer(peer);
}

const struct clo_module_identity *cloister_peer_identity(const cloister_peer *peer)
{
    return &peer->opened.identity;
}

cloister_status cloister_caller_identity(const cloister_call *call,
                                         struct clo_module_identity *identity)
{
    if (call->caller->kind != CLO_CALLER_MODULE)
        return CLOISTER_BAD_STATE;
    cloister_status status = sdk_hypercall(CLO_HC_IDENTITY, call->caller->id, 0, 0);
    if (status == CLOISTER_OK)
        memcpy(identity, sdk_mailbox()->payload, sizeof *identity);
    return status;
}

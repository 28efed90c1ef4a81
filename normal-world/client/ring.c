/*
 * Submission, completion and waiting on a channel whose other side is hostile. Every word is read
 * once; positions are private; a completion that no submission asked for ends the ring for good.
 */
#include "normal-world/client/ring.h"

#include "base/bytes.h"
#include "normal-world/client/shared_word.h"
#include "normal-world/client/ticks.h"

/* Polls between two looks at the state and the counter. */
#define POLLS_A_ROUND 32u
/* A sleeper looks this often whether the world is still there: a killed one wakes nobody. */
#define LIVENESS_US 100000u
/* Longer deadlines are as good as none, and would overflow the counter. */
#define DEADLINE_MAX_US (1ull << 40)

static const cloister_result fine = {CLOISTER_OK, CLOISTER_ORIGIN_NONE};

static cloister_result result_of(cloister_status status, int origin)
{
    return (cloister_result){.status = status, .origin = origin};
}

static bool header_is_sound(const struct clo_channel_header *header, size_t size,
                            uint32_t arena_size)
{
    return header->magic == CLO_CHANNEL_MAGIC && header->ring_size == CLO_RING_SIZE &&
           header->arena_offset == CLO_ARENA_OFFSET && header->arena_size == arena_size &&
           arena_size <= CLO_ARENA_MAX && size >= CLO_ARENA_OFFSET + (size_t)arena_size &&
           header->reserved0 == 0 && bytes_are_zero(header->pad0, sizeof header->pad0);
}

cloister_status ring_attach(struct ring *ring, void *memory, size_t size, uint32_t arena_size,
                            const struct ring_peer *peer, uint64_t ticks_per_us)
{
    uint8_t *bytes = memory;
    struct clo_channel_header copy;
    if (size < CLO_ARENA_OFFSET)
        return CLOISTER_PROTOCOL;
    shared_copy(&copy, bytes, sizeof copy);
    if (!header_is_sound(&copy, size, arena_size))
        return CLOISTER_PROTOCOL;
    if (copy.abi_major != CLO_ABI_MAJOR)
        return CLOISTER_UNSUPPORTED;
    *ring = (struct ring){
        .header = memory,
        .submissions = (struct clo_submission *)(void *)(bytes + CLO_SUBMISSIONS_OFFSET),
        .completions = (struct clo_completion *)(void *)(bytes + CLO_COMPLETIONS_OFFSET),
        .arena = bytes + CLO_ARENA_OFFSET,
        .peer = *peer,
        .ticks_per_us = ticks_per_us,
        .ended = fine,
        .in_flight.arena_size = arena_size,
    };
    return CLOISTER_OK;
}

struct ring_deadline ring_deadline_in(const struct ring *ring, uint64_t us)
{
    if (us == 0 || us > DEADLINE_MAX_US)
        return (struct ring_deadline){0};
    return (struct ring_deadline){.ticks = ticks_now() + us * ring->ticks_per_us};
}

static struct clo_completion *next_completion(const struct ring *ring)
{
    return &ring->completions[ring->completed % CLO_RING_SIZE];
}

static bool arrived(const struct ring *ring)
{
    return shared_read(&next_completion(ring)->turn) == ring->completed + 1;
}

static void end_ring(struct ring *ring, cloister_status status, int origin)
{
    if (ring->ended.status == CLOISTER_OK)
        ring->ended = result_of(status, origin);
}

static bool live(const struct ring *ring)
{
    return shared_peek(&ring->header->state) == CLO_CHANNEL_LIVE;
}

/* The channel's state says that it has ended: notes it. */
static void note_state(struct ring *ring)
{
    switch (shared_read(&ring->header->state)) {
    case CLO_CHANNEL_LIVE:
        return;
    case CLO_CHANNEL_DEAD:
        end_ring(ring, CLOISTER_DEAD, CLOISTER_ORIGIN_WORLD);
        return;
    case CLO_CHANNEL_CLOSED:
        end_ring(ring, CLOISTER_CLOSED, CLOISTER_ORIGIN_WORLD);
        return;
    case CLO_CHANNEL_BROKEN:
        end_ring(ring, CLOISTER_PROTOCOL, CLOISTER_ORIGIN_MODULE);
        return;
    default:
        end_ring(ring, CLOISTER_PROTOCOL, CLOISTER_ORIGIN_TRANSPORT);
    }
}

/* Does the completion, copied into its call, answer it? The first look at the entry chose the call;
   only the copy counts. */
static bool completion_is_sound(const struct in_flight_call *call)
{
    const struct clo_completion *copy = &call->completion;
    return call->turn == copy->submission && copy->reserved == 0 &&
           copy->inline_out <= call->inline_capacity && copy->origin <= CLOISTER_ORIGIN_MODULE;
}

static void discard(struct ring *ring, struct in_flight_call *call)
{
    bytes_wipe(ring->arena + call->arena_offset, call->arena_size);
    in_flight_release(&ring->in_flight, call);
}

/* Takes the next completion, which has arrived. */
static void take_completion(struct ring *ring)
{
    const struct clo_completion *entry = next_completion(ring);
    struct in_flight_call *call = in_flight_slot(&ring->in_flight, shared_peek(&entry->submission));
    ring->completed++;
    if (call->state != IN_FLIGHT_WAITING && call->state != IN_FLIGHT_ABANDONED) {
        (void)ring_break(ring);
        return;
    }
    shared_copy(&call->completion, entry,
                call->wide ? sizeof *entry : offsetof(struct clo_completion, parameter));
    if (!completion_is_sound(call))
        (void)ring_break(ring);
    else if (call->state == IN_FLIGHT_ABANDONED)
        discard(ring, call);
    else
        call->state = IN_FLIGHT_DONE;
}

/* Polls until something happens or the spin budget or the deadline ends. */
static void spin(const struct ring *ring, struct ring_deadline deadline)
{
    uint64_t until = 0;
    while (ring->spin_us > 0) {
        for (unsigned i = 0; i < POLLS_A_ROUND; i++) {
            if (arrived(ring))
                return;
            _mm_pause();
        }
        uint64_t now = ticks_now();
        if (until == 0) {
            until = now + ring->spin_us * ring->ticks_per_us;
            if (deadline.ticks && deadline.ticks < until)
                until = deadline.ticks;
        }
        if (now >= until || !live(ring))
            return;
    }
}

/* Sleeps until woken, at most `timeout_us`. The wake word is read before the last look at the ring,
   so that a wake between the two is not lost. */
static void park(struct ring *ring, uint64_t timeout_us)
{
    struct clo_channel_header *header = ring->header;
    uint32_t wake = shared_read(&header->client_wake);
    shared_publish(&header->client_parked, 1);
    if (!arrived(ring) && live(ring))
        ring->peer.sleep(ring->peer.context, &header->client_wake, wake, timeout_us);
    shared_set(&header->client_parked, 0);
}

/* How long a sleep may be; 0: the deadline has passed. */
static uint64_t sleep_us(const struct ring *ring, struct ring_deadline deadline)
{
    if (deadline.ticks == 0)
        return LIVENESS_US;
    uint64_t now = ticks_now();
    if (now >= deadline.ticks)
        return 0;
    uint64_t us = (deadline.ticks - now) / ring->ticks_per_us + 1;
    return us < LIVENESS_US ? us : LIVENESS_US;
}

/* Nothing has arrived for the spin budget. */
static cloister_result sleep_once(struct ring *ring, struct ring_deadline deadline)
{
    note_state(ring);
    if (ring->ended.status != CLOISTER_OK)
        return ring->ended;
    uint64_t timeout_us = sleep_us(ring, deadline);
    if (timeout_us == 0)
        return result_of(CLOISTER_TIMEOUT, CLOISTER_ORIGIN_CLIENT);
    park(ring, timeout_us);
    if (!arrived(ring) && live(ring) && !ring->peer.connected(ring->peer.context))
        end_ring(ring, CLOISTER_DEAD, CLOISTER_ORIGIN_TRANSPORT);
    return fine;
}

/* Waits until a completion, of whichever call, has been taken. What arrived before the end of the
   channel still counts. */
static cloister_result take_next(struct ring *ring, struct ring_deadline deadline)
{
    if (ring->ended.status != CLOISTER_OK)
        return ring->ended;
    spin(ring, deadline);
    while (!arrived(ring)) {
        cloister_result result = sleep_once(ring, deadline);
        if (result.status != CLOISTER_OK && !arrived(ring))
            return result;
    }
    take_completion(ring);
    return ring->ended;
}

cloister_result ring_begin(struct ring *ring, uint32_t arena_size, struct ring_deadline deadline,
                           struct ring_call *call)
{
    if (arena_size > ring->in_flight.arena_size)
        return result_of(CLOISTER_TOO_BIG, CLOISTER_ORIGIN_CLIENT);
    note_state(ring);
    if (ring->ended.status != CLOISTER_OK)
        return ring->ended;
    uint32_t turn = ring->submitted + 1;
    struct in_flight_call *slot = in_flight_reserve(&ring->in_flight, turn, arena_size);
    while (!slot) {
        cloister_result result = take_next(ring, deadline);
        if (result.status != CLOISTER_OK)
            return result;
        slot = in_flight_reserve(&ring->in_flight, turn, arena_size);
    }
    call->slot = slot;
    call->entry = &ring->submissions[ring->submitted % CLO_RING_SIZE];
    call->arena = ring->arena + slot->arena_offset;
    return fine;
}

void ring_submit(struct ring *ring, struct ring_call *call, bool wide, uint8_t inline_capacity)
{
    call->slot->wide = wide;
    call->slot->inline_capacity = inline_capacity;
    ring->submitted++;
    shared_publish(&call->entry->turn, ring->submitted);
    if (shared_read(&ring->header->module_parked) != 1)
        return;
    shared_set(&ring->header->module_parked, 0);
    ring->peer.doorbell(ring->peer.context);
}

cloister_result ring_wait(struct ring *ring, struct ring_call *call, struct ring_deadline deadline)
{
    while (call->slot->state != IN_FLIGHT_DONE) {
        cloister_result result = take_next(ring, deadline);
        if (result.status == CLOISTER_OK)
            continue;
        if (call->slot->state == IN_FLIGHT_DONE)
            break;
        call->slot->state = IN_FLIGHT_ABANDONED;
        return result;
    }
    return fine;
}

cloister_result ring_break(struct ring *ring)
{
    end_ring(ring, CLOISTER_PROTOCOL, CLOISTER_ORIGIN_TRANSPORT);
    return ring->ended;
}

void ring_end(struct ring *ring, struct ring_call *call)
{
    in_flight_release(&ring->in_flight, call->slot);
}

/*
 * Submission, completion and waiting on a channel whose other side is hostile. Every word is read
 * once; positions are private; a completion that no submission asked for ends the ring for good.
 */
#include "normal-world/client/ring_parts.h"

#include "base/bytes.h"
#include "normal-world/client/back_off.h"
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
        .peer = *peer,
        .ticks_per_us = ticks_per_us,
        .ended = fine,
        .in_flight.arena = {.bytes = bytes + CLO_ARENA_OFFSET, .size = arena_size},
    };
    return CLOISTER_OK;
}

struct ring_deadline ring_deadline_in(const struct ring *ring, uint64_t us)
{
    if (us == 0 || us > DEADLINE_MAX_US)
        return (struct ring_deadline){0};
    return (struct ring_deadline){.ticks = ticks_now() + us * ring->ticks_per_us};
}

uint64_t ring_us_left(const struct ring *ring, struct ring_deadline deadline, uint64_t most)
{
    if (deadline.ticks == 0)
        return most;
    uint64_t now = ticks_now();
    if (now >= deadline.ticks)
        return 0;
    uint64_t us = (deadline.ticks - now) / ring->ticks_per_us + 1;
    return us < most ? us : most;
}

cloister_result ring_fail(struct ring *ring, cloister_result why)
{
    if (ring->ended.status == CLOISTER_OK)
        ring->ended = why;
    return ring->ended;
}

cloister_result ring_break(struct ring *ring)
{
    return ring_fail(ring, result_of(CLOISTER_PROTOCOL, CLOISTER_ORIGIN_TRANSPORT));
}

static bool live(const struct ring *ring)
{
    return shared_peek(&ring->header->state) == CLO_CHANNEL_LIVE;
}

/* What the channel's state says; OK: it lives. */
static cloister_result state_of(const struct ring *ring)
{
    switch (shared_read(&ring->header->state)) {
    case CLO_CHANNEL_LIVE:
        return fine;
    case CLO_CHANNEL_DEAD:
        return result_of(CLOISTER_DEAD, CLOISTER_ORIGIN_WORLD);
    case CLO_CHANNEL_CLOSED:
        return result_of(CLOISTER_CLOSED, CLOISTER_ORIGIN_WORLD);
    case CLO_CHANNEL_BROKEN:
        return result_of(CLOISTER_PROTOCOL, CLOISTER_ORIGIN_MODULE);
    default:
        return result_of(CLOISTER_PROTOCOL, CLOISTER_ORIGIN_TRANSPORT);
    }
}

/* Completions */

static uint32_t *cancel_word(const struct ring *ring, const struct in_flight_call *call)
{
    return &ring->header->cancel[in_flight_entry(call->number)];
}

static void finish(struct ring *ring, struct in_flight_call *call)
{
    ring->in_flight.entries &= ~(1ull << in_flight_entry(call->number));
    /* A turn comes again some day. */
    if (call->cancelled)
        shared_set(cancel_word(ring, call), 0);
    if (call->state == IN_FLIGHT_WAITING) {
        call->state = IN_FLIGHT_DONE;
        return;
    }
    if (call->arena_size > 0)
        shared_wipe(ring->in_flight.arena.bytes + call->arena_offset, call->arena_size);
    in_flight_release(&ring->in_flight, call);
}

/* Takes the next completion, which has arrived. */
static void take_completion(struct ring *ring)
{
    const struct clo_completion *from = ring_next_completion(ring);
    unsigned entry = in_flight_entry(shared_peek(&from->submission));
    struct in_flight_call *call = in_flight_at(&ring->in_flight, entry);
    ring->completed++;
    if (!(ring->in_flight.entries >> entry & 1)) {
        (void)ring_break(ring);
        return;
    }
    shared_copy(&call->completion, from,
                call->wide ? sizeof *from : offsetof(struct clo_completion, parameter));
    /* The first look at the entry chose the call; only the copy counts. */
    if (ring_answers(&call->completion, (uint32_t)call->number, call->inline_capacity))
        finish(ring, call);
    else
        (void)ring_break(ring);
}

static inline void look_ahead(const struct ring *ring)
{
    __builtin_prefetch(&ring->completions[(ring->completed + SHARED_AHEAD) % CLO_RING_SIZE]);
}

void ring_take(struct ring *ring)
{
    while (ring->ended.status == CLOISTER_OK && ring_arrived(ring)) {
        look_ahead(ring);
        take_completion(ring);
    }
}

/* Waiting */

/* Polls until something happens or the spin budget or the deadline ends. */
static void spin(const struct ring *ring, struct ring_deadline deadline)
{
    uint32_t spin_us = shared_peek(&ring->spin_us);
    const bool pauses = !ring->peer.no_pause;
    uint64_t until = 0;
    while (spin_us > 0) {
        for (unsigned i = 0; i < POLLS_A_ROUND; i++) {
            if (ring_arrived(ring))
                return;
            if (ring->wide)
                shared_expect_read(ring_next_completion(ring)->parameter);
            if (pauses)
                __builtin_ia32_pause();
        }
        uint64_t now = ticks_now();
        if (until == 0) {
            until = now + spin_us * ring->ticks_per_us;
            if (deadline.ticks && deadline.ticks < until)
                until = deadline.ticks;
        }
        if (now >= until || !live(ring))
            return;
    }
}

/* Sleeps until woken, at most `timeout_us`. The wake word is read before the last look at the ring,
   so that a wake between the two is not lost. A module that sees client_parked leaves its vCPU to
   have us woken: not for a client that cannot be. */
static void park(const struct ring *ring, uint64_t timeout_us)
{
    struct clo_channel_header *header = ring->header;
    uint32_t wake = shared_read(&header->client_wake);
    if (ring->peer.polls) {
        ring->peer.sleep(ring->peer.context, &header->client_wake, wake, timeout_us);
        return;
    }
    shared_publish(&header->client_parked, 1);
    if (!ring_arrived(ring) && live(ring))
        ring->peer.sleep(ring->peer.context, &header->client_wake, wake, timeout_us);
    shared_set(&header->client_parked, 0);
}

/* Nothing has arrived for the spin budget and `sleeps` sleeps. */
static cloister_result sleep_once(const struct ring *ring, struct ring_deadline deadline,
                                  unsigned sleeps)
{
    cloister_result state = state_of(ring);
    if (state.status != CLOISTER_OK)
        return state;
    uint64_t most_us = ring->peer.polls ? back_off_us(sleeps) : LIVENESS_US;
    uint64_t timeout_us = ring_us_left(ring, deadline, most_us);
    if (timeout_us == 0)
        return result_of(CLOISTER_TIMEOUT, CLOISTER_ORIGIN_CLIENT);
    park(ring, timeout_us);
    if (!ring_arrived(ring) && live(ring) && !ring->peer.connected(ring->peer.context))
        return result_of(CLOISTER_DEAD, CLOISTER_ORIGIN_TRANSPORT);
    return fine;
}

/* What arrived before the end of the channel still counts. */
cloister_result ring_arrival(const struct ring *ring, struct ring_deadline deadline)
{
    spin(ring, deadline);
    for (unsigned sleeps = 0; !ring_arrived(ring); sleeps++) {
        cloister_result result = sleep_once(ring, deadline, sleeps);
        if (result.status != CLOISTER_OK && !ring_arrived(ring))
            return result;
    }
    return fine;
}

bool ring_poll_reply(struct ring *ring, struct in_flight_call *call, struct ring_deadline deadline,
                     struct clo_completion *reply)
{
    if (ring->ended.status != CLOISTER_OK || call->state != IN_FLIGHT_WAITING || call->wide ||
        call->cancelled)
        return false;
    if (ring_arrival(ring, deadline).status != CLOISTER_OK)
        return false;
    look_ahead(ring);
    shared_copy(reply, ring_next_completion(ring), offsetof(struct clo_completion, parameter));
    if (!ring_answers(reply, (uint32_t)call->number, call->inline_capacity))
        return false;
    ring->completed++;
    ring->in_flight.entries &= ~(1ull << in_flight_entry(call->number));
    in_flight_release(&ring->in_flight, call);
    return true;
}

void ring_look(struct ring *ring)
{
    cloister_result state = state_of(ring);
    uint64_t now = ticks_now();
    if (state.status == CLOISTER_OK && now - ring->looked > LIVENESS_US * ring->ticks_per_us) {
        ring->looked = now;
        if (!ring->peer.connected(ring->peer.context))
            state = result_of(CLOISTER_DEAD, CLOISTER_ORIGIN_TRANSPORT);
    }
    if (state.status != CLOISTER_OK && !ring_arrived(ring))
        (void)ring_fail(ring, state);
}

/* Waits until a completion, of whichever call, has been taken. */
static cloister_result take_next(struct ring *ring, struct ring_deadline deadline)
{
    if (ring->ended.status != CLOISTER_OK)
        return ring->ended;
    cloister_result result = ring_arrival(ring, deadline);
    if (result.status == CLOISTER_TIMEOUT)
        return result;
    if (result.status != CLOISTER_OK)
        return ring_fail(ring, result);
    take_completion(ring);
    return ring->ended;
}

/* Submissions */

cloister_result ring_try(struct ring *ring, uint32_t arena_size, struct ring_call *call)
{
    struct in_flight *table = &ring->in_flight;
    if (arena_size > table->arena.size)
        return result_of(CLOISTER_TOO_BIG, CLOISTER_ORIGIN_CLIENT);
    if (ring->ended.status == CLOISTER_OK && !live(ring))
        (void)ring_fail(ring, state_of(ring));
    if (ring->ended.status != CLOISTER_OK)
        return ring->ended;
    uint64_t number = ring->submitted + 1;
    struct in_flight_call *slot = in_flight_reserve(table, number, arena_size);
    if (!slot)
        return result_of(CLOISTER_BUSY, CLOISTER_ORIGIN_CLIENT);
    call->slot = slot;
    call->entry = &ring->submissions[in_flight_entry(number)];
    call->arena = table->arena.bytes + slot->arena_offset;
    return fine;
}

cloister_result ring_begin(struct ring *ring, uint32_t arena_size, struct ring_deadline deadline,
                           struct ring_call *call)
{
    cloister_result result = ring_try(ring, arena_size, call);
    while (result.status == CLOISTER_BUSY && ring->in_flight.entries != 0) {
        ring_wake(ring);
        cloister_result taken = take_next(ring, deadline);
        if (taken.status != CLOISTER_OK)
            return taken;
        result = ring_try(ring, arena_size, call);
    }
    return result;
}

void ring_publish(struct ring *ring, struct ring_call *call, bool wide, uint8_t inline_capacity)
{
    call->slot->wide = wide;
    call->slot->inline_capacity = inline_capacity;
    ring->submitted++;
    ring->unrung = true;
    shared_release(&call->entry->turn, (uint32_t)ring->submitted);
    shared_expect_write(&ring->submissions[(ring->submitted + SHARED_AHEAD) % CLO_RING_SIZE]);
}

void ring_wake(struct ring *ring)
{
    if (!ring->unrung)
        return;
    shared_fence();
    ring_if_parked(ring);
}

void ring_submit(struct ring *ring, struct ring_call *call, bool wide, uint8_t inline_capacity)
{
    call->slot->wide = wide;
    call->slot->inline_capacity = inline_capacity;
    ring->submitted++;
    shared_publish(&call->entry->turn, (uint32_t)ring->submitted);
    ring_if_parked(ring);
}

cloister_result ring_wait(struct ring *ring, struct ring_call *call, struct ring_deadline deadline)
{
    while (call->slot->state != IN_FLIGHT_DONE) {
        cloister_result result = take_next(ring, deadline);
        if (result.status == CLOISTER_OK)
            continue;
        if (call->slot->state == IN_FLIGHT_DONE)
            break;
        ring_abandon(ring, call->slot);
        return result;
    }
    return fine;
}

void ring_cancel(struct ring *ring, struct in_flight_call *call)
{
    call->cancelled = true;
    shared_set(cancel_word(ring, call), (uint32_t)call->number);
}

void ring_abandon(struct ring *ring, struct in_flight_call *call)
{
    ring_cancel(ring, call);
    call->state = IN_FLIGHT_ABANDONED;
}

void ring_end(struct ring *ring, struct in_flight_call *call)
{
    in_flight_release(&ring->in_flight, call);
}

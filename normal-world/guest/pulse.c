/*
 * Adds up the time between looks that saw the same beat. A guest may be paused, and its host with
 * the world too: its clock then jumps though the world has had no time to beat. So one look adds
 * the time of one beat at most, and it takes several, each in the guest's own time, to find a world
 * dead.
 */
#include "normal-world/guest/pulse.h"

static uint64_t first_seen(uint32_t beat)
{
    return (uint64_t)beat << 32;
}

void pulse_start(struct pulse *pulse, uint32_t beat, uint64_t now_ms)
{
    atomic_init(&pulse->seen, first_seen(beat));
    atomic_init(&pulse->looked_ms, now_ms);
}

/* The time since the last look; of threads that look at once, one gets it. */
static uint32_t take_time(struct pulse *pulse, uint64_t now_ms)
{
    uint64_t looked_ms = atomic_load_explicit(&pulse->looked_ms, memory_order_relaxed);
    if (now_ms <= looked_ms ||
        !atomic_compare_exchange_strong_explicit(&pulse->looked_ms, &looked_ms, now_ms,
                                                 memory_order_relaxed, memory_order_relaxed))
        return 0;
    uint64_t passed = now_ms - looked_ms;
    return passed < CLO_GUEST_BEAT_MS ? (uint32_t)passed : CLO_GUEST_BEAT_MS;
}

bool pulse_felt(struct pulse *pulse, uint32_t beat, uint64_t now_ms)
{
    uint32_t passed = take_time(pulse, now_ms);
    uint64_t seen = atomic_load_explicit(&pulse->seen, memory_order_relaxed);
    if (beat != (uint32_t)(seen >> 32)) {
        atomic_store_explicit(&pulse->seen, first_seen(beat), memory_order_relaxed);
        return true;
    }
    if ((uint32_t)seen >= CLO_GUEST_DEAD_MS)
        return false;
    seen = atomic_fetch_add_explicit(&pulse->seen, passed, memory_order_relaxed);
    return (uint32_t)seen + passed < CLO_GUEST_DEAD_MS;
}

/*
 * Clocks from the time-stamp counter. The host's clocks are asked for once; after that a clock
 * costs one RDTSC. A module that may not ask (TIME is not in its manifest) has a monotonic clock
 * and no real one.
 */
#include "personality.h"

#include <linux/errno.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <stdatomic.h>

#define NS_A_SECOND 1000000000u
#define CLOCKS 8u         /* Linux numbers 0 … 7: REALTIME … BOOTTIME */
#define SHORT_SLEEP 50000 /* ns: less than an exit and back costs about as much */
#define TIMER_ABSOLUTE 1u

/* Moments that belong together, filled once. */
static struct {
    uint64_t tsc;
    uint64_t real;
    uint64_t monotonic;
    uint64_t ns_scale; /* ns a tick, times 2^32 */
    bool has_real;
} anchor;
static _Atomic bool anchored;
static atomic_flag anchoring;

static uint64_t ticks(void)
{
    return __builtin_ia32_rdtsc();
}

static void take_anchor(void)
{
    struct clo_mailbox *mailbox = personality_mailbox();
    uint64_t khz = personality_boot()->tsc_khz;
    anchor.ns_scale = khz ? (1000000ull << 32) / khz : 0;
    if (personality_hypercall(CLO_HC_TIME, 0, 0, 0) != 0)
        return;
    anchor.tsc = ticks();
    anchor.real = mailbox->result[0];
    anchor.monotonic = mailbox->result[1];
    anchor.has_real = true;
}

static void need_anchor(void)
{
    if (atomic_load_explicit(&anchored, memory_order_acquire))
        return;
    while (atomic_flag_test_and_set_explicit(&anchoring, memory_order_acquire))
        __builtin_ia32_pause();
    if (!atomic_load_explicit(&anchored, memory_order_relaxed))
        take_anchor();
    atomic_store_explicit(&anchored, true, memory_order_release);
    atomic_flag_clear_explicit(&anchoring, memory_order_release);
}

static uint64_t since_anchor(void)
{
    uint64_t now = ticks();
    uint64_t passed = now > anchor.tsc ? now - anchor.tsc : 0;
    return (uint64_t)((unsigned __int128)passed * anchor.ns_scale >> 32);
}

uint64_t personality_monotonic(void)
{
    need_anchor();
    return anchor.monotonic + since_anchor();
}

bool personality_clock(uint64_t clock, uint64_t *ns)
{
    need_anchor();
    bool real = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    if (clock >= CLOCKS || (real && !anchor.has_real))
        return false;
    *ns = (real ? anchor.real : anchor.monotonic) + since_anchor();
    return true;
}

static void put_timespec(uint64_t address, uint64_t ns)
{
    struct __kernel_timespec *out = personality_pointer(address);
    out->tv_sec = (int64_t)(ns / NS_A_SECOND);
    out->tv_nsec = (int64_t)(ns % NS_A_SECOND);
}

int64_t time_clock_gettime(const uint64_t argument[6])
{
    uint64_t ns;
    if (!personality_clock((uint32_t)argument[0], &ns))
        return -EINVAL;
    put_timespec(argument[1], ns);
    return 0;
}

int64_t time_clock_getres(const uint64_t argument[6])
{
    if ((uint32_t)argument[0] >= CLOCKS)
        return -EINVAL;
    if (argument[1] != 0)
        put_timespec(argument[1], 1);
    return 0;
}

int64_t time_gettimeofday(const uint64_t argument[6])
{
    int64_t *out = personality_pointer(argument[0]);
    uint64_t ns;
    if (!personality_clock(CLOCK_REALTIME, &ns))
        return -EINVAL;
    if (out) {
        out[0] = (int64_t)(ns / NS_A_SECOND);
        out[1] = (int64_t)(ns % NS_A_SECOND / 1000);
    }
    return 0;
}

int64_t time_time(const uint64_t argument[6])
{
    int64_t *out = personality_pointer(argument[0]);
    uint64_t ns;
    if (!personality_clock(CLOCK_REALTIME, &ns))
        return -EINVAL;
    int64_t seconds = (int64_t)(ns / NS_A_SECOND);
    if (out)
        *out = seconds;
    return seconds;
}

/* WAIT may return early for a doorbell; the channels are looked at again before the next one. */
void personality_park_until(uint64_t monotonic)
{
    uint64_t now = personality_monotonic();
    uint64_t left = monotonic > now ? monotonic - now : 0;
    if (left < SHORT_SLEEP || personality_hypercall(CLO_HC_WAIT, left / 1000, 0, 0) != 0)
        __builtin_ia32_pause();
}

void personality_sleep_until(uint64_t monotonic)
{
    while (personality_monotonic() < monotonic)
        personality_park_until(monotonic);
}

bool personality_timespec(uint64_t address, uint64_t *ns)
{
    const struct __kernel_timespec *in = personality_pointer(address);
    int64_t seconds = in->tv_sec;
    int64_t rest = (int64_t)in->tv_nsec;
    if (seconds < 0 || rest < 0 || rest >= (int64_t)NS_A_SECOND)
        return false;
    if (__builtin_mul_overflow((uint64_t)seconds, NS_A_SECOND, ns) ||
        __builtin_add_overflow(*ns, (uint64_t)rest, ns))
        *ns = UINT64_MAX;
    return true;
}

static int64_t sleep_for(uint64_t ns)
{
    uint64_t end;
    if (__builtin_add_overflow(personality_monotonic(), ns, &end))
        end = UINT64_MAX;
    personality_sleep_until(end);
    return 0;
}

int64_t time_nanosleep(const uint64_t argument[6])
{
    uint64_t ns;
    if (!personality_timespec(argument[0], &ns))
        return -EINVAL;
    return sleep_for(ns);
}

int64_t time_clock_nanosleep(const uint64_t argument[6])
{
    uint64_t ns;
    uint64_t now;
    if (!personality_timespec(argument[2], &ns) || !personality_clock((uint32_t)argument[0], &now))
        return -EINVAL;
    if (argument[1] & TIMER_ABSOLUTE)
        ns = ns > now ? ns - now : 0;
    return sleep_for(ns);
}

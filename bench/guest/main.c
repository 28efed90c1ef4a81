/*
 * cloister-bench-guest: what `cloister bench` measures in a guest. Static; runs there alone, beside
 * a world that has an `echo`. For each line "round" of standard input it writes what a call of the
 * native ring between two threads took, and then a call of echo through the mailbox:
 *
 *   ready
 *   round NATIVE OURS      picoseconds
 *   failed WHY             and ends
 */
#include "bench/clock.h"
#include "bench/native_ring.h"
#include "bench/pin.h"
#include "bench/timed_calls.h"
#include "cloister/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARK_US 2000u /* after which the world's module sleeps */
#define SPIN_US 100000u

struct sides {
    cloister_world *world;
    cloister_session *session;
    struct native_ring native;
    int caller_cpu, server_cpu;
    double ps_per_tick;
    uint8_t in[CLO_INLINE_SIZE], out[CLO_INLINE_SIZE];
};

_Noreturn static void fail(const char *what, const char *why)
{
    (void)printf("failed %s: %s\n", what, why);
    exit(1);
}

static bool native_call(void *context)
{
    struct sides *sides = context;
    native_ring_call(&sides->native, sides->in, sides->out);
    return true;
}

static bool our_call(void *context)
{
    struct sides *sides = context;
    cloister_parameter p[4] = {cloister_in(sides->in, sizeof sides->in),
                               cloister_out(sides->out, sizeof sides->out)};
    return cloister_call_number(sides->session, 0, p, 0).status == CLOISTER_OK;
}

/* Both in fresh memory each time, as everywhere. */

static double measure_native(struct sides *sides)
{
    struct reason why = {0};
    if (native_ring_create(&sides->native, sides->server_cpu, false, &why) != CLOISTER_OK)
        fail("a ring", why.text);
    clock_sleep_us(PARK_US);
    native_ring_serve(&sides->native, TIMED_CALLS);
    double ticks = timed_calls(native_call, sides);
    native_ring_destroy(&sides->native);
    return ticks;
}

static double measure_ours(struct sides *sides)
{
    cloister_status status = cloister_session_open(sides->world, "echo", 0, &sides->session);
    if (status != CLOISTER_OK)
        fail("a session", cloister_status_text(status));
    cloister_session_set_spin(sides->session, SPIN_US);
    double ticks = timed_calls(our_call, sides);
    cloister_session_close(sides->session);
    if (ticks <= 0)
        fail("a call", "echo did not reply with OK");
    return ticks;
}

static void measure_round(struct sides *sides)
{
    double native = measure_native(sides);
    double ours = measure_ours(sides);
    (void)printf("round %.0f %.0f\n", native * sides->ps_per_tick, ours * sides->ps_per_tick);
}

static void start(struct sides *sides)
{
    struct reason why = {0};
    memset(sides, 0, sizeof *sides);
    memset(sides->in, 'c', sizeof sides->in);
    if (pin_choose(&sides->caller_cpu, &sides->server_cpu, &why) != CLOISTER_OK ||
        pin_self(sides->caller_cpu, &why) != CLOISTER_OK)
        fail("processors", why.text);
    if (sides->caller_cpu == sides->server_cpu)
        fail("processors", "there is only one");
    cloister_status status = cloister_world_open("guest:", &sides->world);
    if (status != CLOISTER_OK)
        fail("the world", cloister_status_text(status));
    sides->ps_per_tick = clock_ns_per_tick() * 1000;
}

int main(void)
{
    static struct sides sides;
    char line[16];
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    start(&sides);
    (void)puts("ready");
    while (fgets(line, sizeof line, stdin) && strcmp(line, "round\n") == 0)
        measure_round(&sides);
    return 0;
}

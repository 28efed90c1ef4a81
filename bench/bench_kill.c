/*
 * How long a module that runs away goes on running: from the signal that is to end it until the
 * vCPU stands still and the channel says so; against the signal to the return of KVM_RUN of a raw
 * vCPU in the tightest loop. Each vCPU has a thread, both on the same processor; only one runs at a
 * time. The world host sends itself that signal by a timer when max_call_us has passed; waiting for
 * that moment is no part of this, and neither is the wiping that follows.
 */
#include "bench/row.h"

#include "bench/clock.h"
#include "bench/pin.h"
#include "bench/raw_kvm.h"
#include "bench/small_world.h"
#include "bench/workplace.h"

#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>

#define ROUNDS 200u
#define RUN_AWAY 1u /* method of load */
#define UNDER_WAY_US 500u
#define AGAIN_NS 50000000u /* a signal that came before KVM_RUN is sent again */

static const struct row_head head = {
    .name = "kill",
    .ours = "signal until a module that loops in ring 3 stands still and its callers are told",
    .reference = "signal to the return of a raw KVM_RUN",
    .unit = "us",
    .aim = ROW_AT_MOST,
    .target = 1.2,
};

/* A vCPU that loops, and its thread. */
struct victim {
    struct small_world *world; /* or: */
    struct raw_vm *raw;
    pthread_t thread;
    int cpu;
    sem_t go;
    atomic_bool leave;
    _Atomic uint64_t stopped; /* ticks; 0: it runs */
    cloister_status status;
    struct reason why;
};

static __thread struct vcpu *to_kick;

static void on_signal(int signal)
{
    (void)signal;
    if (to_kick)
        vcpu_kick(to_kick);
}

static void tell_callers(const struct small_world *world)
{
    struct clo_channel_header *header = (struct clo_channel_header *)(void *)world->channel;
    atomic_store_explicit((_Atomic uint32_t *)&header->state, CLO_CHANNEL_DEAD,
                          memory_order_release);
}

static cloister_status loop(struct victim *victim)
{
    if (victim->raw)
        return raw_vm_enter_until_signal(victim->raw, &victim->why);
    cloister_status status = small_world_enter(victim->world, &victim->why);
    if (status != CLOISTER_OK)
        return status;
    if (victim->world->end.event != VCPU_KICKED)
        return refuse(&victim->why, CLOISTER_INTERNAL, "the module stopped by itself");
    tell_callers(victim->world);
    return CLOISTER_OK;
}

static void *live(void *argument)
{
    struct victim *victim = argument;
    struct reason why;
    if (pin_self(victim->cpu, &why) != CLOISTER_OK)
        return NULL; /* where it runs is a matter of precision only */
    to_kick = victim->world ? &victim->world->vcpu : NULL;
    for (;;) {
        while (sem_wait(&victim->go) != 0)
            ;
        if (victim->leave)
            return NULL;
        victim->status = loop(victim);
        atomic_store(&victim->stopped, clock_ticks());
    }
}

static cloister_status start(struct victim *victim, int cpu, struct reason *why)
{
    victim->cpu = cpu;
    (void)sem_init(&victim->go, 0, 0);
    if (pthread_create(&victim->thread, NULL, live, victim) != 0)
        return refuse(why, CLOISTER_NO_MEMORY, "cannot start a thread");
    return CLOISTER_OK;
}

static void stop(struct victim *victim)
{
    victim->leave = true;
    (void)sem_post(&victim->go);
    (void)pthread_join(victim->thread, NULL);
}

static cloister_status kill_once(struct victim *victim, double *ticks, struct reason *why)
{
    atomic_store(&victim->stopped, 0);
    (void)sem_post(&victim->go);
    clock_sleep_us(UNDER_WAY_US);
    uint64_t sent = clock_ticks();
    uint64_t again = clock_ns() + AGAIN_NS;
    (void)pthread_kill(victim->thread, SIGUSR1);
    while (atomic_load(&victim->stopped) == 0) {
        if (clock_ns() < again)
            continue;
        again = clock_ns() + AGAIN_NS;
        (void)pthread_kill(victim->thread, SIGUSR1);
    }
    *ticks = (double)(atomic_load(&victim->stopped) - sent);
    if (victim->status != CLOISTER_OK)
        return refuse(why, victim->status, "%s", victim->why.text);
    return CLOISTER_OK;
}

static cloister_status measure(const struct row_plan *plan, struct victim *ours, struct victim *raw,
                               struct row_samples *samples, struct reason *why)
{
    unsigned rounds = row_rounds(plan, ROUNDS);
    double our_ticks = 0;
    double raw_ticks = 0;
    cloister_status status = CLOISTER_OK;
    for (unsigned i = 0; i < rounds && status == CLOISTER_OK && !row_interrupted(); i++) {
        status = kill_once(raw, &raw_ticks, why);
        if (status == CLOISTER_OK)
            status = kill_once(ours, &our_ticks, why);
        if (status == CLOISTER_OK)
            row_add_ticks(plan, samples, our_ticks, raw_ticks, 1e-3);
    }
    return status;
}

/* To where the module is in its handler as soon as the vCPU is entered. */
static cloister_status prepare(struct small_world *world, struct raw_vm *raw, struct reason *why)
{
    char path[PATH_MAX];
    cloister_status status = workplace_built("bench/modules/load.mod", path, sizeof path, why);
    if (status == CLOISTER_OK)
        status = small_world_read(world, path, why);
    if (status == CLOISTER_OK)
        status = small_world_build(world, why);
    if (status == CLOISTER_OK)
        status = small_world_enter(world, why);
    if (status == CLOISTER_OK)
        small_world_submit(world, RUN_AWAY, false);
    if (status == CLOISTER_OK)
        status = raw_vm_create(raw, why);
    if (status == CLOISTER_OK)
        raw_vm_run_away(raw);
    return status;
}

static cloister_status with_threads(const struct row_plan *plan, struct small_world *world,
                                    struct raw_vm *vm, struct row_samples *samples,
                                    struct reason *why)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct victim ours = {.world = world};
    struct victim raw = {.raw = vm};
    (void)sigaction(SIGUSR1, &action, NULL);
    cloister_status status = start(&ours, plan->server_cpu, why);
    if (status != CLOISTER_OK)
        return status;
    status = start(&raw, plan->server_cpu, why);
    if (status == CLOISTER_OK) {
        status = measure(plan, &ours, &raw, samples, why);
        stop(&raw);
    }
    stop(&ours);
    return status;
}

cloister_status bench_kill(const struct row_plan *plan, struct row *rows, unsigned *count,
                           struct reason *why)
{
    static struct row_samples samples;
    struct small_world world = {.has_file = false};
    struct raw_vm raw = RAW_VM_NONE;
    if (plan->caller_cpu == plan->server_cpu)
        return refuse(why, CLOISTER_UNSUPPORTED, "two processors are needed");
    cloister_status status = pin_self(plan->caller_cpu, why);
    if (status == CLOISTER_OK)
        status = prepare(&world, &raw, why);
    if (status == CLOISTER_OK)
        status = with_threads(plan, &world, &raw, &samples, why);
    raw_vm_destroy(&raw);
    small_world_destroy(&world);
    row_finish(&rows[0], &head, &samples);
    *count = 1;
    return status;
}

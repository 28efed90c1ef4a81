/*
 * From a module's file to its first reply, against the least that runs code in ring 3. Ours: read
 * and check the file, make the machine, the sealed slots and the address space, the vCPU, a
 * channel, and a call. Both in this process, in turn; tearing down is not timed.
 *
 *   start              echo, its vCPU on a thread of its own, against VM, slot, vCPU, first exit
 *   cold_start         a module of 64 KiB, on this thread; the raw side reads the same file as well
 *   cold_start_signed  the same, and the module is measured and its author's signature checked
 */
#include "bench/row.h"

#include "base/scope.h"
#include "bench/clock.h"
#include "bench/pin.h"
#include "bench/raw_kvm.h"
#include "bench/signed_module.h"
#include "bench/small_world.h"
#include "bench/workplace.h"

#include <limits.h>
#include <pthread.h>
#include <x86intrin.h>

#define ROUNDS 60u
#define REPLY_MOST_NS 2000000000u

static const struct row_head start_head = {
    .name = "start",
    .ours = "echo.mod to its first reply: file, checks, sealed slots, vCPU, thread, channel, call",
    .reference = "raw VM, one slot, one vCPU in ring 3, to its first exit",
    .unit = "us",
    .aim = ROW_AT_MOST,
    .target = 2.0,
};

static const struct row_head cold_head = {
    .name = "cold_start",
    .ours = "a module of 64 KiB to its first reply, digest known: all but the thread",
    .reference = "raw VM, the same file read into its slot, one vCPU in ring 3, to its first exit",
    .unit = "us",
    .aim = ROW_AT_MOST,
    .target = 1.25,
};

static const struct row_head signed_head = {
    .name = "cold_start_signed",
    .ours = "the same, with SHA-384 over the module and its author's signature checked",
    .reference = "raw VM, the same file read into its slot, one vCPU in ring 3, to its first exit",
    .unit = "us",
    .aim = ROW_AT_MOST,
    .target = 1.5,
};

/* The thread of `start`. */
struct runner {
    struct small_world *world;
    cloister_status status;
    struct reason why;
};

static void *run(void *argument)
{
    struct runner *runner = argument;
    runner->status = small_world_enter(runner->world, &runner->why);
    return NULL;
}

static cloister_status launch(struct runner *runner, int cpu, pthread_t *thread, struct reason *why)
{
    cpu_set_t cpus;
    pthread_attr_t attributes;
    CPU_ZERO(&cpus);
    CPU_SET((size_t)cpu, &cpus);
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setaffinity_np(&attributes, sizeof cpus, &cpus);
    int failed = pthread_create(thread, &attributes, run, runner);
    (void)pthread_attr_destroy(&attributes);
    return failed ? refuse(why, CLOISTER_NO_MEMORY, "cannot start a thread") : CLOISTER_OK;
}

/* Polls, as a client does that expects the reply soon. */
static void wait_for_reply(const struct small_world *world)
{
    uint64_t start = clock_ns();
    while (!small_world_replied(world) && clock_ns() - start < REPLY_MOST_NS)
        _mm_pause();
}

static cloister_status first_call(struct small_world *world, int cpu, uint64_t *replied,
                                  struct reason *why)
{
    struct runner runner = {.world = world};
    pthread_t thread;
    cloister_status status = launch(&runner, cpu, &thread, why);
    if (status != CLOISTER_OK)
        return status;
    wait_for_reply(world);
    *replied = clock_ticks();
    (void)pthread_join(thread, NULL);
    if (runner.status != CLOISTER_OK)
        return refuse(why, runner.status, "%s", runner.why.text);
    return small_world_check_reply(world, why);
}

static cloister_status our_start(const char *path, int cpu, double *ticks, struct reason *why)
{
    struct small_world world;
    uint64_t replied = 0;
    uint64_t begin = clock_ticks();
    cloister_status status = small_world_read(&world, path, why);
    if (status == CLOISTER_OK)
        status = small_world_build(&world, why);
    if (status == CLOISTER_OK) {
        small_world_submit(&world, 0, true);
        status = first_call(&world, cpu, &replied, why);
    }
    *ticks = (double)(replied - begin);
    small_world_destroy(&world);
    return status;
}

/* `module`: NULL or what its signature is. */
static cloister_status our_cold_start(const char *path, const struct signed_module *module,
                                      double *ticks, struct reason *why)
{
    struct small_world world;
    uint64_t begin = clock_ticks();
    cloister_status status = small_world_read(&world, path, why);
    if (status == CLOISTER_OK && module)
        status = signed_module_check(module, &world.file, why);
    if (status == CLOISTER_OK)
        status = small_world_build(&world, why);
    if (status == CLOISTER_OK) {
        small_world_submit(&world, 0, true);
        status = small_world_enter(&world, why);
    }
    if (status == CLOISTER_OK)
        status = small_world_check_reply(&world, why);
    *ticks = (double)(clock_ticks() - begin);
    small_world_destroy(&world);
    return status;
}

/* `path`: NULL or a file that goes into the VM's memory. */
static cloister_status raw_start(const char *path, double *ticks, struct reason *why)
{
    struct raw_vm vm;
    uint64_t begin = clock_ticks();
    cloister_status status = raw_vm_create(&vm, why);
    if (status == CLOISTER_OK && path)
        status = raw_vm_populate(&vm, path, why);
    if (status == CLOISTER_OK)
        status = raw_vm_enter(&vm, why);
    *ticks = (double)(clock_ticks() - begin);
    raw_vm_destroy(&vm);
    return status;
}

static cloister_status measure_start(const struct row_plan *plan, struct row *row,
                                     struct reason *why)
{
    static struct row_samples samples;
    char path[PATH_MAX];
    unsigned rounds = row_rounds(plan, ROUNDS);
    double ours = 0;
    double raw = 0;
    cloister_status status = workplace_built("modules/echo.mod", path, sizeof path, why);
    for (unsigned i = 0; i < rounds && status == CLOISTER_OK && !row_interrupted(); i++) {
        status = raw_start(NULL, &raw, why);
        if (status == CLOISTER_OK)
            status = our_start(path, plan->server_cpu, &ours, why);
        if (status == CLOISTER_OK)
            row_add_ticks(plan, &samples, ours, raw, 1e-3);
    }
    row_finish(row, &start_head, &samples);
    return status;
}

static cloister_status cold_round(const struct row_plan *plan, const char *path,
                                  const struct signed_module *module, struct row_samples samples[2],
                                  struct reason *why)
{
    double raw = 0;
    double known = 0;
    double checked = 0;
    cloister_status status = raw_start(path, &raw, why);
    if (status == CLOISTER_OK)
        status = our_cold_start(path, NULL, &known, why);
    if (status == CLOISTER_OK)
        status = our_cold_start(path, module, &checked, why);
    if (status == CLOISTER_OK) {
        row_add_ticks(plan, &samples[0], known, raw, 1e-3);
        row_add_ticks(plan, &samples[1], checked, raw, 1e-3);
    }
    return status;
}

static cloister_status measure_cold(const struct row_plan *plan, struct row rows[2],
                                    struct reason *why)
{
    static struct row_samples samples[2];
    static struct signed_module module;
    char path[PATH_MAX];
    unsigned rounds = row_rounds(plan, ROUNDS);
    cloister_status status = workplace_built("bench/modules/load.mod", path, sizeof path, why);
    if (status == CLOISTER_OK)
        status = signed_module_make(&module, path, why);
    for (unsigned i = 0; i < rounds && status == CLOISTER_OK && !row_interrupted(); i++)
        status = cold_round(plan, path, &module, samples, why);
    row_finish(&rows[0], &cold_head, &samples[0]);
    row_finish(&rows[1], &signed_head, &samples[1]);
    return status;
}

cloister_status bench_start(const struct row_plan *plan, struct row *rows, unsigned *count,
                            struct reason *why)
{
    cloister_status status = pin_self(plan->caller_cpu, why);
    if (status == CLOISTER_OK)
        status = measure_start(plan, &rows[0], why);
    if (status == CLOISTER_OK)
        status = measure_cold(plan, &rows[1], why);
    *count = 3;
    return status;
}

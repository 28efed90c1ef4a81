/*
 * A call for which the vCPU must be entered, without the wake-up of a sleeping thread: the
 * submission is there, this thread enters the vCPU, the module serves the call and waits again.
 * Against one entry of a raw vCPU that leaves at once. The ioctls of our side are counted: one
 * KVM_RUN a call and no other.
 */
#include "bench/row.h"

#include "bench/clock.h"
#include "bench/ioctl_count.h"
#include "bench/pin.h"
#include "bench/raw_kvm.h"
#include "bench/small_world.h"
#include "bench/statistics.h"
#include "bench/workplace.h"

#include <limits.h>

#define ROUNDS 60u
#define CALLS 100u /* of each side in a round, in turn */

static const struct row_head head = {
    .name = "entered",
    .ours = "call of 48 bytes by entering the vCPU: one KVM_RUN and no other ioctl (counted)",
    .reference = "one raw KVM_RUN in ring 3",
    .unit = "us",
    .aim = ROW_AT_MOST,
    .target = 1.05,
};

struct sides {
    struct small_world world;
    struct raw_vm raw;
};

static cloister_status check_ioctls(struct ioctl_count before, struct reason *why)
{
    struct ioctl_count after = ioctl_count();
    if (after.runs - before.runs == 1 && after.all - before.all == 1)
        return CLOISTER_OK;
    return refuse(why, CLOISTER_INTERNAL,
                  "a call made %llu KVM_RUN among %llu ioctls; one is right",
                  (unsigned long long)(after.runs - before.runs),
                  (unsigned long long)(after.all - before.all));
}

static cloister_status our_call(struct small_world *world, double *ticks, struct reason *why)
{
    struct ioctl_count before = ioctl_count();
    uint64_t start = clock_ticks();
    small_world_submit(world, 0, true);
    cloister_status status = small_world_enter(world, why);
    *ticks = (double)(clock_ticks() - start);
    if (status == CLOISTER_OK)
        status = small_world_check_reply(world, why);
    return status == CLOISTER_OK ? check_ioctls(before, why) : status;
}

static cloister_status raw_call(struct raw_vm *vm, double *ticks, struct reason *why)
{
    uint64_t start = clock_ticks();
    cloister_status status = raw_vm_enter(vm, why);
    *ticks = (double)(clock_ticks() - start);
    return status;
}

static cloister_status one_round(const struct row_plan *plan, struct sides *sides,
                                 struct row_samples *samples, struct reason *why)
{
    double ours[CALLS];
    double raw[CALLS];
    cloister_status status = CLOISTER_OK;
    for (unsigned i = 0; i < CALLS && status == CLOISTER_OK; i++) {
        status = raw_call(&sides->raw, &raw[i], why);
        if (status == CLOISTER_OK)
            status = our_call(&sides->world, &ours[i], why);
    }
    if (status == CLOISTER_OK)
        row_add_ticks(plan, samples, statistics_median(ours, CALLS), statistics_median(raw, CALLS),
                      1e-3);
    return status;
}

/* To where the module waits for its first call. */
static cloister_status prepare(struct sides *sides, struct reason *why)
{
    char path[PATH_MAX];
    cloister_status status = workplace_built("modules/echo.mod", path, sizeof path, why);
    if (status == CLOISTER_OK)
        status = small_world_read(&sides->world, path, why);
    if (status == CLOISTER_OK)
        status = small_world_build(&sides->world, why);
    if (status == CLOISTER_OK)
        status = small_world_enter(&sides->world, why);
    if (status == CLOISTER_OK)
        status = raw_vm_create(&sides->raw, why);
    return status;
}

cloister_status bench_entered(const struct row_plan *plan, struct row *rows, unsigned *count,
                              struct reason *why)
{
    static struct row_samples samples;
    struct sides sides = {.raw = RAW_VM_NONE};
    double first = 0;
    unsigned rounds = row_rounds(plan, ROUNDS);
    cloister_status status = pin_self(plan->caller_cpu, why);
    if (status == CLOISTER_OK)
        status = prepare(&sides, why);
    if (status == CLOISTER_OK) /* fresh page tables after RELRO take ioctls, once */
        status = raw_call(&sides.raw, &first, why);
    for (unsigned i = 0; i < rounds && status == CLOISTER_OK && !row_interrupted(); i++)
        status = one_round(plan, &sides, &samples, why);
    raw_vm_destroy(&sides.raw);
    small_world_destroy(&sides.world);
    row_finish(&rows[0], &head, &samples);
    *count = 1;
    return status;
}

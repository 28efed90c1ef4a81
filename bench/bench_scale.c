/*
 * Many worlds alive at a time. A round starts them one after another, each with an echo that is
 * called once and whose session stays open, times the first and the last, calls the first when it
 * is alone and when all are there, and ends them all. `--worlds N` says how many.
 */
#include "bench/row.h"

#include "base/scope.h"
#include "bench/clock.h"
#include "bench/measured_world.h"
#include "bench/pin.h"
#include "bench/statistics.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define ROUNDS 20u
#define BLOCK 20u /* calls; the clock may advance in large steps */
#define BLOCKS 50u
#define SPIN_US 500u
#define CALLER_SPIN_US 100000u
#define ALLOWED_KIB 1536.0

enum { START, CALL, MEMORY, SCALE_ROWS };

static const struct row_head heads[SCALE_ROWS] = {
    [START] = {.name = "scale_start",
               .ours = "process start to first reply of the last of many worlds",
               .reference = "the same of the first",
               .unit = "us",
               .aim = ROW_AT_MOST,
               .target = 1.3},
    [CALL] = {.name = "scale_call",
              .ours = "switchless call to a world among many, p50",
              .reference = "the same when it is alone",
              .unit = "ns",
              .aim = ROW_AT_MOST,
              .target = 1.10},
    [MEMORY] = {.name = "scale_memory",
                .ours = "memory (PSS) of world host and keeper, mean of many worlds",
                .reference = "1.5 MiB",
                .unit = "KiB",
                .aim = ROW_AT_MOST,
                .target = 1.0},
};

struct member {
    struct measured_world live;
    cloister_session *session;
};

static cloister_status start_member(struct member *member, unsigned number, double *ticks,
                                    struct reason *why)
{
    char name[32];
    uint8_t byte = 0;
    struct measured_options options = {
        .name = name, .module = "modules/echo.mod", .spin_us = SPIN_US, .cpu = MEASURED_ANY_CPU};
    (void)snprintf(name, sizeof name, "bench%u", number);
    uint64_t begin = clock_ticks();
    cloister_status status = measured_world_start(&member->live, &options, why);
    if (status == CLOISTER_OK)
        status = measured_world_session(&member->live, "echo", 0, &member->session, why);
    if (status == CLOISTER_OK)
        status = measured_world_echo(member->session, &byte, &byte, 1, why);
    *ticks = (double)(clock_ticks() - begin);
    return status;
}

/* All at a time: an end takes a while. */
static void stop_members(struct member *members, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        cloister_session_close(members[i].session);
        measured_world_end(&members[i].live);
    }
    for (unsigned i = 0; i < count; i++)
        measured_world_stop(&members[i].live);
    memset(members, 0, count * sizeof *members);
}

static cloister_status call_member(const struct row_plan *plan, const struct member *member,
                                   double *median, struct reason *why)
{
    double ticks[BLOCKS];
    uint8_t in[CLO_INLINE_SIZE] = {0};
    uint8_t out[CLO_INLINE_SIZE];
    cloister_session_set_spin(member->session, CALLER_SPIN_US);
    cloister_status status = pin_process(member->live.host, plan->server_cpu, why);
    if (status == CLOISTER_OK)
        status = pin_self(plan->caller_cpu, why);
    for (unsigned i = 0; i < 2 * BLOCKS && status == CLOISTER_OK; i++) {
        uint64_t begin = clock_ticks();
        for (unsigned call = 0; call < BLOCK && status == CLOISTER_OK; call++)
            status = measured_world_echo(member->session, in, out, sizeof in, why);
        ticks[i % BLOCKS] = (double)(clock_ticks() - begin) / BLOCK; /* the second half counts */
    }
    pin_nowhere();
    *median = statistics_median(ticks, BLOCKS);
    return status;
}

static cloister_status add_memory(pid_t pid, double *kib, struct reason *why)
{
    char path[64];
    char line[256];
    unsigned long value;
    (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    AUTO_FILE FILE *file = fopen(path, "r");
    if (!file)
        return refuse_errno(why, "cannot read %s", path);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Pss: %lu kB", &value) == 1) {
            *kib += (double)value;
            return CLOISTER_OK;
        }
    return refuse(why, CLOISTER_BAD_FORMAT, "%s has no Pss line", path);
}

static cloister_status memory_of(const struct member *members, unsigned count, double *kib,
                                 struct reason *why)
{
    cloister_status status = CLOISTER_OK;
    *kib = 0;
    for (unsigned i = 0; i < count && status == CLOISTER_OK; i++) {
        status = add_memory(members[i].live.host, kib, why);
        if (status == CLOISTER_OK)
            status = add_memory(members[i].live.run, kib, why);
    }
    *kib /= count;
    return status;
}

struct scale_round {
    double first, last, alone, among, kib;
};

static cloister_status one_round(const struct row_plan *plan, struct member *members,
                                 struct scale_round *round, struct reason *why)
{
    cloister_status status = start_member(&members[0], 0, &round->first, why);
    if (status == CLOISTER_OK)
        status = call_member(plan, &members[0], &round->alone, why);
    for (unsigned i = 1; i < plan->worlds && status == CLOISTER_OK && !row_interrupted(); i++)
        status = start_member(&members[i], i, &round->last, why);
    if (status == CLOISTER_OK && !row_interrupted())
        status = call_member(plan, &members[0], &round->among, why);
    if (status == CLOISTER_OK && !row_interrupted())
        status = memory_of(members, plan->worlds, &round->kib, why);
    stop_members(members, plan->worlds);
    return status;
}

static void add(const struct row_plan *plan, struct row_samples samples[SCALE_ROWS],
                const struct scale_round *round)
{
    struct row_samples *memory = &samples[MEMORY];
    row_add_ticks(plan, &samples[START], round->last, round->first, 1e-3);
    row_add_ticks(plan, &samples[CALL], round->among, round->alone, 1);
    memory->ours[memory->count] = round->kib;
    memory->reference[memory->count++] = ALLOWED_KIB;
}

/* Each world takes a few descriptors of ours. */
static void allow_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

cloister_status bench_scale(const struct row_plan *plan, struct row *rows, unsigned *count,
                            struct reason *why)
{
    static struct row_samples samples[SCALE_ROWS];
    AUTO_FREE struct member *members = calloc(plan->worlds, sizeof *members);
    unsigned rounds = row_rounds(plan, ROUNDS);
    cloister_status status = members ? CLOISTER_OK : CLOISTER_NO_MEMORY;
    allow_descriptors();
    pin_nowhere();
    for (unsigned i = 0; i <= rounds && status == CLOISTER_OK && !row_interrupted(); i++) {
        struct scale_round round = {0};
        status = one_round(plan, members, &round, why);
        if (status == CLOISTER_OK && !row_interrupted() && i > 0) /* the first warms the caches */
            add(plan, samples, &round);
    }
    for (unsigned k = 0; k < SCALE_ROWS; k++)
        row_finish(&rows[k], &heads[k], &samples[k]);
    *count = SCALE_ROWS;
    return status;
}

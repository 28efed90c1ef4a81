/*
 * A row of the table: one thing that Cloister does against the best that the machine can do, both
 * measured in the same rounds of one run.
 */
#ifndef BENCH_ROW_H
#define BENCH_ROW_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>

#define ROW_ROUNDS_MAX 400u
#define ROW_PARTS 2u

enum row_aim {
    ROW_AT_MOST,  /* ratio = ours / reference */
    ROW_AT_LEAST, /* ratio = reference / ours: a speed */
};

/* What a row is; constant. */
struct row_head {
    const char *name;
    const char *ours;            /* what is measured */
    const char *reference;       /* against what, */
    const char *part[ROW_PARTS]; /* and of what that is the sum; NULL: it is one thing */
    const char *unit;
    enum row_aim aim;
    double target; /* 0: none, for information */
};

struct row {
    const struct row_head *head;
    double ours; /* medians, in the unit */
    double reference;
    double part[ROW_PARTS];
    double ratio;  /* median of the rounds' ratios */
    double spread; /* of the rounds' ratios */
    bool holds;
    unsigned rounds;
};

/* What the rounds gave, one pair each. */
struct row_samples {
    double ours[ROW_ROUNDS_MAX];
    double reference[ROW_ROUNDS_MAX];
    double part[ROW_PARTS][ROW_ROUNDS_MAX];
    unsigned count;
};

/* How to measure. */
struct row_plan {
    double ns_per_tick;
    int caller_cpu;  /* the two processors that pairs of threads are pinned to */
    int server_cpu;  /* the same one where there is only one */
    bool quick;      /* few rounds: does it work at all? */
    unsigned worlds; /* how many are alive at a time where many are */
};

/* Has the user asked to stop? Families look between rounds. */
bool row_interrupted(void);

/* Rounds to make of `wanted`. */
unsigned row_rounds(const struct row_plan *plan, unsigned wanted);

/* A pair of samples in ticks becomes one in ns times `scale`. Ignored when the samples are full. */
void row_add_ticks(const struct row_plan *plan, struct row_samples *samples, double ours,
                   double reference, double scale);

/* A pair of samples whose reference is the sum of two. */
void row_add_sum(struct row_samples *samples, double ours, double first, double second);

/* Medians, ratio, spread and verdict. Sorts the samples. */
void row_finish(struct row *row, const struct row_head *head, struct row_samples *samples);

/* Does the row's ratio meet its target? True where there is none. */
bool row_holds(const struct row *row);

/* A family measures one or more rows together; `rows` has room for ROW_FAMILY_MAX. Sets *count.
   UNSUPPORTED: this machine cannot measure it, and why. */
#define ROW_FAMILY_MAX 8u
typedef cloister_status row_family(const struct row_plan *plan, struct row *rows, unsigned *count,
                                   struct reason *why);

row_family bench_switchless;
row_family bench_payload;
row_family bench_ends;
row_family bench_ends_guest;
row_family bench_guest;
row_family bench_parked;
row_family bench_entered;
row_family bench_socket;
row_family bench_batched;
row_family bench_start;
row_family bench_process;
row_family bench_kill;
row_family bench_compute;
row_family bench_memory;
row_family bench_scale;

#endif

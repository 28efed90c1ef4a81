/*
 * From the samples of the rounds to a row.
 */
#include "bench/row.h"

#include "bench/statistics.h"

#define QUICK_ROUNDS 3u

unsigned row_rounds(const struct row_plan *plan, unsigned wanted)
{
    unsigned most = plan->quick ? QUICK_ROUNDS : ROW_ROUNDS_MAX;
    return wanted < most ? wanted : most;
}

void row_add_ticks(const struct row_plan *plan, struct row_samples *samples, double ours,
                   double reference, double scale)
{
    if (samples->count == ROW_ROUNDS_MAX)
        return;
    samples->ours[samples->count] = ours * plan->ns_per_tick * scale;
    samples->reference[samples->count] = reference * plan->ns_per_tick * scale;
    samples->count++;
}

void row_add_sum(struct row_samples *samples, double ours, double first, double second)
{
    if (samples->count == ROW_ROUNDS_MAX)
        return;
    samples->ours[samples->count] = ours;
    samples->reference[samples->count] = first + second;
    samples->part[0][samples->count] = first;
    samples->part[1][samples->count] = second;
    samples->count++;
}

bool row_holds(const struct row *row)
{
    const struct row_head *head = row->head;
    if (head->target <= 0)
        return true;
    if (row->rounds == 0)
        return false;
    return head->aim == ROW_AT_MOST ? row->ratio <= head->target : row->ratio >= head->target;
}

void row_finish(struct row *row, const struct row_head *head, struct row_samples *samples)
{
    double ratios[ROW_ROUNDS_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < samples->count; i++) {
        double over = head->aim == ROW_AT_MOST ? samples->ours[i] : samples->reference[i];
        double under = head->aim == ROW_AT_MOST ? samples->reference[i] : samples->ours[i];
        if (under > 0)
            ratios[count++] = over / under;
    }
    *row = (struct row){
        .head = head,
        .ours = statistics_median(samples->ours, samples->count),
        .reference = statistics_median(samples->reference, samples->count),
        .ratio = statistics_median(ratios, count),
        .spread = statistics_spread(ratios, count),
        .rounds = count,
    };
    for (unsigned i = 0; i < ROW_PARTS && head->part[i]; i++)
        row->part[i] = statistics_median(samples->part[i], samples->count);
    row->holds = row_holds(row);
}

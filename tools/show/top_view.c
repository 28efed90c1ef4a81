/*
 * Rates from two snapshots. A world or module is the same as before only if it is the same process
 * and instance; a counter that went down gives no rate.
 */
#include "tools/show/top_view.h"

#include "base/scope.h"
#include "tools/show/world_show.h"

#include <string.h>

static const struct clo_module_metrics *module_before(const struct world_sample *before,
                                                      const struct clo_module_metrics *now)
{
    if (!before || now->index >= before->info.module_count)
        return NULL;
    const struct clo_module_metrics *old = &before->module[now->index];
    bool same =
        memcmp(old->name, now->name, sizeof now->name) == 0 && old->generation == now->generation;
    return same ? old : NULL;
}

/* The same world, and it answered. */
static const struct world_sample *world_before(const struct snapshot *before,
                                               const struct world_sample *now)
{
    const struct world_sample *old = snapshot_find(before, now->name);
    bool same = old && old->status == CLOISTER_OK && old->info.pid == now->info.pid &&
                old->info.started_at == now->info.started_at && now->taken_ns > old->taken_ns;
    return same ? old : NULL;
}

static double rate(uint64_t before, uint64_t now, double seconds)
{
    return now > before ? (double)(now - before) / seconds : 0;
}

static void set_percentiles(struct top_row *row, const struct service_times *times)
{
    row->p50_ns = service_times_percentile(times, 50);
    row->p99_ns = service_times_percentile(times, 99);
}

static void fill_module(struct top_row *row, const struct clo_module_metrics *old,
                        const struct clo_module_metrics *now, double seconds)
{
    struct service_times times = {0};
    *row = (struct top_row){.name = (const char *)now->name,
                            .is_module = true,
                            .state = world_module_state_name(now->state),
                            .rates_are_known = old != NULL,
                            .calls = now->calls,
                            .exits = now->exits,
                            .threads = now->threads,
                            .polling = now->polling,
                            .channels = now->channels};
    if (!old)
        return;
    row->calls_per_s = rate(old->calls, now->calls, seconds);
    row->exits_per_s = rate(old->exits, now->exits, seconds);
    service_times_add(&times, old, now);
    set_percentiles(row, &times);
}

static const char *state_of(const struct world_sample *sample)
{
    if (sample->status == CLOISTER_OK)
        return world_state_name(sample->info.state);
    if (sample->status == CLOISTER_TIMEOUT || sample->status == CLOISTER_BUSY)
        return "silent";
    return sample->status == CLOISTER_DENIED ? "denied" : "gone";
}

static void add_module(struct top_row *world, const struct top_row *module)
{
    world->calls_per_s += module->calls_per_s;
    world->calls += module->calls;
    world->threads += module->threads;
    world->polling += module->polling;
    world->channels += module->channels;
}

/* A world and its modules: `row` has room for all. */
static void fill_world(struct top_row *row, const struct world_sample *old,
                       const struct world_sample *now)
{
    struct service_times times = {0};
    *row = (struct top_row){.name = now->name, .state = state_of(now)};
    if (now->status != CLOISTER_OK)
        return;
    double seconds = old ? (double)(now->taken_ns - old->taken_ns) / 1e9 : 0;
    row->rates_are_known = old != NULL;
    row->modules = now->info.module_count;
    row->guests_are_known = now->guests_are_known;
    row->guests = now->guests;
    row->host = now->host;
    row->keeper = now->keeper;
    row->exits = now->info.exits;
    row->exits_per_s = old ? rate(old->info.exits, now->info.exits, seconds) : 0;
    for (uint32_t i = 0; i < row->modules; i++) {
        const struct clo_module_metrics *module_old = module_before(old, &now->module[i]);
        fill_module(&row[1 + i], module_old, &now->module[i], seconds);
        add_module(row, &row[1 + i]);
        if (module_old)
            service_times_add(&times, module_old, &now->module[i]);
    }
    set_percentiles(row, &times);
}

/* Order */

struct sorting {
    enum top_order order;
    bool reverse;
};

uint64_t top_memory(const struct process_memory *memory)
{
    return memory->pss_is_known ? memory->pss : memory->rss;
}

static double key(const struct top_row *row, enum top_order order)
{
    switch (order) {
    case TOP_BY_CALLS:
        return row->calls_per_s;
    case TOP_BY_P99:
        return (double)row->p99_ns;
    case TOP_BY_EXITS:
        return row->exits_per_s;
    case TOP_BY_MEMORY:
        return (double)(top_memory(&row->host) + top_memory(&row->keeper));
    default:
        return 0;
    }
}

/* Large numbers first, names from A; names decide where numbers do not. */
static int compare(const void *a, const void *b, void *context)
{
    const struct sorting *sorting = context;
    const struct top_row *left = *(struct top_row *const *)a;
    const struct top_row *right = *(struct top_row *const *)b;
    double first = key(left, sorting->order);
    double second = key(right, sorting->order);
    int order = first > second ? -1 : first < second ? 1 : strcmp(left->name, right->name);
    return sorting->reverse ? -order : order;
}

/* Worlds in order, each with its modules, into fresh memory. */
static struct top_row *sorted(struct top_row **worlds, size_t count, size_t rows,
                              struct sorting sorting)
{
    struct top_row *row = calloc(rows + 1, sizeof *row);
    size_t used = 0;
    if (!row)
        return NULL;
    qsort_r(worlds, count, sizeof *worlds, compare, &sorting);
    for (size_t i = 0; i < count; i++) {
        memcpy(&row[used], worlds[i], (1 + worlds[i]->modules) * sizeof *row);
        used += 1 + worlds[i]->modules;
    }
    return row;
}

static void add_up(struct top_view *view, const struct top_row *world)
{
    view->worlds++;
    view->calls_per_s += world->calls_per_s;
    view->exits_per_s += world->exits_per_s;
    view->memory += top_memory(&world->host) + top_memory(&world->keeper);
}

cloister_status top_view_make(const struct snapshot *before, const struct snapshot *now,
                              enum top_order order, bool reverse, struct top_view *view)
{
    size_t rows = now->count;
    *view = (struct top_view){0};
    for (size_t i = 0; i < now->count; i++)
        rows += now->world[i].status == CLOISTER_OK ? now->world[i].info.module_count : 0;
    AUTO_FREE struct top_row *row = calloc(rows + 1, sizeof *row);
    AUTO_FREE struct top_row **worlds = calloc(now->count + 1, sizeof *worlds);
    if (!row || !worlds)
        return CLOISTER_NO_MEMORY;
    for (size_t i = 0; i < now->count; i++) {
        worlds[i] = &row[view->count];
        fill_world(worlds[i], world_before(before, &now->world[i]), &now->world[i]);
        add_up(view, worlds[i]);
        view->count += 1 + worlds[i]->modules;
    }
    view->row = sorted(worlds, now->count, rows, (struct sorting){order, reverse});
    return view->row ? CLOISTER_OK : CLOISTER_NO_MEMORY;
}

void top_view_free(struct top_view *view)
{
    free(view->row);
    *view = (struct top_view){0};
}

/* Text */

void top_waiting(const struct top_row *row, char *text, size_t size)
{
    if (row->threads == 0)
        (void)snprintf(text, size, "-");
    else if (row->polling == 0)
        (void)snprintf(text, size, "parked");
    else if (row->polling == row->threads)
        (void)snprintf(text, size, "polling");
    else
        (void)snprintf(text, size, "%u/%u poll", row->polling, row->threads);
}

/* Three digits and a unit, of units that are each `step` times the one before. */
static void scaled(double value, double step, const char *const *units, char *text, size_t size)
{
    while (value >= 999.5 && units[1]) {
        value /= step;
        units++;
    }
    int digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    if (value == (double)(uint64_t)value)
        digits = 0;
    (void)snprintf(text, size, "%.*f%s", digits, value, *units);
}

void top_count(double value, char *text, size_t size)
{
    static const char *const units[] = {"", "k", "M", "G", "T", NULL};
    scaled(value, 1000, units, text, size);
}

void top_time(uint64_t ns, char *text, size_t size)
{
    static const char *const units[] = {"ns", "us", "ms", "s", NULL};
    if (ns == 0)
        (void)snprintf(text, size, "-");
    else
        scaled((double)ns, 1000, units, text, size);
}

void top_bytes(uint64_t bytes, char *text, size_t size)
{
    static const char *const units[] = {"B", "K", "M", "G", "T", NULL};
    if (bytes == 0)
        (void)snprintf(text, size, "-");
    else
        scaled((double)bytes, 1024, units, text, size);
}

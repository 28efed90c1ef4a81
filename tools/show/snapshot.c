/*
 * Asks worlds one after the other, each on a fresh connection, none for long.
 */
#include "tools/show/snapshot.h"

#include "base/scope.h"
#include "tools/show/world_guests.h"

#include <string.h>
#include <time.h>

#define ANSWER_MS 500u
#define ASK_AGAIN_NS 10000000000ull
#define SNAPSHOT_NS 2000000000ull /* after this long, worlds that remain wait for the next time */

static uint64_t clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static cloister_status ask_modules(cloister_world *world, struct world_sample *sample)
{
    uint32_t count = sample->info.module_count;
    AUTO_FREE struct clo_module_metrics *module = calloc(count + 1, sizeof *module);
    if (!module)
        return CLOISTER_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        cloister_status status = cloister_world_metrics(world, i, &module[i]);
        if (status != CLOISTER_OK)
            return status;
    }
    sample->module = take_pointer(&module);
    return CLOISTER_OK;
}

static cloister_status ask_guests(cloister_world *world, struct world_sample *sample)
{
    struct world_guests guests;
    cloister_status status = world_guests_read(world, &guests);
    sample->guests_are_known = guests.known;
    sample->guests = guests.info.count;
    return status;
}

static cloister_status ask(struct world_sample *sample)
{
    cloister_world *world;
    cloister_status status = cloister_world_open(sample->name, &world);
    if (status != CLOISTER_OK)
        return status;
    status = cloister_world_set_timeout(world, ANSWER_MS);
    if (status == CLOISTER_OK)
        status = cloister_world_info(world, &sample->info);
    if (status == CLOISTER_OK)
        status = ask_guests(world, sample);
    if (status == CLOISTER_OK)
        status = ask_modules(world, sample);
    cloister_world_close(world);
    return status;
}

static void take(struct world_sample *sample, const struct world_sample *before, uint64_t begun)
{
    uint64_t now = clock_ns();
    sample->taken_ns = now;
    if (before && before->ask_again_ns > now) {
        sample->status = before->status;
        sample->ask_again_ns = before->ask_again_ns;
        return;
    }
    sample->status = now - begun < SNAPSHOT_NS ? ask(sample) : CLOISTER_BUSY;
    if (sample->status == CLOISTER_TIMEOUT)
        sample->ask_again_ns = clock_ns() + ASK_AGAIN_NS;
    if (sample->status != CLOISTER_OK)
        return;
    sample->host = process_memory_read(sample->info.pid);
    sample->keeper = process_memory_read(sample->info.keeper);
}

static bool is_gone(const struct world_sample *sample)
{
    return sample->status == CLOISTER_NOT_FOUND || sample->status == CLOISTER_DEAD;
}

static void forget(struct world_sample *sample)
{
    free(sample->module);
    free(sample->name);
    *sample = (struct world_sample){0};
}

cloister_status snapshot_take(char *const *names, size_t count, bool only_running,
                              const struct snapshot *before, struct snapshot *now)
{
    uint64_t begun = clock_ns();
    *now = (struct snapshot){.world = calloc(count + 1, sizeof *now->world)};
    if (!now->world)
        return CLOISTER_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct world_sample *sample = &now->world[now->count];
        sample->name = strdup(names[i]);
        if (!sample->name) {
            snapshot_free(now);
            return CLOISTER_NO_MEMORY;
        }
        take(sample, before ? snapshot_find(before, names[i]) : NULL, begun);
        if (only_running && is_gone(sample))
            forget(sample);
        else
            now->count++;
    }
    return CLOISTER_OK;
}

void snapshot_free(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->count; i++)
        forget(&snapshot->world[i]);
    free(snapshot->world);
    *snapshot = (struct snapshot){0};
}

const struct world_sample *snapshot_find(const struct snapshot *snapshot, const char *name)
{
    for (size_t i = 0; i < snapshot->count; i++)
        if (strcmp(snapshot->world[i].name, name) == 0)
            return &snapshot->world[i];
    return NULL;
}

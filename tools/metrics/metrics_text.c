/*
 * One family of metrics after the other, as the format wants it: HELP, TYPE, then its samples.
 */
#include "tools/metrics/metrics_text.h"

#include "base/scope.h"
#include "base/utf8.h"
#include "tools/show/world_show.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

/* Upper bounds of the histogram that is shown: each four times the one before, bounds of the fine
   buckets too. 64 ns … 4.3 s. */
#define BOUND_FIRST 64ull
#define BOUND_COUNT 14u

/* Text between quotes. Only a path given by hand can hold what a world's name cannot. */
static void put_escaped(FILE *out, const char *text)
{
    size_t length = strlen(text);
    bool plain = utf8_is_plain((const uint8_t *)text, length);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\\' || c == '"')
            (void)fprintf(out, "\\%c", c);
        else if (c == '\n')
            (void)fputs("\\n", out);
        else
            (void)fputc(!plain && (c < 0x20 || c > 0x7e) ? '?' : c, out);
    }
}

static void put_family(FILE *out, const char *name, const char *type, const char *help)
{
    (void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_world_label(FILE *out, const char *name, const struct world_sample *world)
{
    (void)fprintf(out, "%s{world=\"", name);
    put_escaped(out, world->name);
    (void)fputc('"', out);
}

/* Families of worlds */

struct world_family {
    const char *name;
    const char *type;
    const char *help;
    uint64_t (*value)(const struct world_sample *world);
};

static uint64_t world_started(const struct world_sample *world)
{
    return world->info.started_at;
}

static uint64_t world_exits(const struct world_sample *world)
{
    return world->info.exits;
}

static uint64_t world_modules(const struct world_sample *world)
{
    return world->info.module_count;
}

static const struct world_family world_families[] = {
    {"cloister_world_start_time_seconds", "gauge", "When the world started, Unix time.",
     world_started},
    {"cloister_world_exits_total", "counter", "vCPU exits of all modules.", world_exits},
    {"cloister_world_modules", "gauge", "Modules of the world.", world_modules},
};

static void put_world_family(FILE *out, const struct snapshot *snapshot,
                             const struct world_family *family)
{
    put_family(out, family->name, family->type, family->help);
    for (size_t i = 0; i < snapshot->count; i++) {
        const struct world_sample *world = &snapshot->world[i];
        if (world->status != CLOISTER_OK)
            continue;
        put_world_label(out, family->name, world);
        (void)fprintf(out, "} %" PRIu64 "\n", family->value(world));
    }
}

static void put_up(FILE *out, const struct snapshot *snapshot)
{
    put_family(out, "cloister_world_up", "gauge", "1: the world answered.");
    for (size_t i = 0; i < snapshot->count; i++) {
        put_world_label(out, "cloister_world_up", &snapshot->world[i]);
        (void)fprintf(out, "} %d\n", snapshot->world[i].status == CLOISTER_OK);
    }
}

static void put_info(FILE *out, const struct snapshot *snapshot)
{
    put_family(out, "cloister_world_info", "gauge", "What the world is; always 1.");
    for (size_t i = 0; i < snapshot->count; i++) {
        const struct world_sample *world = &snapshot->world[i];
        if (world->status != CLOISTER_OK)
            continue;
        put_world_label(out, "cloister_world_info", world);
        (void)fprintf(out, ",state=\"%s\",isolation=\"%s\",debug=\"%" PRIu32 "\",kvm=\"",
                      world_state_name(world->info.state),
                      world_isolation_name(world->info.isolation), world->info.debug);
        put_escaped(out, (const char *)world->info.kvm);
        (void)fputs("\"} 1\n", out);
    }
}

static void put_guests(FILE *out, const struct snapshot *snapshot)
{
    static const char name[] = "cloister_world_guests";
    put_family(out, name, "gauge", "Guests that are connected.");
    for (size_t i = 0; i < snapshot->count; i++) {
        const struct world_sample *world = &snapshot->world[i];
        if (world->status != CLOISTER_OK || !world->guests_are_known)
            continue;
        put_world_label(out, name, world);
        (void)fprintf(out, "} %" PRIu32 "\n", world->guests);
    }
}

/* Memory of the two processes */

static void put_process(FILE *out, const char *name, const struct world_sample *world,
                        const char *process, uint64_t bytes)
{
    put_world_label(out, name, world);
    (void)fprintf(out, ",process=\"%s\"} %" PRIu64 "\n", process, bytes);
}

static void put_resident(FILE *out, const struct snapshot *snapshot)
{
    static const char name[] = "cloister_world_resident_memory_bytes";
    put_family(out, name, "gauge", "Resident memory (RSS) of a process of the world.");
    for (size_t i = 0; i < snapshot->count; i++) {
        const struct world_sample *world = &snapshot->world[i];
        if (world->host.rss)
            put_process(out, name, world, "host", world->host.rss);
        if (world->keeper.rss)
            put_process(out, name, world, "keeper", world->keeper.rss);
    }
}

/* Families of modules */

struct module_family {
    const char *name;
    const char *type;
    const char *help;
    uint64_t (*value)(const struct clo_module_metrics *module);
};

static uint64_t module_serving(const struct clo_module_metrics *module)
{
    return module->state == CLO_MODULE_SERVING;
}

static uint64_t module_generation(const struct clo_module_metrics *module)
{
    return module->generation;
}

static uint64_t module_calls(const struct clo_module_metrics *module)
{
    return module->calls;
}

static uint64_t module_exits(const struct clo_module_metrics *module)
{
    return module->exits;
}

static uint64_t module_threads(const struct clo_module_metrics *module)
{
    return module->threads;
}

static uint64_t module_polling(const struct clo_module_metrics *module)
{
    return module->polling;
}

static uint64_t module_channels(const struct clo_module_metrics *module)
{
    return module->channels;
}

static uint64_t module_channels_max(const struct clo_module_metrics *module)
{
    return module->channels_max;
}

static const struct module_family module_families[] = {
    {"cloister_module_serving", "gauge", "1: the module serves; 0: it starts, is dead or ended.",
     module_serving},
    {"cloister_module_generation", "gauge", "Instance of the module, from 1.", module_generation},
    {"cloister_module_calls_total", "counter", "Calls completed, as the module states it.",
     module_calls},
    {"cloister_module_exits_total", "counter", "vCPU exits of the module.", module_exits},
    {"cloister_module_threads", "gauge", "Threads (vCPUs) of the module.", module_threads},
    {"cloister_module_threads_polling", "gauge", "Threads that poll; the others are parked.",
     module_polling},
    {"cloister_module_channels", "gauge", "Channels that are open.", module_channels},
    {"cloister_module_channels_max", "gauge", "Channels that the manifest allows.",
     module_channels_max},
};

static void put_module_label(FILE *out, const char *name, const struct world_sample *world,
                             const struct clo_module_metrics *module)
{
    put_world_label(out, name, world);
    (void)fputs(",module=\"", out);
    put_escaped(out, (const char *)module->name);
    (void)fputc('"', out);
}

static void put_module_family(FILE *out, const struct snapshot *snapshot,
                              const struct module_family *family)
{
    put_family(out, family->name, family->type, family->help);
    for (size_t i = 0; i < snapshot->count; i++) {
        const struct world_sample *world = &snapshot->world[i];
        for (uint32_t j = 0; world->status == CLOISTER_OK && j < world->info.module_count; j++) {
            put_module_label(out, family->name, world, &world->module[j]);
            (void)fprintf(out, "} %" PRIu64 "\n", family->value(&world->module[j]));
        }
    }
}

/* Service times. All counts are bounded, so that 128 of them fit. */

#define SERVICE "cloister_module_service_seconds"

static void put_buckets(FILE *out, const struct world_sample *world,
                        const struct clo_module_metrics *module)
{
    uint64_t count = 0;
    uint64_t bound = BOUND_FIRST;
    unsigned shown = 0;
    for (unsigned i = 0; i < CLO_SERVICE_BUCKETS; i++) {
        if (shown < BOUND_COUNT && CLO_SERVICE_BOUND(i) == bound) {
            put_module_label(out, SERVICE "_bucket", world, module);
            (void)fprintf(out, ",le=\"%.9g\"} %" PRIu64 "\n", (double)bound / 1e9, count);
            bound *= 4;
            shown++;
        }
        count += module->service[i];
    }
    put_module_label(out, SERVICE "_bucket", world, module);
    (void)fprintf(out, ",le=\"+Inf\"} %" PRIu64 "\n", count);
    put_module_label(out, SERVICE "_sum", world, module);
    (void)fprintf(out, "} %.9g\n", (double)module->service_ns / 1e9);
    put_module_label(out, SERVICE "_count", world, module);
    (void)fprintf(out, "} %" PRIu64 "\n", count);
}

static void put_service_times(FILE *out, const struct snapshot *snapshot)
{
    put_family(out, SERVICE, "histogram",
               "Time of a call inside the module, as the module states it; a sample of its calls.");
    for (size_t i = 0; i < snapshot->count; i++) {
        const struct world_sample *world = &snapshot->world[i];
        for (uint32_t j = 0; world->status == CLOISTER_OK && j < world->info.module_count; j++)
            put_buckets(out, world, &world->module[j]);
    }
}

static void put_all(FILE *out, const struct snapshot *snapshot)
{
    put_up(out, snapshot);
    put_info(out, snapshot);
    for (size_t i = 0; i < ARRAY_SIZE(world_families); i++)
        put_world_family(out, snapshot, &world_families[i]);
    put_guests(out, snapshot);
    put_resident(out, snapshot);
    for (size_t i = 0; i < ARRAY_SIZE(module_families); i++)
        put_module_family(out, snapshot, &module_families[i]);
    put_service_times(out, snapshot);
}

cloister_status metrics_text(const struct snapshot *snapshot, char **text, size_t *size)
{
    char *made = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&made, &length);
    if (!out)
        return CLOISTER_NO_MEMORY;
    put_all(out, snapshot);
    bool complete = !ferror(out);
    if (fclose(out) != 0 || !complete) {
        free(made);
        return CLOISTER_NO_MEMORY;
    }
    *text = made;
    *size = length;
    return CLOISTER_OK;
}

/*
 * Facts about a running world: asked through the client library, shown to people and programs.
 */
#include "tools/show/world_show.h"

#include "base/bytes.h"
#include "base/scope.h"
#include "tools/world_open.h"

#include <inttypes.h>
#include <string.h>

static const char *name_of(const char *const *names, size_t count, uint32_t number)
{
    return number < count ? names[number] : "unknown";
}

const char *world_state_name(uint32_t state)
{
    static const char *const names[] = {"starting", "serving", "stopping"};
    return name_of(names, ARRAY_SIZE(names), state);
}

const char *world_isolation_name(uint32_t isolation)
{
    static const char *const names[] = {"unknown", "mapped", "guest-memfd", "unreachable"};
    return name_of(names, ARRAY_SIZE(names), isolation);
}

const char *world_module_state_name(uint32_t state)
{
    static const char *const names[] = {"starting", "serving", "dead", "ended"};
    return name_of(names, ARRAY_SIZE(names), state);
}

static cloister_status read_all(cloister_world *world, struct world_facts *facts)
{
    cloister_status status = cloister_world_info(world, &facts->info);
    for (uint32_t i = 0; status == CLOISTER_OK && i < facts->info.module_count; i++)
        status = cloister_world_module(world, i, &facts->module[i]);
    return status == CLOISTER_OK ? world_guests_read(world, &facts->guests) : status;
}

cloister_status world_facts_read(const char *name, struct world_facts *facts, struct reason *why)
{
    cloister_world *world;
    cloister_status status = world_open(name, &world, why);
    if (status != CLOISTER_OK)
        return status;
    status = read_all(world, facts);
    cloister_world_close(world);
    if (status != CLOISTER_OK)
        return refuse(why, status, "world '%.60s' did not say what it runs: %s", name,
                      cloister_status_text(status));
    return CLOISTER_OK;
}

static json_t *hex_json(const uint8_t *bytes, size_t size)
{
    char text[2 * CLO_AUTHOR_SIZE + 1];
    hex_encode(bytes, size, text);
    return json_string(text);
}

static json_t *methods_json(const struct clo_module_info *module)
{
    json_t *methods = json_array();
    for (uint32_t i = 0; i < module->method_count; i++)
        if (json_array_append_new(methods, json_string((const char *)module->method[i].name)) != 0)
            break;
    return methods;
}

static json_t *module_json(const struct clo_module_info *module)
{
    return json_pack(
        "{s:s, s:s, s:I, s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:o}", "name",
        module->name, "version", module->version, "svn", (json_int_t)module->svn, "measurement",
        hex_json(module->measurement, sizeof module->measurement), "author",
        hex_json(module->author, sizeof module->author), "state",
        world_module_state_name(module->state), "calls", (json_int_t)module->calls, "generation",
        (json_int_t)module->generation, "threads", (json_int_t)module->threads, "polling",
        (json_int_t)module->polling, "channels", (json_int_t)module->channels, "exits",
        (json_int_t)module->exits, "end", module->end, "methods", methods_json(module));
}

json_t *world_facts_json(const struct world_facts *facts)
{
    const struct clo_world_info *info = &facts->info;
    json_t *modules = json_array();
    for (uint32_t i = 0; i < info->module_count; i++)
        if (json_array_append_new(modules, module_json(&facts->module[i])) != 0)
            break;
    json_t *world = json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:b, s:I, s:I, s:o}", "name",
                              info->name, "state", world_state_name(info->state), "pid",
                              (json_int_t)info->pid, "keeper", (json_int_t)info->keeper, "kvm",
                              info->kvm, "isolation", world_isolation_name(info->isolation),
                              "debug", info->debug != 0, "started_at", (json_int_t)info->started_at,
                              "exits", (json_int_t)info->exits, "modules", modules);
    if (world_guests_json(&facts->guests, world))
        return world;
    json_decref(world);
    return NULL;
}

static void print_module(const struct clo_module_info *module)
{
    char measurement[2 * CLO_DIGEST_SIZE + 1];
    char author[2 * CLO_AUTHOR_SIZE + 1];
    hex_encode(module->measurement, sizeof module->measurement, measurement);
    hex_encode(module->author, sizeof module->author, author);
    (void)printf("module       %s %s (svn %" PRIu32 ")\n", module->name, module->version,
                 module->svn);
    (void)printf("  state      %s%s%s\n", world_module_state_name(module->state),
                 module->end[0] ? ": " : "", module->end);
    (void)printf("  measured   %s\n", measurement);
    (void)printf("  author     %s\n",
                 module->author[0] == CLO_AUTHOR_NONE ? "none (unsigned)" : author);
    (void)printf("  calls      %" PRIu64 ", channels %" PRIu32 ", generation %" PRIu64 "\n",
                 module->calls, module->channels, module->generation);
    (void)printf("  threads    %" PRIu32 ", polling %" PRIu32 ", exits %" PRIu64 "\n",
                 module->threads, module->polling, module->exits);
    (void)printf("  methods   ");
    for (uint32_t i = 0; i < module->method_count; i++)
        (void)printf(" %s", module->method[i].name);
    (void)printf("\n");
}

void world_facts_print(const struct world_facts *facts)
{
    const struct clo_world_info *info = &facts->info;
    (void)printf("world        %s%s\n", info->name, info->debug ? " (debug)" : "");
    (void)printf("state        %s\n", world_state_name(info->state));
    (void)printf("processes    world host %" PRIu32 ", keeper %" PRIu32 "\n", info->pid,
                 info->keeper);
    (void)printf("isolation    %s on %s\n", world_isolation_name(info->isolation), info->kvm);
    for (uint32_t i = 0; i < info->module_count; i++)
        print_module(&facts->module[i]);
    world_guests_print(&facts->guests);
}

/*
 * cloister world ls, cloister world show: what running worlds say of themselves.
 */
#include "tools/show/commands.h"

#include "base/scope.h"
#include "tools/show/world_names.h"
#include "tools/show/world_show.h"
#include "tools/tool.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>

static const char list_help[] = "Usage: cloister world ls [--json]\n"
                                "Running worlds: state, process, KVM, isolation, modules.\n"
                                "\n"
                                "Exit status: 0 done, others as in 'cloister --help'.\n";

static const char show_help[] =
    "Usage: cloister world show NAME [--json]\n"
    "A world: its modules, measurements, authors, calls, guests.\n"
    "\n"
    "NAME is a world's name, or the path of its socket if it contains '/'. In a guest 'guest:'\n"
    "is the world behind its mailbox device, 'guest:ADDRESS' that behind one of several.\n"
    "Exit status: 0 done, 4 no such world, 5 not yours, others as in 'cloister --help'.\n";

/* Parses the only option. */
static int parse_json(const char *command, int argc, char **argv, bool *json)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option;
    *json = false;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (option == 'j')
            *json = true;
        else if (option == 'h')
            return -1;
        else
            return tool_bad_option(command, option, argv);
    }
    return TOOL_OK;
}

static int print_json(const char *command, json_t *json)
{
    AUTO_FREE char *text = json ? json_dumps(json, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;
    json_decref(json);
    if (!text)
        return tool_fail(command, CLOISTER_NO_MEMORY, NULL);
    (void)printf("%s\n", text);
    return TOOL_OK;
}

int cmd_world_show(int argc, char **argv)
{
    bool json;
    struct reason why = {0};
    int parsed = parse_json("world show", argc, argv, &json);
    if (parsed != TOOL_OK)
        return parsed < 0 ? tool_help(show_help) : parsed;
    if (argc - optind != 1)
        return tool_usage("world show", "one world's name is needed, %d given", argc - optind);
    AUTO_FREE struct world_facts *facts = calloc(1, sizeof *facts);
    if (!facts)
        return tool_fail("world show", CLOISTER_NO_MEMORY, NULL);
    cloister_status status = world_facts_read(argv[optind], facts, &why);
    if (status != CLOISTER_OK)
        return tool_fail("world show", status, &why);
    if (json)
        return print_json("world show", world_facts_json(facts));
    world_facts_print(facts);
    return TOOL_OK;
}

static void print_row(const struct world_facts *facts)
{
    const struct clo_world_info *info = &facts->info;
    (void)printf("%-20s %-9s %8" PRIu32 "  %-6s %-12s %-5s ", info->name,
                 world_state_name(info->state), info->pid, info->kvm,
                 world_isolation_name(info->isolation), info->debug ? "yes" : "no");
    for (uint32_t i = 0; i < info->module_count; i++)
        (void)printf("%s%s", i > 0 ? "," : "", facts->module[i].name);
    (void)printf("\n");
}

/* A socket that nobody answers is what a killed world left; the next world of that name removes
   it. A world that ends while we ask is no failure either. */
static cloister_status list_one(const char *name, struct world_facts *facts, json_t *list)
{
    cloister_status status = world_facts_read(name, facts, NULL);
    if (status != CLOISTER_OK)
        return status;
    if (list)
        return json_array_append_new(list, world_facts_json(facts)) == 0 ? CLOISTER_OK
                                                                         : CLOISTER_NO_MEMORY;
    print_row(facts);
    return CLOISTER_OK;
}

int cmd_world_list(int argc, char **argv)
{
    bool json;
    struct reason why = {0};
    struct world_names names = {0};
    int parsed = parse_json("world ls", argc, argv, &json);
    if (parsed != TOOL_OK)
        return parsed < 0 ? tool_help(list_help) : parsed;
    if (argc != optind)
        return tool_usage("world ls", "it takes no arguments; '%.40s' given", argv[optind]);
    AUTO_FREE struct world_facts *facts = calloc(1, sizeof *facts);
    cloister_status status = facts ? world_names_list(&names, &why) : CLOISTER_NO_MEMORY;
    if (status != CLOISTER_OK)
        return tool_fail("world ls", status, &why);
    json_t *worlds = json ? json_array() : NULL;
    if (!json && names.count > 0)
        (void)printf("%-20s %-9s %8s  %-6s %-12s %-5s %s\n", "NAME", "STATE", "PID", "KVM",
                     "ISOLATION", "DEBUG", "MODULES");
    for (size_t i = 0; i < names.count; i++)
        (void)list_one(names.name[i], facts, worlds);
    world_names_free(&names);
    return json ? print_json("world ls", worlds) : TOOL_OK;
}

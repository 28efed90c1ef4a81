/*
 * `cloister report`: picks the command; `report get`.
 */
#include "abi/hypercall.h"
#include "base/file.h"
#include "base/scope.h"
#include "cloister/client.h"
#include "tools/cmd_crypto.h"
#include "tools/tool.h"
#include "tools/world_open.h"

#include <getopt.h>
#include <limits.h>
#include <string.h>

static const char help[] =
    "Usage: cloister report COMMAND [ARGUMENTS...]\n"
    "Signed evidence of what runs in a world.\n"
    "\n"
    "  get WORLD/MODULE --nonce HEX -o FILE    a fresh report about a module\n"
    "  show FILE [--json]                      what a report says, without judging it\n"
    "  verify FILE --nonce HEX --ca ca.pem     accept a report, or say why not\n"
    "\n"
    "Exit status: 0 done (verify: accepted), 3 refused, 4 no such world, module or file, 7 a file "
    "or\n"
    "value is not acceptable (verify: a value is 2), others as in 'cloister --help'.\n";

static const char get_help[] =
    "Usage: cloister report get WORLD/MODULE --nonce HEX -o FILE\n"
    "Asks a running world for a signed report about one of its modules. WORLD is a name or the "
    "path\n"
    "of a world's socket.\n"
    "\n"
    "  -n, --nonce HEX    16 to 64 bytes that the verifier chose afresh\n"
    "  -o, --output FILE  where to write the report (- is standard output)\n"
    "\n"
    "Exit status: 0 done, 4 no such world or module, 7 a value is not acceptable, 8 the module "
    "has\n"
    "ended, others as in 'cloister --help'.\n";

struct get_options {
    const char *target;
    const char *output;
    uint8_t nonce[CLO_NONCE_MAX];
    size_t nonce_size;
};

/* TOOL_OK, or the status to exit with; -1: help was asked for. */
static int parse_get(int argc, char **argv, struct get_options *given)
{
    static const struct option options[] = {{"nonce", required_argument, NULL, 'n'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct reason why = {""};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":n:o:h", options, NULL)) != -1) {
        if (option == 'h')
            return -1;
        if (option == 'o')
            given->output = optarg;
        else if (option != 'n')
            return tool_bad_option("report get", option, argv);
        else if (tool_hex("--nonce", optarg, CLO_NONCE_MIN, CLO_NONCE_MAX, given->nonce,
                          &given->nonce_size, &why) != CLOISTER_OK)
            return tool_fail("report get", CLOISTER_BAD_ARGUMENT, &why);
    }
    if (argc - optind != 1)
        return tool_usage("report get", "one WORLD/MODULE is needed");
    given->target = argv[optind];
    if (!given->nonce_size || !given->output)
        return tool_usage("report get", "%s is missing", given->output ? "--nonce" : "-o FILE");
    cloister_status status = file_check_output(given->output, &why);
    return status == CLOISTER_OK ? TOOL_OK : tool_fail("report get", status, &why);
}

static cloister_status fetch(const struct get_options *given, uint8_t **report, size_t *size,
                             struct reason *why)
{
    char name[PATH_MAX];
    const char *module = NULL;
    cloister_world *world;
    cloister_status status = world_split_target(given->target, name, sizeof name, &module, why);
    if (status != CLOISTER_OK)
        return status;
    status = world_open(name, &world, why);
    if (status != CLOISTER_OK)
        return status;
    status = cloister_world_report(world, module, given->nonce, given->nonce_size, report, size);
    cloister_world_close(world);
    if (status == CLOISTER_NOT_FOUND)
        return refuse(why, status,
                      "world %.60s has no module '%.40s'; 'cloister world show' lists them", name,
                      module);
    if (status != CLOISTER_OK)
        return refuse(why, status, "a report about %s of world %s: %s", module, name,
                      cloister_status_text(status));
    return CLOISTER_OK;
}

static int report_get(int argc, char **argv)
{
    struct get_options given = {0};
    struct reason why = {""};
    int parsed = parse_get(argc, argv, &given);
    if (parsed)
        return parsed < 0 ? tool_help(get_help) : parsed;
    AUTO_FREE uint8_t *report = NULL;
    size_t size = 0;
    cloister_status status = fetch(&given, &report, &size, &why);
    if (status == CLOISTER_OK)
        status = file_write(given.output, report, size, 0644, &why);
    return status == CLOISTER_OK ? TOOL_OK : tool_fail("report get", status, &why);
}

int cmd_report(int argc, char **argv)
{
    static const struct tool_command commands[] = {
        {"get", report_get},
        {"show", cmd_crypto_report},
        {"verify", cmd_crypto_report},
    };
    return tool_dispatch("report", help, commands, ARRAY_SIZE(commands), argc, argv);
}

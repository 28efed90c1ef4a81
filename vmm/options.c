/*
 * Parses the world host's command line into a struct. Decides nothing and opens nothing.
 */
#include "vmm/options.h"

#include "abi/guest.h"
#include "base/bytes.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

const char options_help[] =
    "Usage: cloister-world --name NAME [OPTION…] --module FILE…\n"
    "       cloister-world --exec PROGRAM [--mem BYTES] -- ARG0 ARG…\n"
    "       cloister-world --probe [--json]\n"
    "Runs a secure world. Started by cloister-keeper and by the cloister command.\n"
    "\n"
    "  --name NAME          name of the world\n"
    "  --module FILE        a module; may be given more than once\n"
    "  --debug              debug world: unsigned modules may run\n"
    "  --poll HOW           adaptive, always or never: poll channels before parking\n"
    "  --spin US            poll for so many microseconds before parking\n"
    "  --window BYTES       address space for channels\n"
    "  --no-guest-memfd     keep module data in ordinary memory\n"
    "  --verbose            log debug lines\n"
    "  --ready-fd N         descriptor that gets one byte when the world serves\n"
    "  --guest-socket PATH  serve guests: where their VMMs connect\n"
    "  --guest-memory BYTES memory of each, a power of two\n"
    "  --exec PROGRAM       run a static Linux program in a debug world of its own\n"
    "  --mem BYTES          memory for its heap\n"
    "  --probe              say which mechanisms work on this host\n"
    "  --json               … as JSON\n";

enum option_code {
    OPTION_POSITIONAL = 1, /* getopt's number for it */
    OPTION_NAME = 256,
    OPTION_MODULE,
    OPTION_DEBUG,
    OPTION_POLL,
    OPTION_SPIN,
    OPTION_WINDOW,
    OPTION_NO_GUEST_MEMFD,
    OPTION_VERBOSE,
    OPTION_READY_FD,
    OPTION_GUEST_SOCKET,
    OPTION_GUEST_MEMORY,
    OPTION_EXEC,
    OPTION_MEM,
    OPTION_PROBE,
    OPTION_JSON,
    OPTION_HELP,
};

static const struct option long_options[] = {
    {"name", required_argument, NULL, OPTION_NAME},
    {"module", required_argument, NULL, OPTION_MODULE},
    {"debug", no_argument, NULL, OPTION_DEBUG},
    {"poll", required_argument, NULL, OPTION_POLL},
    {"spin", required_argument, NULL, OPTION_SPIN},
    {"window", required_argument, NULL, OPTION_WINDOW},
    {"no-guest-memfd", no_argument, NULL, OPTION_NO_GUEST_MEMFD},
    {"verbose", no_argument, NULL, OPTION_VERBOSE},
    {"ready-fd", required_argument, NULL, OPTION_READY_FD},
    {"guest-socket", required_argument, NULL, OPTION_GUEST_SOCKET},
    {"guest-memory", required_argument, NULL, OPTION_GUEST_MEMORY},
    {"exec", required_argument, NULL, OPTION_EXEC},
    {"mem", required_argument, NULL, OPTION_MEM},
    {"probe", no_argument, NULL, OPTION_PROBE},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

static cloister_status number(const char *option, const char *text, uint64_t least, uint64_t most,
                              uint64_t *value, struct reason *why)
{
    char *end = NULL;
    errno = 0;
    unsigned long long parsed = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || parsed < least ||
        parsed > most)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "--%s is '%.40s'; it must be a number from %llu to %llu", option, text,
                      (unsigned long long)least, (unsigned long long)most);
    *value = parsed;
    return CLOISTER_OK;
}

static cloister_status page_size(const char *option, const char *text, uint64_t least,
                                 uint64_t most, size_t *value, struct reason *why)
{
    uint64_t parsed;
    cloister_status status = number(option, text, least, most, &parsed, why);
    if (status != CLOISTER_OK)
        return status;
    if (parsed % CLO_PAGE_SIZE != 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "--%s is '%.40s'; it must be a multiple of %u",
                      option, text, CLO_PAGE_SIZE);
    *value = (size_t)parsed;
    return CLOISTER_OK;
}

static cloister_status poll_mode(const char *text, struct options *options, struct reason *why)
{
    options->spin_given = strcmp(text, "adaptive") != 0;
    if (strcmp(text, "adaptive") == 0)
        options->spin_us = OPTIONS_SPIN_DEFAULT_US;
    else if (strcmp(text, "always") == 0)
        options->spin_us = OPTIONS_SPIN_ALWAYS;
    else if (strcmp(text, "never") == 0)
        options->spin_us = 0;
    else
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "--poll is '%.40s'; it must be adaptive, always or never", text);
    return CLOISTER_OK;
}

static cloister_status spin(const char *text, struct options *options, struct reason *why)
{
    uint64_t value;
    cloister_status status = number("spin", text, 0, OPTIONS_SPIN_MAX_US, &value, why);
    if (status != CLOISTER_OK)
        return status;
    options->spin_given = true;
    options->spin_us = (uint32_t)value;
    return CLOISTER_OK;
}

static cloister_status ready_fd(const char *text, struct options *options, struct reason *why)
{
    uint64_t value;
    cloister_status status = number("ready-fd", text, 3, INT_MAX, &value, why);
    if (status == CLOISTER_OK)
        options->ready_fd = (int)value;
    return status;
}

static cloister_status guest_memory(const char *text, struct options *options, struct reason *why)
{
    uint64_t value;
    cloister_status status =
        number("guest-memory", text, CLO_GUEST_SIZE_MIN, CLO_GUEST_SIZE_MAX, &value, why);
    if (status != CLOISTER_OK)
        return status;
    if ((value & (value - 1)) != 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "--guest-memory is '%.40s'; it must be a power of two", text);
    options->guest_memory = (uint32_t)value;
    return CLOISTER_OK;
}

static cloister_status add_module(const char *path, struct options *options, struct reason *why)
{
    if (options->module_count == CLO_MODULES_MAX)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "more than %u modules; a world holds %u at most",
                      CLO_MODULES_MAX, CLO_MODULES_MAX);
    options->module[options->module_count++] = path;
    return CLOISTER_OK;
}

static cloister_status option(int code, const char *value, struct options *options,
                              struct reason *why)
{
    switch (code) {
    case OPTION_NAME:
        options->name = value;
        return CLOISTER_OK;
    case OPTION_POSITIONAL:
    case OPTION_MODULE:
        return add_module(value, options, why);
    case OPTION_DEBUG:
        options->debug = true;
        return CLOISTER_OK;
    case OPTION_POLL:
        return poll_mode(value, options, why);
    case OPTION_SPIN:
        return spin(value, options, why);
    case OPTION_WINDOW:
        return page_size("window", value, OPTIONS_WINDOW_MIN, CLO_WINDOW_SIZE_MAX, &options->window,
                         why);
    case OPTION_NO_GUEST_MEMFD:
        options->no_guest_memfd = true;
        return CLOISTER_OK;
    case OPTION_VERBOSE:
        options->verbose = true;
        return CLOISTER_OK;
    case OPTION_READY_FD:
        return ready_fd(value, options, why);
    case OPTION_GUEST_SOCKET:
        options->guest_socket = value;
        return CLOISTER_OK;
    case OPTION_GUEST_MEMORY:
        return guest_memory(value, options, why);
    case OPTION_EXEC:
        options->mode = OPTIONS_EXEC;
        options->program = value;
        return CLOISTER_OK;
    case OPTION_MEM:
        return page_size("mem", value, OPTIONS_EXEC_MEMORY_MIN, OPTIONS_EXEC_MEMORY_MAX,
                         &options->memory, why);
    case OPTION_PROBE:
        options->mode = OPTIONS_PROBE;
        return CLOISTER_OK;
    case OPTION_JSON:
        options->json = true;
        return CLOISTER_OK;
    case OPTION_HELP:
        options->mode = OPTIONS_HELP;
        return CLOISTER_OK;
    default:
        return refuse(why, CLOISTER_BAD_ARGUMENT, "unknown option");
    }
}

static cloister_status check_world(const struct options *options, struct reason *why)
{
    uint8_t name[CLO_NAME_SIZE];
    if (!options->name)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "--name is missing; a world needs one");
    if (!name_set(name, sizeof name, options->name) || !name_is_valid(name, sizeof name))
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "world name '%.40s' is not 1 to %u letters, digits, '-', '_' and '.', "
                      "starting with none of '-' and '.'",
                      options->name, CLO_NAME_SIZE - 1);
    if (options->module_count == 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "--module is missing; a world needs one to %u",
                      CLO_MODULES_MAX);
    if (options->guest_memory && !options->guest_socket)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "--guest-memory given without --guest-socket");
    return CLOISTER_OK;
}

/* Options that mean nothing in the chosen mode are refused, never ignored. */
static cloister_status check(const struct options *options, struct reason *why)
{
    bool world = options->name || options->debug || options->window || options->spin_given ||
                 options->module_count || options->ready_fd >= 0 || options->guest_socket ||
                 options->guest_memory;
    if (options->mode != OPTIONS_WORLD && world)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "options of a world (--name, --module, …) given with --exec or --probe");
    if (options->mode != OPTIONS_EXEC && options->memory)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "--mem given without --exec");
    if (options->mode != OPTIONS_PROBE && options->json)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "--json given without --probe");
    if (options->mode == OPTIONS_WORLD)
        return check_world(options, why);
    if (options->mode == OPTIONS_EXEC && !options->arguments[0])
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "arguments of %.80s are missing; give '--' and at least its name",
                      options->program);
    return CLOISTER_OK;
}

static cloister_status bad_option(int code, char **argv, struct reason *why)
{
    const char *given = argv[optind - 1];
    if (code == ':')
        return refuse(why, CLOISTER_BAD_ARGUMENT, "option %.40s needs a value", given);
    return refuse(why, CLOISTER_BAD_ARGUMENT, "unknown option %.40s", given);
}

/* What stands after "--": modules of a world, arguments of a program. */
static cloister_status rest(char **words, struct options *options, struct reason *why)
{
    options->arguments = words;
    if (options->mode == OPTIONS_EXEC)
        return CLOISTER_OK;
    for (; *words; words++) {
        cloister_status status = add_module(*words, options, why);
        if (status != CLOISTER_OK)
            return status;
    }
    return CLOISTER_OK;
}

cloister_status options_parse(int argc, char **argv, struct options *options, struct reason *why)
{
    *options = (struct options){.ready_fd = -1, .spin_us = OPTIONS_SPIN_DEFAULT_US};
    optind = 0;
    opterr = 0;
    int code;
    while ((code = getopt_long(argc, argv, "-:", long_options, NULL)) != -1) {
        if (code == '?' || code == ':')
            return bad_option(code, argv, why);
        cloister_status status = option(code, optarg, options, why);
        if (status != CLOISTER_OK)
            return status;
    }
    if (options->mode == OPTIONS_HELP)
        return CLOISTER_OK;
    cloister_status status = rest(argv + optind, options, why);
    if (status != CLOISTER_OK)
        return status;
    status = check(options, why);
    if (status == CLOISTER_OK && options->mode == OPTIONS_EXEC && options->memory == 0)
        options->memory = OPTIONS_EXEC_MEMORY_DEFAULT;
    if (status == CLOISTER_OK && options->guest_socket && options->guest_memory == 0)
        options->guest_memory = CLO_GUEST_SIZE_DEFAULT;
    return status;
}

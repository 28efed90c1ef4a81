/*
 * cloister world run: checks the options and becomes the keeper; with --detach starts it in a
 * session of its own and returns when the world serves. The log is standard error, or with --detach
 * a file.
 */
#include "tools/world_run.h"

#include "base/bytes.h"
#include "base/scope.h"
#include "tools/interrupt.h"
#include "tools/kvm_device.h"
#include "tools/metrics_start.h"
#include "tools/tool.h"
#include "tools/world_detach.h"

#include "abi/guest.h"

#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#define COMMAND "world run"
#define SPIN_MAX_US 1000000u
#define WINDOW_MIN (1u << 20)
/* Fixed words, two words a module, and the end. */
#define WORDS_MAX (32 + 2 * CLO_MODULES_MAX)

static const char help[] =
    "Usage: cloister world run NAME --module FILE... [OPTIONS]\n"
    "Starts a secure world with these modules and serves until it is told to stop, by\n"
    "'cloister world stop', SIGTERM or Ctrl-C. Logs to standard error.\n"
    "\n"
    "  --module FILE        a module; its name in the world is the file's without .mod\n"
    "  --detach             run in the background; return when the world serves\n"
    "  --log FILE           with --detach: append the log here (default: NAME.log in the\n"
    "                       runtime folder)\n"
    "  --debug              debug world: takes unsigned modules, opens no production data\n"
    "  --state DIR          platform keys (default: $CLOISTER_STATE, else the system's)\n"
    "  --poll HOW           adaptive, always or never: how modules wait for calls\n"
    "  --spin US            poll for so many microseconds, then sleep (0 to 1000000)\n"
    "  --window SIZE        room for channels (1M to 1G)\n"
    "  --no-guest-memfd     keep module data in ordinary memory; reports say so\n"
    "  --guest-socket PATH  serve guests too: where QEMU's ivshmem-doorbell, or cloister guest,\n"
    "                       connects\n"
    "  --guest-memory SIZE  memory that a guest shares with the world: 8M to 256M, a power\n"
    "                       of two (default: 16M)\n"
    "  --metrics PATH|PORT  answer GET /metrics for this world (see 'cloister metrics')\n"
    "  --verbose            log more\n"
    "\n"
    "Exit status: 0 stopped (with --detach: serving), 6 no usable /dev/kvm, 7 a module is not\n"
    "acceptable, others as in 'cloister --help'.\n";

/* The keeper's command line as it grows. Numbers that we print live here. */
struct command_line {
    const char *word[WORDS_MAX];
    unsigned count;
    char window[24];
    char guest_memory[24];
    char ready_fd[12];
    char world_host[PATH_MAX];
    char keeper[PATH_MAX];
};

struct run_options {
    const char *name;
    const char *state;
    const char *log;
    const char *poll;
    const char *spin;
    const char *window;
    const char *metrics;
    const char *guest_socket;
    const char *guest_memory;
    bool detach, debug, no_guest_memfd, verbose;
    const char *module[CLO_MODULES_MAX];
    unsigned module_count;
};

static void add(struct command_line *line, const char *word)
{
    line->word[line->count++] = word;
    line->word[line->count] = NULL;
}

static void add_option(struct command_line *line, const char *option, const char *value)
{
    if (!value)
        return;
    add(line, option);
    add(line, value);
}

static void add_flag(struct command_line *line, const char *option, bool given)
{
    if (given)
        add(line, option);
}

static int add_module(struct run_options *options, const char *path)
{
    if (options->module_count == CLO_MODULES_MAX)
        return tool_usage(COMMAND, "more than %u modules; a world holds %u at most",
                          CLO_MODULES_MAX, CLO_MODULES_MAX);
    options->module[options->module_count++] = path;
    return TOOL_OK;
}

/* The first word that is no option is the name; a later one is one more module, so that
   `--module a.mod b.mod` and `--module *.mod` do what they look like. */
static int add_word(struct run_options *options, const char *word)
{
    if (options->name)
        return add_module(options, word);
    options->name = word;
    return TOOL_OK;
}

static int take_option(struct run_options *options, int option)
{
    switch (option) {
    case 1:
        return add_word(options, optarg);
    case 'm':
        return add_module(options, optarg);
    case 'd':
        options->detach = true;
        return TOOL_OK;
    case 'l':
        options->log = optarg;
        return TOOL_OK;
    case 'g':
        options->debug = true;
        return TOOL_OK;
    case 's':
        options->state = optarg;
        return TOOL_OK;
    case 'p':
        options->poll = optarg;
        return TOOL_OK;
    case 'u':
        options->spin = optarg;
        return TOOL_OK;
    case 'w':
        options->window = optarg;
        return TOOL_OK;
    case 'q':
        options->guest_socket = optarg;
        return TOOL_OK;
    case 'y':
        options->guest_memory = optarg;
        return TOOL_OK;
    case 'x':
        options->metrics = optarg;
        return TOOL_OK;
    case 'n':
        options->no_guest_memfd = true;
        return TOOL_OK;
    default:
        options->verbose = true;
        return TOOL_OK;
    }
}

static int parse(int argc, char **argv, struct run_options *options)
{
    static const struct option names[] = {
        {"module", required_argument, NULL, 'm'},
        {"detach", no_argument, NULL, 'd'},
        {"log", required_argument, NULL, 'l'},
        {"debug", no_argument, NULL, 'g'},
        {"state", required_argument, NULL, 's'},
        {"poll", required_argument, NULL, 'p'},
        {"spin", required_argument, NULL, 'u'},
        {"window", required_argument, NULL, 'w'},
        {"no-guest-memfd", no_argument, NULL, 'n'},
        {"verbose", no_argument, NULL, 'v'},
        {"guest-socket", required_argument, NULL, 'q'},
        {"guest-memory", required_argument, NULL, 'y'},
        {"metrics", required_argument, NULL, 'x'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "-:h", names, NULL)) != -1) {
        if (option == 'h')
            return -1;
        if (option == '?' || option == ':')
            return tool_bad_option(COMMAND, option, argv);
        int taken = take_option(options, option);
        if (taken != TOOL_OK)
            return taken;
    }
    for (; optind < argc; optind++) {
        int taken = add_word(options, argv[optind]);
        if (taken != TOOL_OK)
            return taken;
    }
    return TOOL_OK;
}

static int check_words(const struct run_options *options)
{
    if (!options->name)
        return tool_usage(COMMAND, "a name for the world is missing");
    if (options->module_count == 0)
        return tool_usage(COMMAND, "world %.40s has no module; --module FILE gives it one",
                          options->name);
    if (options->poll && options->spin)
        return tool_usage(COMMAND, "--poll and --spin exclude each other");
    if (options->log && !options->detach)
        return tool_usage(COMMAND, "--log needs --detach; without it the log is standard error");
    if (options->guest_memory && !options->guest_socket)
        return tool_usage(COMMAND, "--guest-memory needs --guest-socket");
    return TOOL_OK;
}

static cloister_status check_texts(const struct run_options *options, struct reason *why)
{
    uint8_t name[CLO_NAME_SIZE];
    if (!name_set(name, sizeof name, options->name) || !name_is_valid(name, sizeof name))
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "world name '%.40s' is not 1 to %u letters, digits, '-', '_' and '.', "
                      "starting with none of '-' and '.'",
                      options->name, CLO_NAME_SIZE - 1);
    if (options->poll && strcmp(options->poll, "adaptive") != 0 &&
        strcmp(options->poll, "always") != 0 && strcmp(options->poll, "never") != 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "--poll is '%.40s'; it must be adaptive, always or never", options->poll);
    return CLOISTER_OK;
}

static cloister_status check_guest_memory(const char *text, struct command_line *line,
                                          struct reason *why)
{
    unsigned long long size;
    cloister_status status =
        tool_size("--guest-memory", text, CLO_GUEST_SIZE_MIN, CLO_GUEST_SIZE_MAX, &size, why);
    if (status != CLOISTER_OK)
        return status;
    if ((size & (size - 1)) != 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "--guest-memory is '%.40s'; it must be a power of two, 8M to 256M", text);
    (void)snprintf(line->guest_memory, sizeof line->guest_memory, "%llu", size);
    return CLOISTER_OK;
}

/* The numbers, so that a wrong one is named before anything starts. */
static cloister_status check_numbers(const struct run_options *options, struct command_line *line,
                                     struct reason *why)
{
    unsigned long long number;
    if (options->spin) {
        cloister_status status = tool_number("--spin", options->spin, 0, SPIN_MAX_US, &number, why);
        if (status != CLOISTER_OK)
            return status;
    }
    if (options->guest_memory) {
        cloister_status status = check_guest_memory(options->guest_memory, line, why);
        if (status != CLOISTER_OK)
            return status;
    }
    if (!options->window)
        return CLOISTER_OK;
    cloister_status status =
        tool_size("--window", options->window, WINDOW_MIN, CLO_WINDOW_SIZE_MAX, &number, why);
    if (status != CLOISTER_OK)
        return status;
    number = number / CLO_PAGE_SIZE * CLO_PAGE_SIZE;
    (void)snprintf(line->window, sizeof line->window, "%llu", number);
    return CLOISTER_OK;
}

static cloister_status find_programs(struct command_line *line, struct reason *why)
{
    cloister_status status =
        tool_program_path("cloister-keeper", line->keeper, sizeof line->keeper, why);
    if (status != CLOISTER_OK)
        return status;
    return tool_program_path("cloister-world", line->world_host, sizeof line->world_host, why);
}

static void compose(const struct run_options *options, int ready_fd, struct command_line *line)
{
    add(line, "cloister-keeper");
    add_option(line, "--state", options->state);
    add_option(line, "--world-host", line->world_host);
    if (ready_fd >= 0) {
        (void)snprintf(line->ready_fd, sizeof line->ready_fd, "%d", ready_fd);
        add_option(line, "--ready-fd", line->ready_fd);
    }
    add(line, "--");
    add_option(line, "--name", options->name);
    add_flag(line, "--debug", options->debug);
    add_option(line, "--poll", options->poll);
    add_option(line, "--spin", options->spin);
    add_option(line, "--window", options->window ? line->window : NULL);
    add_flag(line, "--no-guest-memfd", options->no_guest_memfd);
    add_option(line, "--guest-socket", options->guest_socket);
    add_option(line, "--guest-memory", options->guest_memory ? line->guest_memory : NULL);
    add_flag(line, "--verbose", options->verbose);
    for (unsigned i = 0; i < options->module_count; i++)
        add_option(line, "--module", options->module[i]);
}

static int run_here(const struct run_options *options, struct command_line *line)
{
    struct reason why;
    int exit_status;
    if (options->metrics &&
        metrics_start(options->name, options->metrics, &exit_status) != CLOISTER_OK)
        return exit_status;
    compose(options, -1, line);
    (void)execv(line->keeper, (char *const *)(uintptr_t)line->word);
    return tool_fail(COMMAND, refuse_errno(&why, "cannot start %.200s", line->keeper), &why);
}

static int run_detached(const struct run_options *options, struct command_line *line)
{
    struct reason why = {0};
    struct detached world = {
        .name = options->name, .log = options->log, .metrics = options->metrics};
    interrupt_hold();
    cloister_status status = detached_prepare(&world, &why);
    if (status != CLOISTER_OK)
        return tool_fail(COMMAND, status, &why);
    compose(options, world.ready_fd, line);
    int exit_status = detached_start(&world, line->keeper, line->word);
    interrupt_release();
    return exit_status;
}

int world_run(int argc, char **argv)
{
    struct run_options options = {0};
    struct command_line line = {0};
    struct reason why = {0};
    int parsed = parse(argc, argv, &options);
    if (parsed != TOOL_OK)
        return parsed < 0 ? tool_help(help) : parsed;
    parsed = check_words(&options);
    if (parsed != TOOL_OK)
        return parsed;
    cloister_status status = check_texts(&options, &why);
    if (status == CLOISTER_OK)
        status = check_numbers(&options, &line, &why);
    if (status == CLOISTER_OK)
        status = kvm_device_check(&why);
    if (status == CLOISTER_OK)
        status = find_programs(&line, &why);
    if (status != CLOISTER_OK)
        return tool_fail(COMMAND, status, &why);
    return options.detach ? run_detached(&options, &line) : run_here(&options, &line);
}

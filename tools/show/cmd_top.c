/*
 * cloister top: watches running worlds, on the terminal or once.
 */
#include "tools/show/commands.h"

#include "base/scope.h"
#include "tools/show/top_print.h"
#include "tools/show/top_screen.h"
#include "tools/show/world_names.h"
#include "tools/tool.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define COMMAND "top"
#define SECONDS_LEAST 0.1
#define SECONDS_MOST 3600.0

static const char help[] =
    "Usage: cloister top [WORLD...] [-d SECONDS] [--sort KEY] [--once [--json]]\n"
    "Watches running worlds and their modules: calls and exits per second, latency, who polls or\n"
    "is parked, channels, memory of world host and keeper, guests. All worlds, or those named.\n"
    "\n"
    "  -d, --delay SECONDS  time between two looks (0.1 to 3600; default 2, with --once 1)\n"
    "  --sort KEY           name, calls, p99, exits or memory\n"
    "  --once               look twice, print what happened in between, end; needs no terminal\n"
    "  --json               with --once: as JSON\n"
    "\n"
    "Keys: q quit, left and right choose the order, r reverses it, m hides modules, up, down,\n"
    "PgUp, PgDn scroll, + and - change the delay, space looks at once.\n"
    "\n"
    "P50 and P99 are service times inside the module as the module states them, of the calls\n"
    "since the last look, rounded up by at most a quarter. HOST and KEEPER are memory: PSS where\n"
    "it may be read (root), else RSS.\n"
    "\n"
    "Exit status: 0 done, 6 no terminal to draw on, others as in 'cloister --help'.\n";

struct options {
    bool once;
    bool json;
    double seconds; /* 0: not given */
    enum top_order order;
    char **names;
    size_t count;
};

/* The two snapshots that a view is made of. */
struct watch {
    const struct options *options;
    struct snapshot before;
    struct snapshot now;
};

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
    (void)number;
    ended = 1;
}

static cloister_status parse_seconds(const char *text, double *seconds, struct reason *why)
{
    char *end = NULL;
    errno = 0;
    double value = strtod(text, &end);
    if (errno || end == text || *end || !(value >= SECONDS_LEAST && value <= SECONDS_MOST))
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "--delay is '%.40s'; it must be seconds from %.1f to %.0f", text,
                      SECONDS_LEAST, SECONDS_MOST);
    *seconds = value;
    return CLOISTER_OK;
}

static cloister_status parse_order(const char *text, enum top_order *order, struct reason *why)
{
    static const char *const names[TOP_ORDERS] = {"name", "calls", "p99", "exits", "memory"};
    for (unsigned i = 0; i < TOP_ORDERS; i++)
        if (strcmp(text, names[i]) == 0) {
            *order = (enum top_order)i;
            return CLOISTER_OK;
        }
    return refuse(why, CLOISTER_BAD_ARGUMENT,
                  "--sort is '%.40s'; it must be name, calls, p99, exits or memory", text);
}

static int take_option(int option, struct options *options, char **argv)
{
    struct reason why = {0};
    cloister_status status = CLOISTER_OK;
    switch (option) {
    case 'o':
        options->once = true;
        break;
    case 'j':
        options->json = true;
        break;
    case 'd':
        status = parse_seconds(optarg, &options->seconds, &why);
        break;
    case 's':
        status = parse_order(optarg, &options->order, &why);
        break;
    default:
        return tool_bad_option(COMMAND, option, argv);
    }
    return status == CLOISTER_OK ? TOOL_OK : tool_fail(COMMAND, status, &why);
}

static int parse(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"once", no_argument, NULL, 'o'},        {"json", no_argument, NULL, 'j'},
        {"delay", required_argument, NULL, 'd'}, {"sort", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},        {0},
    };
    int option;
    *options = (struct options){0};
    while ((option = getopt_long(argc, argv, ":hd:", names, NULL)) != -1) {
        if (option == 'h')
            return -1;
        int taken = take_option(option, options, argv);
        if (taken != TOOL_OK)
            return taken;
    }
    options->names = argv + optind;
    options->count = (size_t)(argc - optind);
    if (options->json && !options->once)
        return tool_usage(COMMAND, "--json needs --once");
    return TOOL_OK;
}

/* Looks: what was new is old. */
static cloister_status look(struct watch *watch, struct reason *why)
{
    const struct options *options = watch->options;
    struct world_names found = {0};
    struct snapshot fresh;
    cloister_status status = CLOISTER_OK;
    if (options->count == 0)
        status = world_names_list(&found, why);
    if (status != CLOISTER_OK)
        return status;
    status = snapshot_take(options->count ? options->names : found.name,
                           options->count ? options->count : found.count, options->count == 0,
                           &watch->now, &fresh);
    world_names_free(&found);
    if (status != CLOISTER_OK)
        return refuse(why, status, "no memory for a snapshot");
    snapshot_free(&watch->before);
    watch->before = watch->now;
    watch->now = fresh;
    return CLOISTER_OK;
}

static void wait_seconds(double seconds)
{
    struct timespec rest = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR && !ended)
        ;
}

/* A world that was named has to be there. */
static cloister_status check_named(const struct watch *watch, struct reason *why)
{
    for (size_t i = 0; watch->options->count > 0 && i < watch->now.count; i++) {
        const struct world_sample *sample = &watch->now.world[i];
        if (sample->status != CLOISTER_OK)
            return refuse(why, sample->status, "world '%.60s': %s", sample->name,
                          sample->status == CLOISTER_NOT_FOUND
                              ? "it is not running; 'cloister world ls' lists those that are"
                              : cloister_status_text(sample->status));
    }
    return CLOISTER_OK;
}

static cloister_status print_once(const struct watch *watch, struct reason *why)
{
    struct top_view view;
    cloister_status status =
        top_view_make(&watch->before, &watch->now, watch->options->order, false, &view);
    if (status != CLOISTER_OK)
        return refuse(why, status, "no memory for the table");
    json_t *json = watch->options->json ? top_json(&view) : NULL;
    AUTO_FREE char *text = json ? json_dumps(json, JSON_INDENT(2) | JSON_ENSURE_ASCII) : NULL;
    json_decref(json);
    if (!watch->options->json)
        top_print(&view);
    else if (text)
        (void)printf("%s\n", text);
    top_view_free(&view);
    return watch->options->json && !text ? refuse(why, CLOISTER_NO_MEMORY, "no memory for JSON")
                                         : CLOISTER_OK;
}

static cloister_status run_once(struct watch *watch, struct reason *why)
{
    cloister_status status = look(watch, why);
    if (status == CLOISTER_OK)
        status = check_named(watch, why);
    if (status != CLOISTER_OK)
        return status;
    wait_seconds(watch->options->seconds > 0 ? watch->options->seconds : 1);
    status = look(watch, why);
    if (status == CLOISTER_OK)
        status = print_once(watch, why);
    return status;
}

static uint64_t clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static cloister_status draw(const struct watch *watch, struct top_choice *choice,
                            const char *message)
{
    struct top_view view;
    cloister_status status =
        top_view_make(&watch->before, &watch->now, choice->order, choice->reverse, &view);
    if (status != CLOISTER_OK)
        return status;
    top_screen_draw(&view, choice, message);
    top_view_free(&view);
    return CLOISTER_OK;
}

/* Draws and takes keys until it is time for the next look. false: the user has had enough. */
static bool interact(const struct watch *watch, struct top_choice *choice, const char *message)
{
    uint64_t begun = clock_ms();
    for (;;) {
        uint64_t passed = clock_ms() - begun;
        uint64_t wanted = (uint64_t)(choice->seconds * 1000);
        if (draw(watch, choice, message) != CLOISTER_OK || ended)
            return false;
        if (passed >= wanted)
            return true;
        if (top_screen_wait(choice, (int)(wanted - passed)) == TOP_QUIT)
            return false;
    }
}

static void watch_signals(void)
{
    const struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
}

static cloister_status run_screen(struct watch *watch, struct reason *why)
{
    struct reason trouble;
    struct top_choice choice = {.order = watch->options->order,
                                .seconds =
                                    watch->options->seconds > 0 ? watch->options->seconds : 2};
    cloister_status status = top_screen_open(why);
    if (status != CLOISTER_OK)
        return status;
    watch_signals();
    do
        status = look(watch, &trouble);
    while (interact(watch, &choice, status == CLOISTER_OK ? NULL : trouble.text));
    top_screen_close();
    return CLOISTER_OK;
}

int cmd_top(int argc, char **argv)
{
    struct options options;
    struct reason why = {0};
    int parsed = parse(argc, argv, &options);
    if (parsed != TOOL_OK)
        return parsed < 0 ? tool_help(help) : parsed;
    struct watch watch = {.options = &options};
    cloister_status status = options.once ? run_once(&watch, &why) : run_screen(&watch, &why);
    snapshot_free(&watch.before);
    snapshot_free(&watch.now);
    return status == CLOISTER_OK ? TOOL_OK : tool_fail(COMMAND, status, &why);
}

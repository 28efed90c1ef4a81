/*
 * The metrics server: asks worlds over their sockets, as any client may, and tells a Prometheus
 * server. A process of its own, so that no world host has to read HTTP.
 *
 *   cloister-metrics --listen PATH|PORT [--ready-fd N] [--parent PID] [WORLD…]
 *
 * Started by `cloister metrics`, and by `cloister world run --metrics` (then it ends with the
 * world's keeper, its parent PID).
 */
#include "base/log.h"
#include "base/scope.h"
#include "tools/metrics/metrics_sandbox.h"
#include "tools/metrics/metrics_server.h"
#include "tools/tool.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#define PROGRAM "cloister-metrics"

struct options {
    const char *listen;
    int ready;    /* gets one byte when it listens; -1: none */
    pid_t parent; /* end with it; 0: with nobody */
    char **names;
    size_t count;
};

static cloister_status take_option(int option, char **argv, struct options *options,
                                   struct reason *why)
{
    unsigned long long number = 0;
    cloister_status status;
    switch (option) {
    case 'l':
        options->listen = optarg;
        return CLOISTER_OK;
    case 'r':
        status = tool_number("--ready-fd", optarg, STDERR_FILENO + 1, INT_MAX, &number, why);
        options->ready = status == CLOISTER_OK ? (int)number : -1;
        return status;
    case 'p':
        status = tool_number("--parent", optarg, 1, INT_MAX, &number, why);
        options->parent = (pid_t)number;
        return status;
    default:
        return refuse(why, CLOISTER_BAD_ARGUMENT, "unknown option or missing value: %.80s",
                      argv[optind - 1]);
    }
}

static cloister_status parse(int argc, char **argv, struct options *options, struct reason *why)
{
    static const struct option known[] = {{"listen", required_argument, NULL, 'l'},
                                          {"ready-fd", required_argument, NULL, 'r'},
                                          {"parent", required_argument, NULL, 'p'},
                                          {0}};
    *options = (struct options){.ready = -1};
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        cloister_status status = take_option(option, argv, options, why);
        if (status != CLOISTER_OK)
            return status;
    }
    options->names = argv + optind;
    options->count = (size_t)(argc - optind);
    if (!options->listen || !*options->listen)
        return refuse(why, CLOISTER_BAD_ARGUMENT, "--listen PATH|PORT is missing");
    return CLOISTER_OK;
}

/* Nothing that whoever started us had open stays open. */
static cloister_status tidy(const struct options *options, struct reason *why)
{
    unsigned first = STDERR_FILENO + 1;
    unsigned kept = options->ready < 0 ? ~0u : (unsigned)options->ready;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_NOCTTY) != fd)
            return refuse_errno(why, "cannot open /dev/null");
    if (kept > first)
        (void)close_range(first, kept - 1, 0);
    if (kept != ~0u)
        (void)close_range(kept + 1, ~0u, 0);
    return CLOISTER_OK;
}

static cloister_status take_signals(const struct options *options, int *signals, struct reason *why)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return refuse_errno(why, "cannot block signals");
    if (options->parent && (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != options->parent))
        return refuse(why, CLOISTER_DEAD, "the world has ended already");
    *signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return *signals < 0 ? refuse_errno(why, "cannot receive signals") : CLOISTER_OK;
}

static void say_ready(int *fd)
{
    if (*fd >= 0 && write(*fd, "1", 1) != 1)
        log_debug("nobody waits for the metrics");
    scope_close(fd);
    *fd = -1;
}

static cloister_status run(struct options *options, struct reason *why)
{
    struct listening listening = {.fd = -1, .folder = -1};
    int signals = -1;
    cloister_status status = tidy(options, why);
    if (status == CLOISTER_OK)
        status = take_signals(options, &signals, why);
    if (status == CLOISTER_OK)
        status = listen_open(options->listen, &listening, why);
    if (status != CLOISTER_OK) {
        scope_close(&listening.folder);
        return status;
    }
    say_ready(&options->ready);
    status = metrics_sandbox_enter(listening.folder, why);
    if (status == CLOISTER_OK)
        status = metrics_serve(&listening, signals, options->names, options->count, why);
    listen_close(&listening);
    return status;
}

int main(int argc, char **argv)
{
    struct reason why = {0};
    struct options options;
    log_start(PROGRAM, LOG_LEVEL_INFO);
    cloister_status status = parse(argc, argv, &options, &why);
    if (status == CLOISTER_OK)
        status = run(&options, &why);
    if (status == CLOISTER_OK)
        return TOOL_OK;
    log_error("%s", why.text[0] ? why.text : cloister_status_text(status));
    return tool_exit_of(status);
}

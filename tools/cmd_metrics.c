/*
 * cloister metrics: becomes the metrics server.
 */
#include "tools/tool.h"

#include "base/scope.h"

#include <getopt.h>
#include <stdint.h>

#define COMMAND "metrics"

static const char help[] =
    "Usage: cloister metrics --listen PATH|PORT [WORLD...]\n"
    "Tells a Prometheus server about running worlds, all or those named: answers GET /metrics on\n"
    "a Unix socket (mode 0600) or on a port of 127.0.0.1, until SIGTERM or Ctrl-C. Needs no\n"
    "privileges but those of a client of the worlds; 'world run --metrics' starts one for one\n"
    "world. docs/operations.md lists the metrics.\n"
    "\n"
    "  --listen PATH|PORT   a path contains a '/'\n"
    "\n"
    "Exit status: 0 told to end, 7 PATH or PORT is not acceptable, others as in\n"
    "'cloister --help'.\n";

static int become_server(const char *listen, char *const *names, size_t count)
{
    AUTO_FREE const char **words = calloc(count + 5, sizeof *words);
    if (!words)
        return tool_fail(COMMAND, CLOISTER_NO_MEMORY, NULL);
    words[0] = "cloister-metrics";
    words[1] = "--listen";
    words[2] = listen;
    words[3] = "--";
    for (size_t i = 0; i < count; i++)
        words[4 + i] = names[i];
    return tool_program_become(COMMAND, (char *const *)(uintptr_t)words);
}

int cmd_metrics(int argc, char **argv)
{
    static const struct option options[] = {
        {"listen", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    const char *listen = NULL;
    int option;
    while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (option == 'h')
            return tool_help(help);
        if (option != 'l')
            return tool_bad_option(COMMAND, option, argv);
        listen = optarg;
    }
    if (!listen)
        return tool_usage(COMMAND, "--listen PATH|PORT is missing");
    return become_server(listen, argv + optind, (size_t)(argc - optind));
}

/*
 * cloister world: start and end secure worlds; cloister-show lists them and looks at them.
 */
#include "tools/tool.h"

#include "base/scope.h"
#include "tools/cmd_show.h"
#include "tools/world_open.h"
#include "tools/world_run.h"

#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

#define STOP_TIMEOUT_MS 10000

static const char help[] =
    "Usage: cloister world COMMAND [ARGUMENTS...]\n"
    "\n"
    "  run NAME --module FILE...   start a world; --help says with what options\n"
    "  ls [--json]                 running worlds\n"
    "  show NAME [--json]          a world: its modules, measurements, authors, calls, guests\n"
    "  stop NAME                   end a world; returns when it is gone\n"
    "\n"
    "NAME is a world's name, or the path of its socket if it contains '/'. In a guest 'guest:'\n"
    "is the world behind its mailbox device, 'guest:ADDRESS' that behind one of several.\n"
    "Exit status: 0 done, 4 no such world, 5 not yours, others as in 'cloister --help'.\n";

static int open_process(uint32_t pid)
{
    return (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
}

/* Waits until the process is gone; a descriptor below 0 stands for one that is gone already. */
static bool wait_gone(int process)
{
    struct pollfd poller = {.fd = process, .events = POLLIN};
    int ready;
    if (process < 0)
        return true;
    do
        ready = poll(&poller, 1, STOP_TIMEOUT_MS);
    while (ready < 0 && errno == EINTR);
    return ready == 1;
}

static cloister_status stop_world(cloister_world *world, const char *name, struct reason *why)
{
    struct clo_world_info info;
    cloister_status status = cloister_world_info(world, &info);
    if (status != CLOISTER_OK)
        return refuse(why, status, "world '%.60s' does not answer: %s", name,
                      cloister_status_text(status));
    AUTO_FD int host = open_process(info.pid);
    AUTO_FD int keeper = open_process(info.keeper);
    status = cloister_world_stop(world);
    /* It may hang up before its answer arrives. */
    if (status != CLOISTER_OK && status != CLOISTER_DEAD)
        return refuse(why, status, "world '%.60s' does not stop: %s", name,
                      status == CLOISTER_DENIED ? "only its own user and root may ask it to"
                                                : cloister_status_text(status));
    if (!wait_gone(host) || !wait_gone(keeper))
        return refuse(why, CLOISTER_TIMEOUT,
                      "world '%.60s' (process %u) is still there after %d s; 'kill %u' ends it",
                      name, info.pid, STOP_TIMEOUT_MS / 1000, info.pid);
    return CLOISTER_OK;
}

static int stop(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    struct reason why = {0};
    cloister_world *world;
    int option = getopt_long(argc, argv, ":h", options, NULL);
    if (option == 'h')
        return tool_help(help);
    if (option != -1)
        return tool_bad_option("world stop", option, argv);
    if (argc - optind != 1)
        return tool_usage("world stop", "one world's name is needed and nothing else");
    cloister_status status = world_open(argv[optind], &world, &why);
    if (status != CLOISTER_OK)
        return tool_fail("world stop", status, &why);
    status = stop_world(world, argv[optind], &why);
    cloister_world_close(world);
    return status == CLOISTER_OK ? TOOL_OK : tool_fail("world stop", status, &why);
}

int cmd_world(int argc, char **argv)
{
    static const struct tool_command commands[] = {
        {"run", world_run}, {"ls", cmd_show_world}, {"show", cmd_show_world}, {"stop", stop}};
    return tool_dispatch("world", help, commands, ARRAY_SIZE(commands), argc, argv);
}

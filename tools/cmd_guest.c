/*
 * cloister guest: becomes the guest VMM, a program of its own. Takes nothing but the command's name
 * off its arguments.
 */
#include "tools/tool.h"

#include "base/scope.h"

#include <limits.h>

#define COMMAND "guest run"

static const char help[] =
    "Usage: cloister guest COMMAND [ARGUMENTS...]\n"
    "\n"
    "  run --kernel FILE [OPTION...]   boot a Linux kernel in a virtual machine that can call the\n"
    "                                  modules of a world; --help says with what options\n"
    "\n"
    "A guest runs in a small VMM of its own (cloister-guest), apart from every world.\n"
    "Exit status: 0 the guest ended; others as in 'cloister --help'.\n";

static int run(int argc, char **argv)
{
    char program[PATH_MAX];
    struct reason why = {0};
    (void)argc;
    cloister_status status = tool_program_path("cloister-guest", program, sizeof program, &why);
    if (status != CLOISTER_OK)
        return tool_fail(COMMAND, status, &why);
    (void)execv(program, argv);
    status = refuse_errno(&why, "cannot start %.200s", program);
    return tool_fail(COMMAND, status, &why);
}

int cmd_guest(int argc, char **argv)
{
    static const struct tool_command commands[] = {{"run", run}};
    return tool_dispatch("guest", help, commands, ARRAY_SIZE(commands), argc, argv);
}

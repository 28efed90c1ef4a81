/*
 * cloister guest: becomes the guest VMM, a program of its own.
 */
#include "tools/tool.h"

#include "base/scope.h"

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
    static char program[] = "cloister-guest";
    (void)argc;
    argv[0] = program;
    return tool_program_become("guest run", argv);
}

int cmd_guest(int argc, char **argv)
{
    static const struct tool_command commands[] = {{"run", run}};
    return tool_dispatch("guest", help, commands, ARRAY_SIZE(commands), argc, argv);
}

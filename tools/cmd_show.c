/*
 * The commands that need JSON or a terminal: becomes cloister-show (tools/show/), so that the other
 * commands need neither those libraries nor theirs, glibc, which takes longer to start.
 */
#include "tools/cmd_show.h"

#include "tools/tool.h"

static char program[] = "cloister-show";

int cmd_show_doctor(int argc, char **argv)
{
    static char group[] = "doctor";
    return tool_program_pass(program, group, argc - 1, argv + 1);
}

int cmd_show_top(int argc, char **argv)
{
    static char group[] = "top";
    return tool_program_pass(program, group, argc - 1, argv + 1);
}

int cmd_show_world(int argc, char **argv)
{
    static char group[] = "world";
    return tool_program_pass(program, group, argc, argv);
}

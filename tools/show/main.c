/*
 * cloister-show: the commands of `cloister` that show hosts and running worlds. A program of its
 * own, because it needs libraries for JSON and terminals, which are there for glibc alone.
 *
 *   cloister-show doctor|top|world [COMMAND] [ARGUMENTS…]
 *
 * Started by `cloister doctor`, `cloister top` and `cloister world` (tools/cmd_show.c).
 */
#include "base/scope.h"
#include "tools/show/commands.h"
#include "tools/tool.h"

static const char help[] = "Usage: cloister-show GROUP [COMMAND] [ARGUMENTS...]\n"
                           "The part of the command 'cloister' that shows; run that.\n";

static int world(int argc, char **argv)
{
    static const struct tool_command commands[] = {{"ls", cmd_world_list},
                                                   {"show", cmd_world_show}};
    return tool_dispatch("world", help, commands, ARRAY_SIZE(commands), argc, argv);
}

int main(int argc, char **argv)
{
    static const struct tool_command groups[] = {
        {"doctor", cmd_doctor}, {"top", cmd_top}, {"world", world}};
    return tool_program_main(help, groups, ARRAY_SIZE(groups), argc, argv);
}

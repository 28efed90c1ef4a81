/*
 * cloister bench: becomes the measuring program, which has its own options and help.
 */
#include "tools/tool.h"

int cmd_bench(int argc, char **argv)
{
    static char program[] = "cloister-bench";
    (void)argc;
    argv[0] = program;
    return tool_program_become("bench", argv);
}

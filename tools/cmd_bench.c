/*
 * cloister bench: becomes the measuring program, which has its own options and help.
 */
#include "tools/tool.h"

#include <limits.h>

int cmd_bench(int argc, char **argv)
{
    static char program[] = "cloister-bench";
    char path[PATH_MAX];
    struct reason why;
    (void)argc;
    if (tool_program_path(program, path, sizeof path, &why) == CLOISTER_NOT_FOUND)
        return tool_fail("bench",
                         refuse(&why, CLOISTER_NOT_FOUND,
                                "the measuring program is not there; 'make bench' in the source "
                                "tree builds and runs it"),
                         &why);
    argv[0] = program;
    return tool_program_become("bench", argv);
}

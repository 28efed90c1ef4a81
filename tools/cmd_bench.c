/*
 * cloister bench: becomes the measuring program, which has its own options and help.
 */
#include "tools/tool.h"

#include <limits.h>
#include <unistd.h>

#define COMMAND "bench"

int cmd_bench(int argc, char **argv)
{
    (void)argc;
    char path[PATH_MAX];
    struct reason why = {0};
    cloister_status status = tool_program_path("cloister-bench", path, sizeof path, &why);
    if (status == CLOISTER_OK) {
        (void)execv(path, argv);
        status = refuse_errno(&why, "cannot start %.200s", path);
    }
    return tool_fail(COMMAND, status, &why);
}

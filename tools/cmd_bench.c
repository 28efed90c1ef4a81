/*
 * cloister bench: becomes the measuring program, which has its own options and help.
 */
#include "tools/tool.h"

#include "tools/kvm_device.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define COMMAND "bench"

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0)
            return true;
    return false;
}

int cmd_bench(int argc, char **argv)
{
    char path[PATH_MAX];
    struct reason why = {0};
    cloister_status status = wants_help(argc, argv) ? CLOISTER_OK : kvm_device_check(&why);
    if (status == CLOISTER_OK)
        status = tool_program_path("cloister-bench", path, sizeof path, &why);
    if (status == CLOISTER_OK) {
        (void)execv(path, argv);
        status = refuse_errno(&why, "cannot start %.200s", path);
    }
    return tool_fail(COMMAND, status, &why);
}

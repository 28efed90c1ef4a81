/*
 * The programs of the command: what each does from start to end, where the others are, and how to
 * become one of them.
 */
#include "tools/tool.h"

#include "base/scope.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

/* A caller may have closed a standard descriptor: a file opened later must not become it. */
static bool fill_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            return false;
    return true;
}

/* A result that did not reach its reader (full disk, say) is a failure. One that has a status of
   its own (a difference, say) keeps it, and the line. */
static int flush_output(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    struct reason why;
    int failed = tool_fail("", refuse_errno(&why, "cannot write standard output"), &why);
    return status == TOOL_OK ? failed : status;
}

int tool_program_main(const char *help, const struct tool_command *groups, size_t count, int argc,
                      char **argv)
{
    if (!fill_standard_descriptors())
        return TOOL_FAILED;
    opterr = 0;
    return flush_output(tool_dispatch("", help, groups, count, argc, argv));
}

cloister_status tool_program_folder(char *folder, size_t size, struct reason *why)
{
    ssize_t length = readlink("/proc/self/exe", folder, size - 1);
    if (length < 0)
        return refuse_errno(why, "cannot find the folder of this command in /proc/self/exe");
    folder[length] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    return CLOISTER_OK;
}

static bool program_at(const char *folder, const char *below, const char *name, char *path,
                       size_t size)
{
    int length = snprintf(path, size, "%s/%s/%s", folder, below, name);
    return length > 0 && (size_t)length < size && access(path, X_OK) == 0;
}

cloister_status tool_program_path(const char *name, char *path, size_t size, struct reason *why)
{
    char folder[PATH_MAX];
    cloister_status status = tool_program_folder(folder, sizeof folder, why);
    if (status != CLOISTER_OK)
        return status;
    if (program_at(folder, "libexec", name, path, size) ||
        program_at(folder, "../libexec/cloister", name, path, size) ||
        program_at(folder, ".", name, path, size)) /* this is one of them itself */
        return CLOISTER_OK;
    return refuse(why, CLOISTER_NOT_FOUND,
                  "program %s is neither in %.80s/libexec nor in %.80s/../libexec/cloister", name,
                  folder, folder);
}

int tool_program_become(const char *command, char *const words[])
{
    char path[PATH_MAX];
    struct reason why = {0};
    cloister_status status = tool_program_path(words[0], path, sizeof path, &why);
    if (status == CLOISTER_OK) {
        (void)execv(path, words);
        status = refuse_errno(&why, "cannot start %.200s", path);
    }
    return tool_fail(command, status, &why);
}

int tool_program_pass(char *program, char *group, int argc, char **argv)
{
    AUTO_FREE char **words = calloc((size_t)argc + 3, sizeof *words);
    if (!words)
        return tool_fail(group, CLOISTER_NO_MEMORY, NULL);
    words[0] = program;
    words[1] = group;
    memcpy(words + 2, argv, (size_t)argc * sizeof *words);
    return tool_program_become(group, words);
}

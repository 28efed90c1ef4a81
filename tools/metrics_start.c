/*
 * Forks and executes it; one byte comes when it listens.
 */
#include "tools/metrics_start.h"

#include "base/scope.h"
#include "tools/tool.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* In the child. Only its end of the pipe goes along: whoever waits for the world must see the end
   of what it waits for. */
_Noreturn static void become_server(const char *program, const char *name, const char *where,
                                    int ready, pid_t parent)
{
    char ready_text[12];
    char parent_text[12];
    (void)snprintf(ready_text, sizeof ready_text, "%d", ready);
    (void)snprintf(parent_text, sizeof parent_text, "%d", parent);
    const char *const words[] = {"cloister-metrics", "--listen",  where, "--ready-fd", ready_text,
                                 "--parent",         parent_text, "--",  name,         NULL};
    if (syscall(SYS_close_range, STDERR_FILENO + 1u, ~0u, CLOSE_RANGE_CLOEXEC) == 0 &&
        fcntl(ready, F_SETFD, 0) == 0)
        (void)execv(program, (char *const *)(uintptr_t)words);
    (void)fprintf(stderr, "cloister world run: cannot start %s\n", program);
    _exit(TOOL_FAILED);
}

static int status_of(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return TOOL_FAILED;
    return WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : TOOL_FAILED;
}

cloister_status metrics_start(const char *name, const char *where, int *exit_status)
{
    char program[PATH_MAX];
    char byte = 0;
    int ends[2];
    struct reason why = {0};
    cloister_status status = tool_program_path("cloister-metrics", program, sizeof program, &why);
    if (status == CLOISTER_OK && pipe2(ends, O_CLOEXEC) != 0)
        status = refuse_errno(&why, "cannot make a pipe");
    if (status != CLOISTER_OK) {
        *exit_status = tool_fail("world run", status, &why);
        return status;
    }
    AUTO_FD int result = ends[0];
    AUTO_FD int ready = ends[1];
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0)
        become_server(program, name, where, ready, parent);
    scope_close(&ready);
    ready = -1;
    if (child > 0 && read(result, &byte, 1) == 1 && byte == '1')
        return CLOISTER_OK;
    *exit_status = child > 0 ? status_of(child) : TOOL_FAILED;
    return CLOISTER_IO;
}

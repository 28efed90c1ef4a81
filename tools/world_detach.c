/*
 * A world in the background: session of its own, log in a file, one byte when it serves.
 */
#include "tools/world_detach.h"

#include "base/runtime_folder.h"
#include "base/scope.h"
#include "tools/interrupt.h"
#include "tools/metrics_start.h"
#include "tools/tool.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

#define COMMAND "world run"
#define START_TIMEOUT_MS 60000

static cloister_status open_given_log(struct detached *world, struct reason *why)
{
    int length = snprintf(world->log_path, sizeof world->log_path, "%s", world->log);
    if (length < 0 || (size_t)length >= sizeof world->log_path)
        return refuse(why, CLOISTER_TOO_BIG, "path of the log is too long");
    world->log_fd = open(world->log, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (world->log_fd < 0)
        return refuse_errno(why, "cannot open the log %.200s", world->log);
    return CLOISTER_OK;
}

static cloister_status open_own_log(struct detached *world, struct reason *why)
{
    char folder[256];
    cloister_status status = runtime_folder_make(folder, sizeof folder, why);
    if (status != CLOISTER_OK)
        return status;
    (void)snprintf(world->log_path, sizeof world->log_path, "%s/%s.log", folder, world->name);
    (void)snprintf(world->log_temporary, sizeof world->log_temporary, "%s/%s.log.XXXXXX", folder,
                   world->name);
    world->log_fd = mkostemp(world->log_temporary, O_CLOEXEC | O_APPEND);
    if (world->log_fd < 0)
        return refuse_errno(why, "cannot create a log in %.200s", folder);
    return CLOISTER_OK;
}

cloister_status detached_prepare(struct detached *world, struct reason *why)
{
    int ends[2];
    cloister_status status = world->log ? open_given_log(world, why) : open_own_log(world, why);
    if (status != CLOISTER_OK)
        return status;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return refuse_errno(why, "cannot make a pipe");
    world->result_fd = ends[0];
    world->ready_fd = ends[1];
    return CLOISTER_OK;
}

/* In the child: returns only if it fails. */
static void become(const struct detached *world, const char *program, const char *const *words)
{
    AUTO_FD int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0 || setsid() < 0 || fcntl(world->ready_fd, F_SETFD, 0) != 0 ||
        dup2(nothing, STDIN_FILENO) < 0 || dup2(nothing, STDOUT_FILENO) < 0 ||
        dup2(world->log_fd, STDERR_FILENO) < 0)
        return;
    int exit_status;
    if (world->metrics && metrics_start(world->name, world->metrics, &exit_status) != CLOISTER_OK)
        _exit(exit_status);
    (void)execv(program, (char *const *)(uintptr_t)words);
    (void)fprintf(stderr, "cannot start %s: %s\n", program, strerror(errno));
}

/* Did the byte come? */
static bool wait_ready(int fd, bool *timed_out)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    char byte = 0;
    int ready;
    do
        ready = poll(&poller, 1, START_TIMEOUT_MS);
    while (ready < 0 && errno == EINTR);
    *timed_out = ready == 0;
    return ready == 1 && read(fd, &byte, 1) == 1 && byte == '1';
}

/* The last line of the log, which says why the world did not start. */
static void read_last_line(int fd, char *line, size_t size)
{
    off_t end = lseek(fd, 0, SEEK_END);
    off_t start = end > (off_t)size - 1 ? end - (off_t)size + 1 : 0;
    ssize_t length = end > 0 ? pread(fd, line, size - 1, start) : 0;
    if (length < 0)
        length = 0;
    while (length > 0 && line[length - 1] == '\n')
        length--;
    line[length] = '\0';
    char *newline = strrchr(line, '\n');
    if (newline)
        memmove(line, newline + 1, strlen(newline + 1) + 1);
}

static int report_failure(const struct detached *world, pid_t child, bool timed_out)
{
    char line[REASON_SIZE];
    struct reason why;
    int status = 0;
    if (timed_out)
        (void)kill(child, SIGTERM);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    interrupt_pass_on(0);
    read_last_line(world->log_fd, line, sizeof line);
    if (world->log_temporary[0])
        (void)unlink(world->log_temporary);
    interrupt_release();
    if (timed_out)
        return tool_fail(COMMAND,
                         refuse(&why, CLOISTER_TIMEOUT, "world %s does not serve after %d s; %s",
                                world->name, START_TIMEOUT_MS / 1000, line),
                         &why);
    int failed = tool_fail(COMMAND,
                           refuse(&why, CLOISTER_INTERNAL, "world %s did not start: %s",
                                  world->name, line[0] ? line : "its process ended silently"),
                           &why);
    return WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : failed;
}

int detached_start(struct detached *world, const char *program, const char *const *words)
{
    struct reason why;
    bool timed_out;
    pid_t child = fork();
    if (child < 0)
        return tool_fail(COMMAND, refuse_errno(&why, "cannot start a process"), &why);
    if (child == 0) {
        interrupt_release();
        become(world, program, words);
        _exit(TOOL_FAILED);
    }
    interrupt_pass_on(child);
    (void)close(world->ready_fd);
    if (!wait_ready(world->result_fd, &timed_out))
        return report_failure(world, child, timed_out);
    if (world->log_temporary[0] && rename(world->log_temporary, world->log_path) != 0)
        return tool_fail(COMMAND, refuse_errno(&why, "cannot name the log %.200s", world->log_path),
                         &why);
    (void)printf("world %s serves (log: %s)\n", world->name, world->log_path);
    return TOOL_OK;
}

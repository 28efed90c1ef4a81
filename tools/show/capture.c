/*
 * A child whose standard output is a pipe to us.
 */
#include "tools/show/capture.h"

#include "base/scope.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/wait.h>

/* Reads to the end; what does not fit is read too, so that the child never waits for us. */
static size_t read_all(int fd, char *output, size_t size)
{
    char rest[4096];
    size_t length = 0;
    for (;;) {
        size_t room = length < size ? size - length : 0;
        ssize_t n = read(fd, room ? output + length : rest, room ? room : sizeof rest);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return length;
        length += (size_t)n;
    }
}

static void become(int fd, const char *program, const char *const *words)
{
    if (dup2(fd, STDOUT_FILENO) < 0)
        return;
    (void)execv(program, (char *const *)(uintptr_t)words);
    (void)fprintf(stderr, "cannot start %s\n", program);
}

cloister_status capture_run(const char *program, const char *const *words, char *output,
                            size_t size, int *exit_status, struct reason *why)
{
    int ends[2];
    int status = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return refuse_errno(why, "cannot make a pipe");
    AUTO_FD int from = ends[0];
    AUTO_FD int to = ends[1];
    pid_t child = fork();
    if (child < 0)
        return refuse_errno(why, "cannot start a process");
    if (child == 0) {
        become(to, program, words);
        _exit(127);
    }
    (void)close(take_fd(&to));
    size_t length = read_all(from, output, size);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return refuse_errno(why, "cannot wait for %.200s", program);
    if (length >= size)
        return refuse(why, CLOISTER_TOO_BIG, "%.200s printed more than %zu bytes", program,
                      size - 1);
    output[length] = '\0';
    *exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return CLOISTER_OK;
}

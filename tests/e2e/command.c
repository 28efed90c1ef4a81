/*
 * The command as a child process: its output goes to files without names, so that none of it can
 * make it wait.
 */
#include "tests/e2e/command.h"

#include "tests/e2e/started_world.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WORDS_MAX 160

static void become(int in, int out, int err, const char *const *words)
{
    char path[512];
    const char *argv[WORDS_MAX] = {"cloister"};
    started_path("cloister", path, sizeof path);
    for (unsigned i = 0; words[i] && i < WORDS_MAX - 2; i++)
        argv[i + 1] = words[i];
    (void)dup2(in, STDIN_FILENO);
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(err, STDERR_FILENO);
    (void)execv(path, (char *const *)(uintptr_t)argv);
    _exit(127);
}

int command_wait(pid_t process)
{
    int status = 0;
    while (waitpid(process, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int file_without_name(const char *content)
{
    int fd = memfd_create("command", MFD_CLOEXEC);
    size_t size = strlen(content);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, size), size);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static size_t take_content(int fd, char *text, size_t size)
{
    ssize_t length = pread(fd, text, size - 1, 0);
    assert_true(length >= 0);
    text[length] = '\0';
    (void)close(fd);
    return (size_t)length;
}

void command_run_with_input(struct command *command, const char *input, const char *const *words)
{
    int in = file_without_name(input);
    int out = file_without_name("");
    int err = file_without_name("");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        become(in, out, err, words);
    command->status = command_wait(child);
    (void)close(in);
    command->out_size = take_content(out, command->out, sizeof command->out);
    (void)take_content(err, command->err, sizeof command->err);
}

void command_run(struct command *command, const char *const *words)
{
    command_run_with_input(command, "", words);
}

void command_expect(const struct command *command, int status)
{
    if (command->status != status)
        print_error("%s", command->err);
    assert_int_equal(command->status, status);
}

void command_expect_refusal(const struct command *command, int status)
{
    command_expect(command, status);
    assert_int_equal(command->out_size, 0);
    assert_memory_equal(command->err, "cloister", 8);
    const char *newline = strchr(command->err, '\n');
    assert_non_null(newline);
    assert_int_equal(newline[1], '\0');
}

pid_t command_start(const char *log, const char *const *words)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    int err = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(nothing >= 0 && err >= 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)setpgid(0, 0);
        become(nothing, nothing, err, words);
    }
    (void)close(nothing);
    (void)close(err);
    return child;
}

pid_t command_start_at_terminal(int terminal, const char *const *words)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (setsid() < 0 || ioctl(terminal, TIOCSCTTY, 0) != 0)
            _exit(127);
        become(terminal, terminal, terminal, words);
    }
    return child;
}

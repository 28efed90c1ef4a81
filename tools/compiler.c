/*
 * The compiler as a child, its messages line by line. The linker could be told to keep its remarks
 * to itself (--no-warnings), but then it also says nothing of what is missing, and makes a module
 * that calls address 0.
 */
#include "tools/compiler.h"

#include "base/scope.h"
#include "tools/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_remark(const char *line)
{
    return strstr(line, "in statically linked applications requires at runtime the shared") != NULL;
}

/* Where something is that comes in the next line. */
static bool is_place(const char *line)
{
    return strstr(line, ": in function `") != NULL;
}

/* What the SDK looks for in vain when a source declares no module. */
static bool is_undeclared(const char *line)
{
    return strstr(line, "undefined reference to `cloister_manifest_note'") != NULL;
}

/* Returns whether the sources declare a module, as far as the linker complains. */
static bool pass_on(FILE *messages)
{
    AUTO_FREE char *line = NULL;
    AUTO_FREE char *place = NULL;
    size_t room = 0;
    bool declared = true;
    while (getline(&line, &room, messages) >= 0) {
        bool remark = is_remark(line);
        declared = declared && !is_undeclared(line);
        if (place && !remark)
            (void)fputs(place, stderr);
        free(place);
        place = NULL;
        if (is_place(line) && (place = strdup(line)))
            continue;
        if (!remark)
            (void)fputs(line, stderr);
    }
    if (place)
        (void)fputs(place, stderr);
    return declared;
}

/* A group of its own, so that a signal that ends us ends all that the compiler has started. */
static int spawn(const char *const *arguments, int messages, posix_spawn_file_actions_t *actions,
                 posix_spawnattr_t *group, pid_t *compiler)
{
    int error = posix_spawn_file_actions_adddup2(actions, messages, STDERR_FILENO);
    if (error == 0)
        error = posix_spawnattr_setflags(group, POSIX_SPAWN_SETPGROUP);
    if (error == 0)
        error = posix_spawnp(compiler, arguments[0], actions, group,
                             (char *const *)(uintptr_t)arguments, environ);
    return error;
}

static cloister_status start(const char *const *arguments, int messages, pid_t *compiler,
                             struct reason *why)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t group;
    int error = posix_spawn_file_actions_init(&actions);
    if (error == 0) {
        error = posix_spawnattr_init(&group);
        if (error == 0) {
            error = spawn(arguments, messages, &actions, &group, compiler);
            (void)posix_spawnattr_destroy(&group);
        }
        (void)posix_spawn_file_actions_destroy(&actions);
    }
    errno = error;
    return error == 0 ? CLOISTER_OK
                      : refuse_errno(why, "cannot run the compiler '%.60s'", arguments[0]);
}

/* Passes on what it says until the last of its group is gone. */
static cloister_status follow(pid_t compiler, FILE *messages, bool *declared, int *state,
                              struct reason *why)
{
    cloister_status status = CLOISTER_OK;
    interrupt_pass_on(-compiler);
    *declared = pass_on(messages);
    while (status == CLOISTER_OK && waitpid(compiler, state, 0) < 0)
        if (errno != EINTR)
            status = refuse_errno(why, "cannot wait for the compiler");
    interrupt_pass_on(0);
    return status;
}

cloister_status compiler_run(const char *const *arguments, struct reason *why)
{
    int ends[2];
    pid_t compiler;
    int state = 0;
    bool declared = true;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return refuse_errno(why, "cannot make a pipe");
    AUTO_FD int writes = ends[1];
    AUTO_FILE FILE *messages = fdopen(ends[0], "r");
    if (!messages) {
        (void)close(ends[0]);
        return refuse_errno(why, "cannot read from a pipe");
    }
    cloister_status status = start(arguments, writes, &compiler, why);
    (void)close(take_fd(&writes));
    if (status == CLOISTER_OK)
        status = follow(compiler, messages, &declared, &state, why);
    if (status != CLOISTER_OK)
        return status;
    if (!WIFEXITED(state) || WEXITSTATUS(state) != 0)
        return refuse(why, CLOISTER_BAD_FORMAT, "%.60s made no module of these sources%s",
                      arguments[0], declared ? "" : "; none of them has CLOISTER_MODULE(...)");
    return CLOISTER_OK;
}

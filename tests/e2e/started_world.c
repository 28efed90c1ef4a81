/*
 * Starts and stops worlds for tests, the way `cloister world run` does it.
 */
#include "tests/e2e/started_world.h"

#include "cloister/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATH_SIZE 512
#define WORDS_MAX 160

void started_path(const char *below, char *path, size_t size)
{
    const char *build = getenv("CLOISTER_BUILD");
    (void)snprintf(path, size, "%s/%s", build ? build : "build", below);
}

const char *started_world_impossible(void)
{
    return access("/dev/kvm", R_OK | W_OK) == 0 ? NULL : "/dev/kvm cannot be used";
}

void started_world_or_skip(void)
{
    const char *why = started_world_impossible();
    if (!why)
        return;
    print_message("skipped: %s\n", why);
    skip();
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void append_log(const struct started_world *world)
{
    int fd = open(world->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    (void)dup2(fd, STDERR_FILENO);
    (void)dup2(fd, STDOUT_FILENO);
}

static void make_state(const struct started_world *world)
{
    char command[PATH_SIZE];
    char state[128];
    started_path("cloister", command, sizeof command);
    (void)snprintf(state, sizeof state, "%s/state", world->folder);
    pid_t child = fork();
    if (child == 0) {
        append_log(world);
        (void)execl(command, command, "key", "init", "--state", state, (char *)NULL);
        _exit(127);
    }
    if (wait_for(child) != 0)
        fail_msg("key init: %s", started_world_log(world));
}

void started_world_prepare(struct started_world *world)
{
    *world = (struct started_world){.folder = "/tmp/started_world.XXXXXX"};
    assert_non_null(mkdtemp(world->folder));
    (void)snprintf(world->socket, sizeof world->socket, "%s/run/t.sock", world->folder);
    (void)snprintf(world->log, sizeof world->log, "%s/log", world->folder);
    make_state(world);
}

/* In the child. */
static void become_keeper(const struct started_world *world, int ready, const char *const *options)
{
    static char words[WORDS_MAX][PATH_SIZE];
    char *argv[WORDS_MAX] = {0};
    char runtime[128];
    int count = 0;
    started_path("libexec/cloister-keeper", words[count++], PATH_SIZE);
    (void)snprintf(words[count++], PATH_SIZE, "--state");
    (void)snprintf(words[count++], PATH_SIZE, "%s/state", world->folder);
    (void)snprintf(words[count++], PATH_SIZE, "--world-host");
    started_path("libexec/cloister-world", words[count++], PATH_SIZE);
    (void)snprintf(words[count++], PATH_SIZE, "--ready-fd");
    (void)snprintf(words[count++], PATH_SIZE, "%d", ready);
    (void)snprintf(words[count++], PATH_SIZE, "--");
    (void)snprintf(words[count++], PATH_SIZE, "--name");
    (void)snprintf(words[count++], PATH_SIZE, "t");
    for (; *options && count < WORDS_MAX - 1; options++)
        if ((*options)[0] == '@')
            started_path(*options + 1, words[count++], PATH_SIZE);
        else
            (void)snprintf(words[count++], PATH_SIZE, "%s", *options);
    for (int i = 0; i < count; i++)
        argv[i] = words[i];
    (void)snprintf(runtime, sizeof runtime, "%s/run", world->folder);
    (void)setenv("CLOISTER_RUNTIME", runtime, 1);
    append_log(world);
    (void)execv(argv[0], argv);
    _exit(127);
}

static void learn_host(struct started_world *world)
{
    cloister_world *connection;
    struct clo_world_info info;
    assert_int_equal(cloister_world_open(world->socket, &connection), CLOISTER_OK);
    assert_int_equal(cloister_world_info(connection, &info), CLOISTER_OK);
    world->host = (pid_t)info.pid;
    cloister_world_close(connection);
}

int started_world_try(struct started_world *world, const char *const *options)
{
    int ends[2];
    char byte = 0;
    assert_int_equal(pipe2(ends, 0), 0);
    (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    pid_t child = fork();
    if (child == 0)
        become_keeper(world, ends[1], options);
    (void)close(ends[1]);
    bool serves = read(ends[0], &byte, 1) == 1 && byte == '1';
    (void)close(ends[0]);
    if (!serves)
        return wait_for(child);
    world->keeper = child;
    learn_host(world);
    return -1;
}

void started_world_start(struct started_world *world, const char *const *options)
{
    started_world_prepare(world);
    int status = started_world_try(world, options);
    if (status != -1)
        fail_msg("the world did not start (%d): %s", status, started_world_log(world));
}

int started_world_wait(struct started_world *world)
{
    int status = wait_for(world->keeper);
    world->keeper = 0;
    return status;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

void started_world_remove(struct started_world *world)
{
    (void)nftw(world->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void started_world_stop(struct started_world *world)
{
    if (world->keeper > 0) {
        (void)kill(world->keeper, SIGTERM);
        int status = started_world_wait(world);
        if (status != 0)
            fail_msg("the world ended with %d: %s", status, started_world_log(world));
    }
    assert_int_not_equal(access(world->socket, F_OK), 0);
    started_world_remove(world);
}

const char *started_world_log(const struct started_world *world)
{
    static char text[65536];
    int fd = open(world->log, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

/*
 * What is left of the file system for a world host.
 */
#include "vmm/sandbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { GOOD, NO_LANDLOCK, BAD };

static bool is_forbidden(int folder, const char *path)
{
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
    return fd < 0 && errno == EACCES;
}

static bool make_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 && close(fd) == 0;
}

/* In a folder that may be emptied and one beside it. */
static int removal_in_child(const char *mine, const char *others)
{
    char path[200], other_path[200];
    (void)snprintf(path, sizeof path, "%s/socket", mine);
    (void)snprintf(other_path, sizeof other_path, "%s/socket", others);
    const struct sandbox_files files = {.folder = open(mine, O_PATH | O_CLOEXEC),
                                        .guest_folder = -1};
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!make_file(path) || !make_file(other_path) || sandbox_open_processes(&files) < 0)
        return NO_LANDLOCK;
    bool good = unlinkat(files.folder, "socket", 0) == 0;
    good = good && unlinkat(files.folder, other_path, 0) != 0 && errno == EACCES;
    return good ? GOOD : BAD;
}

static int in_child(void)
{
    char memory[64];
    const struct sandbox_files files = {.folder = -1, .guest_folder = -1};
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    int processes = sandbox_open_processes(&files);
    if (processes < 0)
        return NO_LANDLOCK;
    (void)snprintf(memory, sizeof memory, "%d/mem", (int)getppid());
    bool good = openat(processes, "self/stat", O_RDONLY | O_CLOEXEC) >= 0 &&
                openat(processes, "1/stat", O_RDONLY | O_CLOEXEC) >= 0 &&
                is_forbidden(processes, "/etc/passwd") &&
                is_forbidden(processes, "../etc/passwd") && is_forbidden(processes, memory);
    return good ? GOOD : BAD;
}

static void expect_good(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_LANDLOCK) {
        print_message("skipped: no Landlock or no /proc\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), GOOD);
}

static void only_facts_of_processes_can_be_read(void **state)
{
    (void)state;
#ifdef CLOISTER_SANITIZED
    print_message("skipped: sanitizers read files of their own\n");
    skip();
#endif
    pid_t child = fork();
    if (child == 0)
        _exit(in_child());
    expect_good(child);
}

static void files_are_removed_from_their_folder_only(void **state)
{
    (void)state;
    char mine[] = "/tmp/sandbox-mine.XXXXXX", others[] = "/tmp/sandbox-others.XXXXXX";
    char left[200];
#ifdef CLOISTER_SANITIZED
    print_message("skipped: sanitizers read files of their own\n");
    skip();
#endif
    assert_true(mkdtemp(mine) && mkdtemp(others));
    pid_t child = fork();
    if (child == 0)
        _exit(removal_in_child(mine, others));
    expect_good(child);
    (void)snprintf(left, sizeof left, "%s/socket", others);
    assert_true(unlink(left) == 0 && rmdir(mine) == 0 && rmdir(others) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_facts_of_processes_can_be_read),
        cmocka_unit_test(files_are_removed_from_their_folder_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

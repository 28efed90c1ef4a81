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

static int in_child(void)
{
    char memory[64];
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    int processes = sandbox_open_processes();
    if (processes < 0)
        return NO_LANDLOCK;
    (void)snprintf(memory, sizeof memory, "%d/mem", (int)getppid());
    bool good = openat(processes, "self/stat", O_RDONLY | O_CLOEXEC) >= 0 &&
                openat(processes, "1/stat", O_RDONLY | O_CLOEXEC) >= 0 &&
                is_forbidden(processes, "/etc/passwd") &&
                is_forbidden(processes, "../etc/passwd") && is_forbidden(processes, memory);
    return good ? GOOD : BAD;
}

static void only_facts_of_processes_can_be_read(void **state)
{
    (void)state;
    int status = 0;
#ifdef CLOISTER_SANITIZED
    print_message("skipped: sanitizers read files of their own\n");
    skip();
#endif
    pid_t child = fork();
    if (child == 0)
        _exit(in_child());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_LANDLOCK) {
        print_message("skipped: no Landlock or no /proc\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_facts_of_processes_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

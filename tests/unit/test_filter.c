/*
 * The filters that the build made, on processes of this test: what is on no list ends the process,
 * what is on one only with the argument that it names does so with any other.
 */
#include "base/filter.h"
#include "measure/keeper/keeper_sandbox.h"
#include "vmm/sandbox.h"

#include "vmm/filters/world_variables.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum list { OF_VCPU, OF_HEART, OF_MAIN, OF_MAIN_WITHOUT_FILES, OF_EXEC, OF_KEEPER, LISTS };

static cloister_status enter(enum list list, int folder, int processes)
{
    struct sandbox_files files = {
        .folder = folder, .processes = list == OF_MAIN ? processes : -1, .guest_folder = -1};
    switch (list) {
    case OF_VCPU:
        return sandbox_enter(SANDBOX_VCPU, NULL, NULL);
    case OF_HEART:
        return sandbox_enter(SANDBOX_HEART, NULL, NULL);
    case OF_EXEC:
        return sandbox_enter(SANDBOX_EXEC, NULL, NULL);
    case OF_KEEPER:
        return keeper_sandbox_close(NULL);
    default:
        return sandbox_enter(SANDBOX_MAIN, &files, NULL);
    }
}

/* Runs `act` behind the list in a child: its exit status, or 128 + signal. */
static int behind(enum list list, void (*act)(int folder, int processes))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int folder = open("/tmp", O_RDONLY | O_DIRECTORY);
        int processes = open("/proc", O_PATH | O_DIRECTORY);
        if (enter(list, folder, processes) != CLOISTER_OK)
            _exit(99);
        act(folder, processes);
        (void)syscall(SYS_exit_group, 0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void nothing(int folder, int processes)
{
    (void)folder;
    (void)processes;
}

static void make_socket(int folder, int processes)
{
    (void)folder;
    (void)processes;
    (void)syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
}

static void run_program(int folder, int processes)
{
    (void)folder;
    (void)processes;
    (void)syscall(SYS_execve, "/bin/true", NULL, NULL);
}

static void kick_own_thread(int folder, int processes)
{
    (void)folder;
    (void)processes;
    (void)syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), 0);
}

static void remove_from_folder(int folder, int processes)
{
    (void)processes;
    (void)syscall(SYS_unlinkat, folder, "test_filter.nothing", 0);
}

static void remove_from_elsewhere(int folder, int processes)
{
    (void)folder;
    (void)syscall(SYS_unlinkat, processes, "test_filter.nothing", 0);
}

#ifndef CLOISTER_SANITIZED /* their lists are longer */
static void open_own_stat(int folder, int processes)
{
    (void)folder;
    (void)syscall(SYS_openat, processes, "self/stat", O_RDONLY | O_CLOEXEC, 0);
}

static void open_at_another_folder(int folder, int processes)
{
    (void)processes;
    (void)syscall(SYS_openat, folder, ".", O_RDONLY | O_CLOEXEC, 0);
}

static void open_for_writing(int folder, int processes)
{
    (void)folder;
    (void)syscall(SYS_openat, processes, "self/comm", O_RDWR | O_CLOEXEC, 0);
}

static void open_at_the_placeholder(int folder, int processes)
{
    (void)folder;
    (void)processes;
    (void)syscall(SYS_openat, WORLD_PROCESSES, "/etc/passwd", O_RDONLY | O_CLOEXEC, 0);
}

static void kick_another_process(int folder, int processes)
{
    (void)folder;
    (void)processes;
    (void)syscall(SYS_tgkill, 1, 1, 0);
}

static void map_code(int folder, int processes)
{
    (void)folder;
    (void)processes;
    (void)syscall(SYS_mmap, 0, 4096, 4 /* PROT_EXEC */, 0x22, -1, 0);
}
#endif

#define KILLED (128 + SIGSYS)

static void every_list_lets_a_process_end_and_nothing_strange_happen(void **state)
{
    (void)state;
    for (enum list list = 0; list < LISTS; list++) {
        assert_int_equal(behind(list, nothing), 0);
        assert_int_equal(behind(list, make_socket), KILLED);
        assert_int_equal(behind(list, run_program), KILLED);
    }
}

static void threads_of_the_world_host_may_be_kicked(void **state)
{
    (void)state;
    assert_int_equal(behind(OF_VCPU, kick_own_thread), 0);
    assert_int_equal(behind(OF_MAIN, kick_own_thread), 0);
    assert_int_equal(behind(OF_EXEC, kick_own_thread), 0);
}

static void main_thread_removes_from_the_runtime_folder_only(void **state)
{
    (void)state;
    assert_int_equal(behind(OF_MAIN, remove_from_folder), 0);
    assert_int_equal(behind(OF_MAIN_WITHOUT_FILES, remove_from_folder), 0);
    assert_int_equal(behind(OF_MAIN, remove_from_elsewhere), KILLED);
    assert_int_equal(behind(OF_VCPU, remove_from_folder), KILLED);
    assert_int_equal(behind(OF_HEART, remove_from_folder), KILLED);
}

static void arguments_are_held_to_the_list(void **state)
{
    (void)state;
#ifdef CLOISTER_SANITIZED
    print_message("skipped: sanitizers need longer lists\n");
    skip();
#else
    for (enum list list = 0; list < LISTS; list++) {
        assert_int_equal(behind(list, kick_another_process), KILLED);
        assert_int_equal(behind(list, map_code), KILLED);
        assert_int_equal(behind(list, open_at_another_folder), KILLED);
        assert_int_equal(behind(list, open_at_the_placeholder), KILLED);
        assert_int_equal(behind(list, open_for_writing), KILLED);
        assert_int_equal(behind(list, open_own_stat), list == OF_MAIN ? 0 : KILLED);
    }
#endif
}

static void variable_that_does_not_occur_once_is_refused(void **state)
{
    (void)state;
    const struct sock_filter twice[] = {
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_VARIABLE(1), 0, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_VARIABLE(1), 0, 0),
        BPF_STMT(BPF_RET | BPF_K, 0x7fff0000),
    };
    struct filter_variable variable = {FILTER_VARIABLE(1), 5};
    assert_int_equal(filter_load(twice, 3, &variable, 1, NULL), CLOISTER_INTERNAL);
    variable.placeholder = FILTER_VARIABLE(2);
    assert_int_equal(filter_load(twice, 3, &variable, 1, NULL), CLOISTER_INTERNAL);
}

static void filter_that_is_none_is_refused(void **state)
{
    (void)state;
    const struct sock_filter endless[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)};
    assert_int_equal(filter_load(endless, 1, NULL, 0, NULL), CLOISTER_UNSUPPORTED);
}

static void filter_of_too_many_instructions_is_refused(void **state)
{
    (void)state;
    static struct sock_filter longest[FILTER_MAX + 1];
    assert_int_equal(filter_load(longest, FILTER_MAX + 1, NULL, 0, NULL), CLOISTER_INTERNAL);
    assert_int_equal(filter_load(longest, FILTER_MAX, NULL, 0, NULL), CLOISTER_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_list_lets_a_process_end_and_nothing_strange_happen),
        cmocka_unit_test(threads_of_the_world_host_may_be_kicked),
        cmocka_unit_test(main_thread_removes_from_the_runtime_folder_only),
        cmocka_unit_test(arguments_are_held_to_the_list),
        cmocka_unit_test(variable_that_does_not_occur_once_is_refused),
        cmocka_unit_test(filter_that_is_none_is_refused),
        cmocka_unit_test(filter_of_too_many_instructions_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

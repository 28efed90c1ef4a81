/*
 * The keeper process against hostile world hosts, and its own life: signals, exit statuses, its
 * end. The world host is this program itself (keeper_world.c), started by the real keeper.
 */
#include "base/scope.h"
#include "measure/platform.h"
#include "tests/e2e/keeper_world.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define SKIPPED 77
#define NOBODY 65534
#define READY 3 /* in the keeper: the very number of the world host's socket */
#define READY_TEXT "3"
#define INHERITED 77 /* a descriptor that the world host must not get */

static char scratch[64];
static char state_folder[128];
static char keeper[PATH_MAX];
static char self[PATH_MAX];

/* A keeper that runs: its log, and what the world host writes to standard output. */
struct run {
    pid_t pid;
    int log;
    int output;
    int ready;
};

static int find_programs(void)
{
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        return -1;
    self[length] = '\0';
    char *slash = strrchr(self, '/');
    (void)snprintf(keeper, sizeof keeper, "%.*s/../../libexec/cloister-keeper", (int)(slash - self),
                   self);
    if (access(keeper, X_OK) != 0)
        print_error("%s is missing: build it first\n", keeper);
    return access(keeper, X_OK);
}

static int make_state(void **state)
{
    (void)state;
    struct reason why;
    (void)snprintf(scratch, sizeof scratch, "/tmp/cloister-test.XXXXXX");
    if (find_programs() != 0 || !mkdtemp(scratch))
        return -1;
    (void)snprintf(state_folder, sizeof state_folder, "%s/state", scratch);
    return platform_create(state_folder, &why) == CLOISTER_OK ? 0 : -1;
}

static int remove_state(void **state)
{
    (void)state;
    char command[160];
    (void)snprintf(command, sizeof command, "rm -rf %s", scratch);
    return system(command);
}

/* In the child. What a hostile caller may put into the environment is there too. */
_Noreturn static void become_keeper(const char *folder, const char *world_host,
                                    const char *scenario, int log, int output, int ready)
{
    (void)setenv("OPENSSL_CONF", "/nothing/openssl.cnf", 1);
    (void)setenv("OPENSSL_MODULES", "/nothing", 1);
    (void)setenv("LD_LIBRARY_PATH", "/nothing", 1);
    (void)setenv("CLOISTER_RUNTIME", "/nothing/cloister", 1);
#ifndef CLOISTER_SANITIZED
    /* A loader that reads this complains in the log, which must be empty. */
    (void)setenv("LD_PRELOAD", "/nothing/preload.so", 1);
#endif
    if (dup2(log, STDERR_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(log, INHERITED) < 0 || dup2(ready, READY) < 0)
        _exit(98);
    if (strcmp(scenario, "ready") == 0 || strcmp(scenario, "exit") == 0)
        (void)execl(keeper, keeper, "--state", folder, "--world-host", world_host, "--ready-fd",
                    READY_TEXT, "--", scenario, (char *)NULL);
    (void)execl(keeper, keeper, "--state", folder, "--world-host", world_host, "--", scenario,
                (char *)NULL);
    _exit(98);
}

static struct run start_in(const char *folder, const char *world_host, const char *scenario,
                           uid_t uid)
{
    int log[2];
    int output[2];
    assert_int_equal(pipe2(log, O_CLOEXEC), 0);
    int ready[2];
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    struct run run = {.pid = fork(), .log = log[0], .output = output[0], .ready = ready[0]};
    assert_true(run.pid >= 0);
    if (run.pid == 0) {
        if (uid != geteuid() &&
            (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
            _exit(98);
        become_keeper(folder, world_host, scenario, log[1], output[1], ready[1]);
    }
    (void)close(log[1]);
    (void)close(output[1]);
    (void)close(ready[1]);
    return run;
}

static struct run start(const char *scenario)
{
    return start_in(state_folder, self, scenario, geteuid());
}

/* Waits for the end; returns the exit status, or minus the signal. */
static int finish(struct run *run, char *log, size_t size)
{
    size_t have = 0;
    for (ssize_t n; (n = read(run->log, log + have, size - 1 - have)) > 0;)
        have += (size_t)n;
    log[have] = '\0';
    int status = 0;
    assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
    (void)close(run->log);
    (void)close(run->output);
    (void)close(run->ready);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void scenario_passes(void **state)
{
    const struct keeper_scenario *scenario = *state;
    char log[4096];
    struct run run = start(scenario->name);
    int status = finish(&run, log, sizeof log);
    if (status == SKIPPED) {
        print_message("skipped: root may read every process\n");
        skip();
    }
    if (status != 0)
        print_error("%s", log);
    assert_int_equal(status, 0);
    if (scenario->log)
        assert_non_null(strstr(log, scenario->log));
    else
        assert_string_equal(log, "");
}

static void wait_until_started(const struct run *run)
{
    char byte;
    assert_int_equal(read(run->output, &byte, 1), 1);
}

static void signals_are_passed_on_and_the_exit_status_is_the_worlds(void **state)
{
    (void)state;
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    char log[4096];
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        struct run run = start("wait");
        wait_until_started(&run);
        assert_int_equal(kill(run.pid, signals[i]), 0);
        assert_int_equal(finish(&run, log, sizeof log), signals[i]);
        assert_string_equal(log, "");
    }
}

/* The world host holds the pipe's other end too: its end is the end of the file. */
static void world_host_does_not_outlive_its_keeper(void **state)
{
    (void)state;
    char log[4096];
    struct run run = start("wait");
    wait_until_started(&run);
    assert_int_equal(kill(run.pid, SIGKILL), 0);
    assert_int_equal(finish(&run, log, sizeof log), -SIGKILL);
}

static void exit_status_of_the_world_host_is_handed_on(void **state)
{
    (void)state;
    char log[4096];
    struct run run = start("exit");
    assert_int_equal(finish(&run, log, sizeof log), 42);
    assert_string_equal(log, "");
}

static void signal_that_kills_the_world_host_is_told_in_one_line(void **state)
{
    (void)state;
    char log[4096];
    struct run run = start("segv");
    assert_int_equal(finish(&run, log, sizeof log), 128 + SIGSEGV);
    assert_non_null(strstr(log, "SIGSEGV"));
    assert_ptr_equal(strchr(log, '\n') + 1, strchr(log, '\0'));
}

static void ready_descriptor_reaches_the_world_host_and_nobody_else(void **state)
{
    (void)state;
    char log[4096];
    char bytes[2];
    struct run run = start("ready");
    assert_int_equal(read(run.ready, bytes, sizeof bytes), 1);
    assert_int_equal(bytes[0], '1');
    assert_int_equal(read(run.ready, bytes, sizeof bytes), 0);
    wait_until_started(&run);
    assert_int_equal(kill(run.pid, SIGTERM), 0);
    assert_int_equal(finish(&run, log, sizeof log), SIGTERM);
}

static void start_that_fails_ends_the_ready_descriptor_without_a_byte(void **state)
{
    (void)state;
    char log[4096];
    char byte;
    struct run run = start("exit");
    assert_int_equal(read(run.ready, &byte, 1), 0);
    assert_int_equal(finish(&run, log, sizeof log), 42);
}

static void keeper_survives_the_end_of_its_log(void **state)
{
    (void)state;
    struct run run = start("module_before_launch_ends");
    (void)close(run.log);
    run.log = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char log[16];
    assert_int_equal(finish(&run, log, sizeof log), 0);
}

static void refuses_to_start(const char *folder, const char *world_host, int status,
                             const char *word)
{
    char log[4096];
    struct run run = start_in(folder, world_host, "exit", geteuid());
    assert_int_equal(finish(&run, log, sizeof log), status);
    assert_non_null(strstr(log, word));
    assert_ptr_equal(strchr(log, '\n') + 1, strchr(log, '\0'));
}

static void start_without_state_says_what_to_do(void **state)
{
    (void)state;
    refuses_to_start("/nothing/state", self, 4, "cloister key init");
}

static void bad_world_hosts_are_not_started(void **state)
{
    (void)state;
    refuses_to_start(state_folder, "/nothing/world", 4, "/nothing/world");
    refuses_to_start(state_folder, "/dev/zero", 7, "regular file");
    refuses_to_start(state_folder, scratch, 7, "regular file");
}

static void damaged_root_secret_is_told_in_one_line(void **state)
{
    (void)state;
    char command[512];
    char damaged[128];
    (void)snprintf(damaged, sizeof damaged, "%s/rootless", scratch);
    (void)snprintf(command, sizeof command, "cp -rp %s %s && printf x >%s/root.key", state_folder,
                   damaged, damaged);
    assert_int_equal(system(command), 0);
    refuses_to_start(damaged, self, 7, "root.key");
}

/* Keys are parsed after the world host has been started: START must not succeed. */
static void damaged_key_refuses_the_start(void **state)
{
    (void)state;
    char command[512];
    char damaged[128];
    char log[4096];
    (void)snprintf(damaged, sizeof damaged, "%s/damaged", scratch);
    (void)snprintf(command, sizeof command, "cp -rp %s %s && printf x >%s/attestation.key",
                   state_folder, damaged, damaged);
    assert_int_equal(system(command), 0);
    struct run run = start_in(damaged, self, "damaged", geteuid());
    assert_int_equal(finish(&run, log, sizeof log), 0);
}

static void keeper_of_an_ordinary_user_cannot_be_read_by_that_user(void **state)
{
    (void)state;
    char log[4096];
    char command[512];
    char folder[128];
    if (geteuid() != 0) {
        print_message("skipped: the scenario of the same meaning has shown it\n");
        skip();
    }
    (void)snprintf(folder, sizeof folder, "%s/theirs", scratch);
    (void)snprintf(command, sizeof command, "chmod 755 %s && cp -rp %s %s && chown -R %d %s",
                   scratch, state_folder, folder, NOBODY, folder);
    assert_int_equal(system(command), 0);
    struct run run = start_in(folder, self, "keeper_cannot_be_read_by_its_own_user", NOBODY);
    int status = finish(&run, log, sizeof log);
    if (status == 98) {
        print_message("skipped: user %d may not run %s\n", NOBODY, keeper);
        skip();
    }
    if (status != 0)
        print_error("%s", log);
    assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
    if (strcmp(argv[0], "cloister-world") == 0)
        return keeper_world_main(argc, argv);
    const struct CMUnitTest others[] = {
        cmocka_unit_test(signals_are_passed_on_and_the_exit_status_is_the_worlds),
        cmocka_unit_test(world_host_does_not_outlive_its_keeper),
        cmocka_unit_test(exit_status_of_the_world_host_is_handed_on),
        cmocka_unit_test(signal_that_kills_the_world_host_is_told_in_one_line),
        cmocka_unit_test(ready_descriptor_reaches_the_world_host_and_nobody_else),
        cmocka_unit_test(start_that_fails_ends_the_ready_descriptor_without_a_byte),
        cmocka_unit_test(keeper_survives_the_end_of_its_log),
        cmocka_unit_test(start_without_state_says_what_to_do),
        cmocka_unit_test(bad_world_hosts_are_not_started),
        cmocka_unit_test(damaged_root_secret_is_told_in_one_line),
        cmocka_unit_test(damaged_key_refuses_the_start),
        cmocka_unit_test(keeper_of_an_ordinary_user_cannot_be_read_by_that_user),
    };
    size_t count = keeper_scenario_count + ARRAY_SIZE(others);
    AUTO_FREE struct CMUnitTest *tests = calloc(count, sizeof *tests);
    if (!tests)
        return 1;
    for (size_t i = 0; i < keeper_scenario_count; i++)
        tests[i] = (struct CMUnitTest){.name = keeper_scenarios[i].name,
                                       .test_func = scenario_passes,
                                       .initial_state = (void *)(uintptr_t)&keeper_scenarios[i]};
    memcpy(tests + keeper_scenario_count, others, sizeof others);
    return _cmocka_run_group_tests("keeper", tests, count, make_state, remove_state);
}

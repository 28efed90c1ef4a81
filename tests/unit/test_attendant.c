/*
 * What signals do to the guest VMM once the attendant is prepared, in children of this test: those
 * that end it wait for the attendant, those that a guest can bring about end nothing.
 */
#include "vmm/guest/attendant.h"

#include "base/scope.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <cmocka.h>

#define LIMIT 4096

enum { GOOD, BAD, NOT_PREPARED };

static struct guest_run run;

static int in_child(bool (*act)(void))
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct reason why = {""};
        if (attendant_prepare(&run, &why) != CLOISTER_OK)
            _exit(NOT_PREPARED);
        _exit(act() ? GOOD : BAD);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool take_signals(void)
{
    static const int ending[] = {SIGTERM, SIGINT, SIGHUP};
    struct signalfd_siginfo heard;
    bool good = read(run.signals, &heard, sizeof heard) < 0 && errno == EAGAIN;
    for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
        good = good && raise(ending[i]) == 0 &&
               read(run.signals, &heard, sizeof heard) == sizeof heard &&
               heard.ssi_signo == (uint32_t)ending[i];
    return good;
}

static void signals_that_end_it_wait_for_the_attendant(void **state)
{
    (void)state;
    assert_int_equal(in_child(take_signals), GOOD);
}

static bool kick(void)
{
    return raise(SIGUSR1) == 0;
}

static void kick_ends_nothing(void **state)
{
    (void)state;
    assert_int_equal(in_child(kick), GOOD);
}

static bool write_to_nobody(void)
{
    int ends[2];
    return pipe(ends) == 0 && close(ends[0]) == 0 && write(ends[1], "x", 1) < 0 && errno == EPIPE;
}

static void output_that_nobody_reads_ends_nothing(void **state)
{
    (void)state;
    assert_int_equal(in_child(write_to_nobody), GOOD);
}

/* A guest chooses what it writes to its disk and how much it prints into a file. */
static bool write_beyond_the_limit(void)
{
    const struct rlimit limit = {LIMIT, LIMIT};
    AUTO_FILE FILE *file = tmpfile();
    return file && setrlimit(RLIMIT_FSIZE, &limit) == 0 &&
           pwrite(fileno(file), "x", 1, LIMIT - 1) == 1 &&
           pwrite(fileno(file), "x", 1, LIMIT) < 0 && errno == EFBIG;
}

static void limit_of_a_files_size_ends_nothing(void **state)
{
    (void)state;
    assert_int_equal(in_child(write_beyond_the_limit), GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_that_end_it_wait_for_the_attendant),
        cmocka_unit_test(kick_ends_nothing),
        cmocka_unit_test(output_that_nobody_reads_ends_nothing),
        cmocka_unit_test(limit_of_a_files_size_ends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

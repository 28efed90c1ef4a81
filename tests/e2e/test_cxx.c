/*
 * C++ on both sides of a call: a client program and a module.
 */
#include "tests/e2e/command.h"
#include "tests/e2e/started_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <unistd.h>

#include <cmocka.h>

static struct started_world world;

static void program_in_cxx_calls_module_in_cxx(void **state)
{
    (void)state;
    char program[512];
    if (started_world_impossible()) {
        print_message("skipped: %s\n", started_world_impossible());
        skip();
    }
    started_world_start(&world,
                        (const char *const[]){"--debug", "--module", "@tests/cxx/reverse.mod",
                                              "--module", "@modules/notes.mod", NULL});
    started_path("tests/cxx/client", program, sizeof program);
    pid_t child = fork();
    if (child == 0) {
        (void)execl(program, program, world.socket, (char *)NULL);
        _exit(127);
    }
    int status = command_wait(child);
    started_world_stop(&world);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(program_in_cxx_calls_module_in_cxx)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

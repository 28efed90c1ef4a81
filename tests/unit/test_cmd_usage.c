/*
 * The `cloister` command as far as it goes without a world: helps, wrong usage, wrong values,
 * things that are not there.
 */
#include "base/utf8.h"
#include "tests/e2e/command.h"
#include "tests/e2e/started_world.h"
#include "tools/tool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static struct command ran;

/* No world runs there. */
static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/test_cmd_usage.XXXXXX");
    return mkdtemp(folder) && setenv("CLOISTER_RUNTIME", folder, 1) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void expect_help(void)
{
    command_expect(&ran, TOOL_OK);
    assert_non_null(strstr(ran.out, "Exit status:"));
    assert_string_equal(ran.err, "");
}

#define WORDS 7 /* of a command line and its NULL */

static void expect_refusals(const char *const cases[][WORDS], size_t count, int status)
{
    for (size_t i = 0; i < count; i++) {
        command_run(&ran, cases[i]);
        command_expect_refusal(&ran, status);
    }
}

static void every_command_has_help(void **state)
{
    (void)state;
    static const char *const groups[][9] = {
        {"world", "run", "ls", "show", "stop"},
        {"module", "new", "build", "keygen", "key", "sign", "inspect", "measure", "diff"},
        {"key", "init", "ca", "show"},
        {"report", "get", "show", "verify"},
        {"guest", "run"},
        {"call"},
        {"exec"},
        {"interface"},
        {"doctor"},
        {"top"},
        {"metrics"},
        {"nested"},
    };
    RUN(&ran, "--help");
    expect_help();
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        RUN(&ran, groups[i][0], "--help");
        expect_help();
        for (size_t j = 1; j < 9 && groups[i][j]; j++) {
            RUN(&ran, groups[i][0], groups[i][j], "--help");
            expect_help();
        }
    }
}

static void help_of_a_command_is_its_help(void **state)
{
    (void)state;
    RUN(&ran, "help", "call");
    expect_help();
    assert_memory_equal(ran.out, "Usage: cloister call ", 21);
    RUN(&ran, "module", "help", "build");
    expect_help();
    assert_memory_equal(ran.out, "Usage: cloister module build ", 29);
    RUN(&ran, "help");
    assert_memory_equal(ran.out, "Usage: cloister GROUP ", 22);
}

static void top_without_a_terminal_is_refused(void **state)
{
    (void)state;
    RUN(&ran, "top");
    command_expect_refusal(&ran, TOOL_UNAVAILABLE);
    RUN(&ran, "top", "-d", "0");
    command_expect_refusal(&ran, TOOL_BAD_INPUT);
    RUN(&ran, "top", "-d", "nan");
    command_expect_refusal(&ran, TOOL_BAD_INPUT);
    RUN(&ran, "top", "--sort", "colour");
    command_expect_refusal(&ran, TOOL_BAD_INPUT);
    RUN(&ran, "top", "--once", "nobody");
    command_expect_refusal(&ran, TOOL_NOT_FOUND);
}

static void version_is_printed(void **state)
{
    (void)state;
    RUN(&ran, "--version");
    command_expect(&ran, TOOL_OK);
    assert_string_equal(ran.out, "cloister " TOOL_VERSION "\n");
}

static void wrong_usage_is_refused_in_one_line(void **state)
{
    (void)state;
    static const char *const cases[][WORDS] = {
        {NULL},
        {""},
        {"nonsense"},
        {"help", "nonsense"},
        {"world"},
        {"world", "nonsense"},
        {"world", "run"},
        {"world", "run", "a"},
        {"world", "run", "--module", "x.mod"},
        {"world", "run", "a", "--module"},
        {"world", "run", "a", "--nonsense"},
        {"world", "run", "a", "--module", "x.mod", "--log=l"},
        {"world", "ls", "a"},
        {"world", "ls", "--nonsense"},
        {"world", "show"},
        {"world", "show", "a", "b"},
        {"world", "stop"},
        {"world", "stop", "--json", "a"},
        {"call"},
        {"call", "a/b"},
        {"call", "a/b", "m", "x"},
        {"call", "a/b", "m", "--in"},
        {"doctor", "x"},
        {"top", "--nonsense"},
        {"top", "--json"},
        {"top", "-d"},
        {"doctor", "--nonsense"},
        {"module"},
        {"module", "nonsense"},
        {"key"},
        {"key", "nonsense"},
        {"report"},
        {"report", "nonsense"},
    };
    expect_refusals(cases, sizeof cases / sizeof *cases, TOOL_USAGE);
}

static void value_that_an_option_does_not_take_is_told_of(void **state)
{
    (void)state;
    static const char *const cases[][WORDS] = {
        {"world", "ls", "--json=yes"},
        {"world", "run", "a", "--detach=yes"},
        {"call", "a/b", "m", "--help=yes"},
        {"top", "--once=yes"},
        {"doctor", "--json="},
        {"report", "show", "--json=yes", "r"},
        {"report", "verify", "--allow-debug=no"},
        {"guest", "run", "--help=yes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        command_run(&ran, cases[i]);
        command_expect_refusal(&ran, TOOL_USAGE);
        if (!strstr(ran.err, " takes no value; see '"))
            fail_msg("%s", ran.err);
    }
}

static void wrong_values_are_refused_in_one_line(void **state)
{
    (void)state;
    static const char *const cases[][WORDS] = {
        {"world", "run", "a b", "--module", "x"},
        {"world", "run", "12345678901234567890123456789012", "--module", "x"},
        {"world", "run", "a", "--module", "x", "--poll=sometimes"},
        {"world", "run", "a", "--module", "x", "--spin=-1"},
        {"world", "run", "a", "--module", "x", "--spin=1000001"},
        {"world", "run", "a", "--module", "x", "--window=1"},
        {"world", "run", "a", "--module", "x", "--window=18446744073709551616"},
        {"world", "run", "a", "--module", "x", "--window=17179869184G"},
        {"call", "a", "m"},
        {"call", "/m", "m"},
        {"call", "a/", "m"},
        {"call", "a/b", "m", "--timeout", "0"},
        {"call", "a/b", "m", "--timeout", "99999999999999999999"},
        {"call", "a/b", "m", "--count", "1x"},
        {"call", "a/b", "m", "--room", ""},
        {"call", "a/b", "m", "--hex", "123"},
        {"call", "a/b", "m", "--hex", "zz"},
        {"call", "a/b", "m", "--value", "1"},
        {"call", "a/b", "m", "--value", "1,18446744073709551616"},
        {"call", "a/b", "m", "--value", "1,-2"},
        {"call", "a/b", "m", "--in", "/"},
        {"call", "a/b", "m", "--out", "/"},
        {"call", "a/b", "m", "--out", "/dev/null/x"},
        {"world", "show", "a b"},
        {"world", "show", ""},
    };
    expect_refusals(cases, sizeof cases / sizeof *cases, TOOL_BAD_INPUT);
}

static void absent_things_are_not_found(void **state)
{
    (void)state;
    static const char *const cases[][WORDS] = {
        {"world", "show", "nobody"},
        {"world", "stop", "nobody"},
        {"world", "show", "/nowhere/at.sock"},
        {"call", "nobody/echo", "echo"},
        {"report", "get", "nobody/echo", "--nonce=000102030405060708090a0b0c0d0e0f", "-o", "x"},
    };
    expect_refusals(cases, sizeof cases / sizeof *cases, TOOL_NOT_FOUND);
    assert_int_not_equal(access("x", F_OK), 0);
    RUN(&ran, "call", "nobody/echo", "echo", "--in", "/nowhere/at/all");
    command_expect_refusal(&ran, TOOL_NOT_FOUND);
    assert_non_null(strstr(ran.err, "/nowhere/at/all"));
}

/* One line, and nothing in it but plain text. */
static void expect_plain_refusal(int status)
{
    command_expect_refusal(&ran, status);
    assert_true(utf8_is_plain((const uint8_t *)ran.err, strlen(ran.err) - 1));
}

static void foreign_text_cannot_move_the_cursor(void **state)
{
    (void)state;
    RUN(&ran, "\033[2J\xc2\x9bH");
    expect_plain_refusal(TOOL_USAGE);
    RUN(&ran, "world", "show", "/nowhere/\u202ekcos.\u2066\x9bt\u2028\x7f");
    expect_plain_refusal(TOOL_NOT_FOUND);
    RUN(&ran, "report", "show",
        "/nowhere/\u200f\xc2\x9b"
        "2J");
    expect_plain_refusal(TOOL_NOT_FOUND);
}

static void full_output_is_a_failure(void **state)
{
    (void)state;
    char path[600];
    char line[700];
    started_path("cloister", path, sizeof path);
    (void)snprintf(line, sizeof line, "%s --help >/dev/full 2>/dev/null", path);
    int status = system(line);
    assert_int_equal(WEXITSTATUS(status), TOOL_IO);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_has_help),
        cmocka_unit_test(help_of_a_command_is_its_help),
        cmocka_unit_test(version_is_printed),
        cmocka_unit_test(top_without_a_terminal_is_refused),
        cmocka_unit_test(wrong_usage_is_refused_in_one_line),
        cmocka_unit_test(value_that_an_option_does_not_take_is_told_of),
        cmocka_unit_test(wrong_values_are_refused_in_one_line),
        cmocka_unit_test(absent_things_are_not_found),
        cmocka_unit_test(foreign_text_cannot_move_the_cursor),
        cmocka_unit_test(full_output_is_a_failure),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/*
 * `cloister report` before a report whose author wants to be seen as someone else: nothing of it
 * reaches the terminal but plain text.
 */
#include "base/file.h"
#include "base/utf8.h"
#include "tests/e2e/command.h"
#include "tests/unit/report_fixture.h"
#include "tools/tool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NONCE "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"

static char folder[64];
static char report[80];
static char ca[80];
static struct command ran;

static int make_files(void **state)
{
    struct report_fixture *fixture = report_fixture_new("P-384");
    *state = fixture;
    (void)snprintf(folder, sizeof folder, "/tmp/test_cmd_report.XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(report, sizeof report, "%s/report.cbor", folder);
    (void)snprintf(ca, sizeof ca, "%s/ca.pem", folder);
    return file_write(ca, fixture->ca_pem, strlen(fixture->ca_pem), 0600, NULL);
}

static int remove_files(void **state)
{
    report_fixture_free(*state);
    (void)unlink(report);
    (void)unlink(ca);
    return rmdir(folder);
}

/* Writes the report, signed anew, with these 6 bytes as the release of the host's kernel. */
static void write_report(struct report_fixture *fixture, const char *kernel)
{
    assert_int_equal(strlen(kernel), 6);
    report_fixture_make(fixture);
    report_fixture_replace(fixture, "6.18.0", kernel, 6);
    assert_int_equal(file_write(report, fixture->report, fixture->size, 0600, NULL), CLOISTER_OK);
}

static void text_of_a_report_is_shown(void **state)
{
    write_report(*state, "Ωж.b");
    RUN(&ran, "report", "show", report);
    command_expect(&ran, TOOL_OK);
    assert_non_null(strstr(ran.out, " kernel=Ωж.b "));
    RUN(&ran, "report", "show", "--json", report);
    command_expect(&ran, TOOL_OK);
    assert_non_null(strstr(ran.out, "\"\\u03A9\\u0436.b\""));
}

static void expect_plain_refusal(int status)
{
    command_expect_refusal(&ran, status);
    assert_true(utf8_is_plain((const uint8_t *)ran.err, strlen(ran.err) - 1));
    assert_non_null(strstr(ran.err, "control or invisible characters"));
}

static void hostile_text_of_a_report_is_refused(void **state)
{
    static const char *const texts[] = {"\033[2Jab",
                                        "\x9b"
                                        "2Jabc",
                                        "ab\xc2\x9b"
                                        "2J",
                                        "abc\u202e",
                                        "\u2066abc",
                                        "abc\u2028",
                                        "abc\u200b",
                                        "ab\U000e0041"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_report(*state, texts[i]);
        RUN(&ran, "report", "show", report);
        expect_plain_refusal(TOOL_BAD_INPUT);
        RUN(&ran, "report", "show", "--json", report);
        expect_plain_refusal(TOOL_BAD_INPUT);
        RUN(&ran, "report", "verify", report, "--nonce", NONCE, "--ca", ca);
        command_expect_refusal(&ran, TOOL_REFUSED);
        assert_true(utf8_is_plain((const uint8_t *)ran.err, strlen(ran.err) - 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_a_report_is_shown),
        cmocka_unit_test(hostile_text_of_a_report_is_refused),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}

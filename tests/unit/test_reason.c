/*
 * Reasons: cut to fit, harmless to a terminal, with the right status.
 */
#include "base/reason.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void reason_names_the_value_and_returns_the_status(void **state)
{
    (void)state;
    struct reason why;
    assert_int_equal(refuse(&why, CLOISTER_TOO_BIG, "stack is %d; at most 3", 7), CLOISTER_TOO_BIG);
    assert_string_equal(why.text, "stack is 7; at most 3");
}

static void nobody_has_to_ask_for_the_reason(void **state)
{
    (void)state;
    assert_int_equal(refuse(NULL, CLOISTER_DENIED, "no"), CLOISTER_DENIED);
    errno = ENOENT;
    assert_int_equal(refuse_errno(NULL, "no"), CLOISTER_NOT_FOUND);
}

static void long_reason_is_cut(void **state)
{
    (void)state;
    struct reason why;
    char text[1000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(refuse(&why, CLOISTER_IO, "%s", text), CLOISTER_IO);
    assert_int_equal(strlen(why.text), sizeof why.text - 1);
    errno = EIO;
    assert_int_equal(refuse_errno(&why, "%s", text), CLOISTER_IO);
    assert_int_equal(strlen(why.text), sizeof why.text - 1);
}

static void control_characters_do_not_reach_a_terminal(void **state)
{
    (void)state;
    struct reason why;
    assert_int_equal(refuse(&why, CLOISTER_IO, "a\033[2Jb\nc\x7f"), CLOISTER_IO);
    assert_string_equal(why.text, "a?[2Jb?c?");
    errno = ENOENT;
    assert_int_equal(refuse_errno(&why, "a\xc2\x9b" /* C1 */ "2J\u202eb\u2028\x9b"),
                     CLOISTER_NOT_FOUND);
    assert_string_equal(why.text, "a??2J???b????: No such file or directory");
}

static void character_that_is_cut_does_not_stay_half(void **state)
{
    (void)state;
    struct reason why;
    char text[sizeof why.text + 2];
    memset(text, 'x', sizeof text);
    memcpy(text + sizeof why.text - 3, "\u2026", 4);
    assert_int_equal(refuse(&why, CLOISTER_IO, "%s", text), CLOISTER_IO);
    assert_string_equal(why.text + sizeof why.text - 4, "x??");
}

static void errno_decides_the_status(void **state)
{
    (void)state;
    static const struct {
        int error;
        cloister_status status;
    } cases[] = {
        {EACCES, CLOISTER_DENIED},
        {EPERM, CLOISTER_DENIED},
        {ENOENT, CLOISTER_NOT_FOUND},
        {ENOMEM, CLOISTER_NO_MEMORY},
        {EIO, CLOISTER_IO},
        {ENOSPC, CLOISTER_IO},
        {ENOTDIR, CLOISTER_BAD_ARGUMENT},
        {EISDIR, CLOISTER_BAD_ARGUMENT},
        {ENAMETOOLONG, CLOISTER_BAD_ARGUMENT},
        {ELOOP, CLOISTER_BAD_ARGUMENT},
    };
    struct reason why;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        errno = cases[i].error;
        assert_int_equal(refuse_errno(&why, "x"), cases[i].status);
        assert_non_null(strstr(why.text, strerror(cases[i].error)));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reason_names_the_value_and_returns_the_status),
        cmocka_unit_test(nobody_has_to_ask_for_the_reason),
        cmocka_unit_test(long_reason_is_cut),
        cmocka_unit_test(control_characters_do_not_reach_a_terminal),
        cmocka_unit_test(character_that_is_cut_does_not_stay_half),
        cmocka_unit_test(errno_decides_the_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

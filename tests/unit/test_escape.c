/*
 * Text of a module on its way into the log.
 */
#include "vmm/escape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

static void assert_escaped(const char *bytes, size_t size, const char *expected)
{
    char text[256];
    escape_text((const uint8_t *)bytes, size, text, sizeof text);
    assert_string_equal(text, expected);
}

static void plain_text_stays(void **state)
{
    (void)state;
    assert_escaped("hello, world", 12, "hello, world");
}

static void terminal_sequences_are_escaped(void **state)
{
    (void)state;
    assert_escaped("\x1b[2J", 4, "\\x1b[2J");
    assert_escaped("\x9b\x7f", 2, "\\x9b\\x7f");
}

static void lines_cannot_be_forged(void **state)
{
    (void)state;
    assert_escaped("a\ncloister-world: error", 23, "a\\x0acloister-world: error");
    assert_escaped("a\r", 2, "a\\x0d");
}

static void one_trailing_newline_is_dropped(void **state)
{
    (void)state;
    assert_escaped("line\n", 5, "line");
    assert_escaped("\n", 1, "");
}

static void escapes_cannot_be_forged(void **state)
{
    (void)state;
    assert_escaped("\\x1b", 4, "\\x5cx1b");
}

static void nul_does_not_end_the_text(void **state)
{
    (void)state;
    assert_escaped("a\0b", 3, "a\\x00b");
}

static void text_is_cut_between_escapes(void **state)
{
    (void)state;
    char text[8];
    escape_text((const uint8_t *)"abcde\x01", 6, text, sizeof text);
    assert_string_equal(text, "abcde");
    escape_text((const uint8_t *)"abc\x01", 4, text, sizeof text);
    assert_string_equal(text, "abc\\x01");
    escape_text((const uint8_t *)"abc", 3, text, 1);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stays),
        cmocka_unit_test(terminal_sequences_are_escaped),
        cmocka_unit_test(lines_cannot_be_forged),
        cmocka_unit_test(one_trailing_newline_is_dropped),
        cmocka_unit_test(escapes_cannot_be_forged),
        cmocka_unit_test(nul_does_not_end_the_text),
        cmocka_unit_test(text_is_cut_between_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Plain text: what is shown as it is, and each class of what is not.
 */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static bool is_plain(const char *text)
{
    return utf8_is_plain((const uint8_t *)text, strlen(text));
}

static void assert_refused(const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_plain(texts[i]))
            fail_msg("text %zu is taken for plain", i);
}

#define ASSERT_REFUSED(...)                                                                        \
    do {                                                                                           \
        static const char *const texts[] = {__VA_ARGS__};                                          \
        assert_refused(texts, sizeof texts / sizeof *texts);                                       \
    } while (0)

static void text_of_all_scripts_is_plain(void **state)
{
    (void)state;
    assert_true(is_plain(""));
    assert_true(is_plain(" !\"\\~ plain text, 1.2.3"));
    assert_true(is_plain("\u00a0 é ß Ω Жук 漢字 עברית عربي ไทย 𝄞 🙂"));
}

static void neighbours_of_what_is_refused_are_plain(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\x20",   "\x7e",   "\u00a0", "\u00ac",       "\u00ae",       "\u061b",
        "\u061d", "\u180d", "\u180f", "\u200a",       "\u2010",       "\u2027",
        "\u202f", "\u205f", "\u2070", "\xed\x9f\xbf", "\xee\x80\x80", "\ufefe",
        "\uff00", "\ufff8", "\ufffc", "\U000dffff",   "\U000e1000",   "\U0010ffff"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!is_plain(texts[i]))
            fail_msg("text %zu is refused", i);
}

static void control_characters_are_refused(void **state)
{
    (void)state;
    ASSERT_REFUSED("\x01", "a\tb", "a\nb", "a\rb", "\x1b[2J", "\x1f", "\x7f");
    assert_false(utf8_is_plain((const uint8_t *)"a\0b", 3));
}

/* U+009B is what ESC [ is, to a terminal of 8 bits. */
static void c1_controls_are_refused(void **state)
{
    (void)state;
    for (char last = '\x80'; last <= '\x9f'; last++)
        assert_false(is_plain((const char[]){'\xc2', last, '\0'}));
    ASSERT_REFUSED("\x80",
                   "\x9b"
                   "2J",
                   "\x9f");
}

static void separators_are_refused(void **state)
{
    (void)state;
    ASSERT_REFUSED("a\u2028b", "a\u2029b");
}

static void changes_of_direction_are_refused(void **state)
{
    (void)state;
    ASSERT_REFUSED("\u200e", "\u200f", "\u061c", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e",
                   "\u2066", "\u2067", "\u2068", "\u2069", "\u206a", "\u206f");
}

static void invisible_characters_are_refused(void **state)
{
    (void)state;
    ASSERT_REFUSED("a\u00adb", "\u180e", "\u200b", "\u200c", "\u200d", "\u2060", "\u2064", "\ufeff",
                   "\ufff9", "\ufffb", "\U000e0001", "\U000e0041", "\U000e0100", "\U000e0fff");
}

static void malformed_text_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSED("\xff", "\xfe", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf",
                   "\xc0\x9b", "\xe0\x82\x9b" /* ESC and U+009B, too long */, "\xc3", "\xe2\x82",
                   "\xf0\x9f\x99", "\xc3(", "\xe2\x28\xa1", "\xed\xa0\x80", "\xed\xbf\xbf",
                   "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\x80", "\xbf");
}

static void assert_made(const char *from, const char *expected)
{
    char text[64];
    assert_true(strlen(from) < sizeof text);
    strcpy(text, from);
    utf8_make_plain(text);
    assert_string_equal(text, expected);
    assert_true(is_plain(text));
}

static void what_is_not_plain_is_replaced_byte_by_byte(void **state)
{
    (void)state;
    assert_made("", "");
    assert_made("Ω stays, 🙂 too", "Ω stays, 🙂 too");
    assert_made("a\x1b[2Jb\nc\x7f", "a?[2Jb?c?");
    assert_made("a\xc2\x9b"
                "2J",
                "a??2J");
    assert_made("\x9b"
                "2J\x9b",
                "?2J?");
    assert_made("\u202eetag\u202c\u2028", "???etag??????");
    assert_made("\U000e0041\u00ad", "??????");
    assert_made("\xc3(\xe2\x82", "?(??"); /* what follows a broken character stays */
    assert_made("\xf0\x9f\x99", "???");
    assert_made("\xe0\x82\x9b", "???");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_of_all_scripts_is_plain),
        cmocka_unit_test(neighbours_of_what_is_refused_are_plain),
        cmocka_unit_test(control_characters_are_refused),
        cmocka_unit_test(c1_controls_are_refused),
        cmocka_unit_test(separators_are_refused),
        cmocka_unit_test(changes_of_direction_are_refused),
        cmocka_unit_test(invisible_characters_are_refused),
        cmocka_unit_test(malformed_text_is_refused),
        cmocka_unit_test(what_is_not_plain_is_replaced_byte_by_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

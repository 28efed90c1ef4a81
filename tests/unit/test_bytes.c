/*
 * Hexadecimal text, zero checks, comparison, names.
 */
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void hex_is_lower_case_and_ended(void **state)
{
    (void)state;
    char text[9];
    memset(text, 'x', sizeof text);
    hex_encode("\x00\x1f\xab\xff", 4, text);
    assert_string_equal(text, "001fabff");
    hex_encode("", 0, text);
    assert_string_equal(text, "");
}

static void hex_decodes_either_case(void **state)
{
    (void)state;
    uint8_t bytes[4];
    size_t size = 99;
    assert_true(hex_decode("00aFFf", bytes, sizeof bytes, &size));
    assert_int_equal(size, 3);
    assert_memory_equal(bytes, "\x00\xaf\xff", 3);
    assert_true(hex_decode("", bytes, 0, &size));
    assert_int_equal(size, 0);
}

static void bad_hex_is_refused_and_sets_no_size(void **state)
{
    (void)state;
    static const char *const bad[] = {"0",   "000", "0g", "g0",        "0x",
                                      " 00", "00 ", "-1", "0000000000"};
    uint8_t bytes[4];
    size_t size = 99;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(hex_decode(bad[i], bytes, sizeof bytes, &size));
    assert_int_equal(size, 99);
}

static void one_byte_in_many_is_not_zero(void **state)
{
    (void)state;
    uint8_t bytes[100] = {0};
    assert_true(bytes_are_zero(bytes, sizeof bytes));
    assert_true(bytes_are_zero(bytes, 0));
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = 0x80;
        assert_false(bytes_are_zero(bytes, sizeof bytes));
        bytes[i] = 0;
    }
}

static void every_bit_counts_in_a_comparison(void **state)
{
    (void)state;
    uint8_t a[16] = {1, 2, 3};
    uint8_t b[16] = {1, 2, 3};
    assert_true(bytes_equal(a, b, sizeof a));
    assert_true(bytes_equal(a, b, 0));
    for (size_t bit = 0; bit < 8 * sizeof b; bit++) {
        b[bit / 8] = (uint8_t)(b[bit / 8] ^ 1u << bit % 8);
        assert_false(bytes_equal(a, b, sizeof a));
        b[bit / 8] = (uint8_t)(b[bit / 8] ^ 1u << bit % 8);
    }
}

static void wiped_bytes_are_zero(void **state)
{
    (void)state;
    uint8_t bytes[32];
    memset(bytes, 0x5a, sizeof bytes);
    bytes_wipe(bytes, 16);
    assert_true(bytes_are_zero(bytes, 16));
    assert_int_equal(bytes[16], 0x5a);
}

static void good_names_are_valid(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "vault", "A-z_0.9", "0", "_x", "1234567"};
    uint8_t name[8];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(name_set(name, sizeof name, good[i]));
        assert_true(name_is_valid(name, sizeof name));
    }
}

static void bad_names_are_not_valid(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    ".",   "..",  ".x",   "-x",
                                      "a/b", "a b", "a\n", "\x7f", "\xc3\xa4"};
    uint8_t name[8];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_true(name_set(name, sizeof name, bad[i]));
        assert_false(name_is_valid(name, sizeof name));
    }
}

static void name_without_end_is_not_valid(void **state)
{
    (void)state;
    assert_false(name_is_valid((const uint8_t *)"12345678", 8));
}

static void name_with_bytes_behind_its_end_is_not_valid(void **state)
{
    (void)state;
    assert_true(name_is_valid((const uint8_t *)"abc\0\0\0\0", 8));
    assert_false(name_is_valid((const uint8_t *)"abc\0x\0\0", 8));
    assert_false(name_is_valid((const uint8_t *)"abc\0\0\0\0x", 8));
}

static void name_that_does_not_fit_is_not_set(void **state)
{
    (void)state;
    uint8_t name[8] = "before";
    assert_false(name_set(name, sizeof name, "12345678"));
    assert_string_equal((char *)name, "before");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_is_lower_case_and_ended),
        cmocka_unit_test(hex_decodes_either_case),
        cmocka_unit_test(bad_hex_is_refused_and_sets_no_size),
        cmocka_unit_test(one_byte_in_many_is_not_zero),
        cmocka_unit_test(every_bit_counts_in_a_comparison),
        cmocka_unit_test(wiped_bytes_are_zero),
        cmocka_unit_test(good_names_are_valid),
        cmocka_unit_test(bad_names_are_not_valid),
        cmocka_unit_test(name_without_end_is_not_valid),
        cmocka_unit_test(name_with_bytes_behind_its_end_is_not_valid),
        cmocka_unit_test(name_that_does_not_fit_is_not_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

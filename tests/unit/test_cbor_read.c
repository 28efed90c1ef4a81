/*
 * The CBOR reader: what it refuses, and that it hands out what is there.
 */
#include "measure/cbor_read.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Exactly the document's bytes, so that a sanitizer sees a read past the end. */
static cloister_status read_hex(const char *hex, struct reason *why)
{
    size_t size = strlen(hex) / 2;
    uint8_t *bytes = malloc(size ? size : 1);
    struct cbor_reader reader;
    assert_non_null(bytes);
    assert_true(hex_decode(hex, bytes, size, &size));
    cloister_status status = cbor_read_start(&reader, bytes, size, "it", why);
    free(bytes);
    return status;
}

static void assert_refused(const char *hex, const char *because)
{
    struct reason why = {""};
    assert_int_equal(read_hex(hex, &why), CLOISTER_BAD_FORMAT);
    if (!strstr(why.text, because))
        fail_msg("%s: \"%s\" does not say \"%s\"", hex, why.text, because);
}

static void assert_accepted(const char *hex)
{
    struct reason why = {""};
    if (read_hex(hex, &why) != CLOISTER_OK)
        fail_msg("%s: %s", hex, why.text);
}

static void reader_accepts_deterministic_documents(void **state)
{
    (void)state;
    static const char *const documents[] = {"00",
                                            "17",
                                            "1818",
                                            "1b0000000100000000",
                                            "20",
                                            "3bffffffffffffffff",
                                            "40",
                                            "4100",
                                            "60",
                                            "6161",
                                            "80",
                                            "a0",
                                            "820102",
                                            "a2016161206162",
                                            "a20100616100",
                                            "d28440a04040",
                                            "f4",
                                            "f5",
                                            "62c3a4",
                                            "63e282ac",
                                            "64f09f9880",
                                            "a318180018190061610a",
                                            "8181818181818180"};
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++)
        assert_accepted(documents[i]);
}

static void reader_refuses_longer_forms_than_needed(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "1800",   "1817",   "190000", "1900ff",   "1a0000ffff", "1b00000000ffffffff", "3817",
        "580100", "780161", "980100", "b8010000", "d81200",     "5900020000"};
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++)
        assert_refused(documents[i], "shortest form");
}

static void reader_refuses_indefinite_lengths(void **state)
{
    (void)state;
    static const char *const documents[] = {"5f4100ff", "7f6161ff", "9f00ff", "bf0000ff",
                                            "ff",       "1f",       "df00"};
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++)
        assert_refused(documents[i], "indefinite");
}

static void reader_refuses_reserved_initial_bytes(void **state)
{
    (void)state;
    static const char *const documents[] = {"1c", "1d", "1e", "3c", "5d", "7e", "9c", "bd", "fc"};
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++)
        assert_refused(documents[i], "reserved");
}

static void reader_refuses_floats_and_other_simple_values(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "f90000", "fa00000000", "fb0000000000000000", "f6", "f7", "e0", "f3", "f820", "f8ff"};
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++)
        assert_refused(documents[i], "float");
}

static void reader_refuses_what_is_cut_off(void **state)
{
    (void)state;
    assert_refused("", "ends where an item should start");
    assert_refused("8201a100", "more items");
    assert_refused("18", "ends inside");
    assert_refused("1900", "ends inside");
    assert_refused("1b00000000000000", "ends inside");
    assert_refused("820018", "ends inside");
}

static void reader_refuses_lengths_beyond_what_is_left(void **state)
{
    (void)state;
    assert_refused("41", "longer than what is left");
    assert_refused("430000", "longer than what is left");
    assert_refused("7bffffffffffffffff", "longer than what is left");
    assert_refused("5b7fffffffffffffff", "longer than what is left");
    assert_refused("81", "more items");
    assert_refused("8200", "more items");
    assert_refused("9a10000000", "more items");
    assert_refused("9bffffffffffffffff", "more items");
    assert_refused("a100", "more items");
    assert_refused("bb800000000000000000", "more items");
    assert_refused("bbffffffffffffffff0000", "more items");
    assert_refused("d2", "more items");
    assert_refused("838100", "more items");
}

static void reader_refuses_bytes_after_the_end(void **state)
{
    (void)state;
    assert_refused("0000", "bytes follow");
    assert_refused("a000", "bytes follow");
    assert_refused("8000", "bytes follow");
    assert_refused("d20000", "bytes follow");
}

static void reader_refuses_unsorted_and_repeated_keys(void **state)
{
    (void)state;
    assert_refused("a201000100", "twice");
    assert_refused("a2616100616100", "twice");
    assert_refused("a202000100", "out of order");
    assert_refused("a220000100", "out of order");
    assert_refused("a26161002000", "out of order");
    assert_refused("a262616100616200", "out of order");
    assert_refused("a21818001700", "out of order");
    assert_refused("81a202000100", "out of order");
}

static void reader_refuses_keys_that_are_no_number_or_text(void **state)
{
    (void)state;
    static const char *const documents[] = {"a1410000", "a18000", "a1a000", "a1f400", "a1d20000"};
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++)
        assert_refused(documents[i], "neither integer nor text");
}

static void reader_refuses_bad_utf8_and_control_characters(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "6100",       "610a",       "611b",       "617f",   "62c280",   "62c29f",   "6180",
        "61c3",       "62c328",     "62c081",     "62c1bf", "63e08080", "63eda080", "63edbfbf",
        "64f0808080", "64f4908080", "64f8808080", "61ff",   "63e28228"};
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++)
        assert_refused(documents[i], "UTF-8");
}

static void reader_refuses_nesting_beyond_eight(void **state)
{
    (void)state;
    assert_accepted("818181818181818100");
    assert_refused("81818181818181818100", "nested");
    assert_refused("d2818181818181818100", "nested");
    assert_refused("d2d2d2d2d2d2d2d2d200", "nested");
}

/* 100,000 levels and a body over the limit are refused before the walk gets far. */
static void reader_refuses_bombs(void **state)
{
    (void)state;
    struct cbor_reader reader;
    struct reason why;
    size_t size = 100000;
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    memset(bytes, 0x81, size);
    assert_int_equal(cbor_read_start(&reader, bytes, size, "it", &why), CLOISTER_TOO_BIG);
    assert_int_equal(cbor_read_start(&reader, bytes, CBOR_READ_SIZE_MAX, "it", &why),
                     CLOISTER_BAD_FORMAT);
    free(bytes);
}

static void pulling_takes_only_what_is_there(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x86, 0x01, 0x38, 0x18, 0x42, 0xaa, 0xbb,
                                    0x61, 'x',  0xf5, 0xa1, 0x00, 0xd2, 0x80};
    struct cbor_reader reader;
    struct cbor_view view;
    uint64_t number;
    int64_t integer;
    bool flag;
    assert_int_equal(cbor_read_start(&reader, bytes, sizeof bytes, "it", NULL), CLOISTER_OK);
    assert_false(cbor_read_map(&reader, &number));
    assert_true(cbor_read_array(&reader, &number));
    assert_int_equal(number, 6);
    assert_false(cbor_read_bytes(&reader, &view));
    assert_true(cbor_read_uint(&reader, &number));
    assert_int_equal(number, 1);
    assert_false(cbor_read_uint(&reader, &number));
    assert_true(cbor_read_int(&reader, &integer));
    assert_int_equal(integer, -25);
    assert_false(cbor_read_text(&reader, &view));
    assert_true(cbor_read_bytes(&reader, &view));
    assert_int_equal(view.size, 2);
    assert_true(cbor_read_text(&reader, &view));
    assert_true(cbor_view_is(&view, "x"));
    assert_false(cbor_view_is(&view, "xy"));
    assert_true(cbor_read_bool(&reader, &flag) && flag);
    assert_true(cbor_read_map(&reader, &number));
    assert_true(cbor_read_int(&reader, &integer));
    assert_true(cbor_read_tag(&reader, &number));
    assert_int_equal(number, 18);
    assert_true(cbor_read_array(&reader, &number));
    assert_false(cbor_read_uint(&reader, &number));
}

static void integers_beyond_63_bits_do_not_fit(void **state)
{
    (void)state;
    static const uint8_t most[] = {0x1b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t more[] = {0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t least[] = {0x3b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct cbor_reader reader;
    int64_t integer;
    assert_int_equal(cbor_read_start(&reader, most, sizeof most, "it", NULL), CLOISTER_OK);
    assert_true(cbor_read_int(&reader, &integer));
    assert_true(integer == INT64_MAX);
    assert_int_equal(cbor_read_start(&reader, more, sizeof more, "it", NULL), CLOISTER_OK);
    assert_false(cbor_read_int(&reader, &integer));
    assert_int_equal(cbor_read_start(&reader, least, sizeof least, "it", NULL), CLOISTER_OK);
    assert_true(cbor_read_int(&reader, &integer));
    assert_true(integer == INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_accepts_deterministic_documents),
        cmocka_unit_test(reader_refuses_longer_forms_than_needed),
        cmocka_unit_test(reader_refuses_indefinite_lengths),
        cmocka_unit_test(reader_refuses_reserved_initial_bytes),
        cmocka_unit_test(reader_refuses_floats_and_other_simple_values),
        cmocka_unit_test(reader_refuses_what_is_cut_off),
        cmocka_unit_test(reader_refuses_lengths_beyond_what_is_left),
        cmocka_unit_test(reader_refuses_bytes_after_the_end),
        cmocka_unit_test(reader_refuses_unsorted_and_repeated_keys),
        cmocka_unit_test(reader_refuses_keys_that_are_no_number_or_text),
        cmocka_unit_test(reader_refuses_bad_utf8_and_control_characters),
        cmocka_unit_test(reader_refuses_nesting_beyond_eight),
        cmocka_unit_test(reader_refuses_bombs),
        cmocka_unit_test(pulling_takes_only_what_is_there),
        cmocka_unit_test(integers_beyond_63_bits_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

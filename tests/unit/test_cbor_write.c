/*
 * The CBOR writer: shortest forms, and that it catches its own caller's mistakes.
 */
#include "measure/cbor_write.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct output {
    struct cbor_writer writer;
    uint8_t bytes[256];
};

static struct cbor_writer *start(struct output *output)
{
    cbor_write_start(&output->writer, output->bytes, sizeof output->bytes);
    return &output->writer;
}

static void assert_written(const struct output *output, const char *expected)
{
    size_t size;
    char text[2 * sizeof output->bytes + 1];
    assert_true(cbor_write_end(&output->writer, &size));
    hex_encode(output->bytes, size, text);
    assert_string_equal(text, expected);
}

static void assert_broken(const struct output *output)
{
    size_t size;
    assert_false(cbor_write_end(&output->writer, &size));
}

/* RFC 8949, appendix A. */
static void integers_take_their_shortest_form(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *hex;
    } cases[] = {
        {0, "00"},
        {23, "17"},
        {24, "1818"},
        {255, "18ff"},
        {256, "190100"},
        {65535, "19ffff"},
        {65536, "1a00010000"},
        {4294967295, "1affffffff"},
        {4294967296, "1b0000000100000000"},
        {-1, "20"},
        {-24, "37"},
        {-25, "3818"},
        {-70001, "3a00011170"},
        {INT64_MIN, "3b7fffffffffffffff"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct output output;
        cbor_write_int(start(&output), cases[i].value);
        assert_written(&output, cases[i].hex);
    }
}

static void largest_unsigned_integer_is_written(void **state)
{
    (void)state;
    struct output output;
    cbor_write_uint(start(&output), UINT64_MAX);
    assert_written(&output, "1bffffffffffffffff");
}

static void containers_nest(void **state)
{
    (void)state;
    struct output output;
    struct cbor_writer *w = start(&output);
    cbor_write_tag(w, 18);
    cbor_write_array(w, 4);
    cbor_write_map(w, 2);
    cbor_write_int(w, 1);
    cbor_write_text(w, "a");
    cbor_write_int(w, -1);
    cbor_write_map(w, 0);
    cbor_write_array(w, 0);
    cbor_write_bytes(w, "\x01\x02", 2);
    cbor_write_bool(w, true);
    assert_written(&output, "d284a201616120a080420102f5");
}

static void space_is_filled_by_the_caller(void **state)
{
    (void)state;
    struct output output;
    uint8_t *space = cbor_write_space(start(&output), 2);
    assert_non_null(space);
    space[0] = 0xaa;
    space[1] = 0xbb;
    assert_written(&output, "42aabb");
}

static void writer_refuses_unsorted_keys(void **state)
{
    (void)state;
    struct output output;
    struct cbor_writer *w = start(&output);
    cbor_write_map(w, 2);
    cbor_write_int(w, -70002);
    cbor_write_int(w, 0);
    cbor_write_int(w, -70001);
    cbor_write_int(w, 0);
    assert_broken(&output);
}

static void writer_refuses_a_key_twice(void **state)
{
    (void)state;
    struct output output;
    struct cbor_writer *w = start(&output);
    cbor_write_map(w, 2);
    for (int i = 0; i < 2; i++) {
        cbor_write_text(w, "a");
        cbor_write_int(w, i);
    }
    assert_broken(&output);
}

static void writer_refuses_a_key_that_is_no_number_or_text(void **state)
{
    (void)state;
    struct output output;
    struct cbor_writer *w = start(&output);
    cbor_write_map(w, 1);
    cbor_write_bytes(w, "a", 1);
    cbor_write_int(w, 0);
    assert_broken(&output);
}

static void writer_refuses_too_few_and_too_many_items(void **state)
{
    (void)state;
    struct output output;
    cbor_write_array(start(&output), 2);
    cbor_write_int(&output.writer, 1);
    assert_broken(&output);
    cbor_write_int(&output.writer, 1);
    assert_written(&output, "820101");
    cbor_write_int(&output.writer, 1);
    assert_broken(&output);
}

static void writer_refuses_an_empty_document(void **state)
{
    (void)state;
    struct output output;
    (void)start(&output);
    assert_broken(&output);
}

static void writer_refuses_a_map_with_a_key_alone(void **state)
{
    (void)state;
    struct output output;
    cbor_write_map(start(&output), 1);
    cbor_write_int(&output.writer, 1);
    assert_broken(&output);
}

static void writer_refuses_a_map_of_more_pairs_than_can_be(void **state)
{
    (void)state;
    struct output output;
    cbor_write_map(start(&output), UINT64_MAX / 2 + 1);
    assert_broken(&output);
}

static void writer_refuses_to_nest_deeper_than_readers_read(void **state)
{
    (void)state;
    struct output output;
    struct cbor_writer *w = start(&output);
    for (unsigned i = 0; i < CBOR_DEPTH_MAX; i++)
        cbor_write_array(w, 1);
    assert_false(w->broken);
    cbor_write_array(w, 1);
    assert_true(w->broken);
}

static void writer_never_passes_the_end(void **state)
{
    (void)state;
    uint8_t bytes[8];
    for (size_t capacity = 0; capacity < 6; capacity++) {
        struct cbor_writer writer;
        size_t size;
        memset(bytes, 0xee, sizeof bytes);
        cbor_write_start(&writer, bytes, capacity);
        cbor_write_text(&writer, "hello");
        assert_false(cbor_write_end(&writer, &size));
        for (size_t i = capacity; i < sizeof bytes; i++)
            assert_int_equal(bytes[i], 0xee);
        cbor_write_start(&writer, bytes, capacity);
        assert_null(cbor_write_space(&writer, 5));
    }
}

static void text_keys_order_by_length_first(void **state)
{
    (void)state;
    assert_true(cbor_write_text_order("b", "aa") < 0);
    assert_true(cbor_write_text_order("ab", "aa") > 0);
    assert_int_equal(cbor_write_text_order("aa", "aa"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_take_their_shortest_form),
        cmocka_unit_test(largest_unsigned_integer_is_written),
        cmocka_unit_test(containers_nest),
        cmocka_unit_test(space_is_filled_by_the_caller),
        cmocka_unit_test(writer_refuses_unsorted_keys),
        cmocka_unit_test(writer_refuses_a_key_twice),
        cmocka_unit_test(writer_refuses_a_key_that_is_no_number_or_text),
        cmocka_unit_test(writer_refuses_too_few_and_too_many_items),
        cmocka_unit_test(writer_refuses_an_empty_document),
        cmocka_unit_test(writer_refuses_a_map_with_a_key_alone),
        cmocka_unit_test(writer_refuses_a_map_of_more_pairs_than_can_be),
        cmocka_unit_test(writer_refuses_to_nest_deeper_than_readers_read),
        cmocka_unit_test(writer_never_passes_the_end),
        cmocka_unit_test(text_keys_order_by_length_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

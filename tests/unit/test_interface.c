/*
 * Messages of a typed interface: what is decoded, what is refused, and that a refused message
 * leaves nothing behind.
 */
#include "cloister/interface.h"

#include "notes.pb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static const notes_AddRequest zero;

static cloister_status decode(notes_AddRequest *request, const uint8_t *bytes, size_t size)
{
    /* A copy of exactly this size, so that a sanitizer sees a read beyond it. */
    uint8_t *copy = malloc(size + (size == 0));
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    memset(request, 0xff, sizeof *request);
    cloister_status status =
        cloister_message_decode(notes_AddRequest_fields, request, sizeof *request, copy, size);
    free(copy);
    return status;
}

static void assert_refused(const uint8_t *bytes, size_t size)
{
    notes_AddRequest request;
    assert_int_equal(decode(&request, bytes, size), CLOISTER_BAD_FORMAT);
    assert_memory_equal(&request, &zero, sizeof request);
}

static notes_AddRequest largest(void)
{
    notes_AddRequest request = zero;
    request.has_note = true;
    memset(request.note.title, 'x', sizeof request.note.title - 1);
    request.note.text.size = sizeof request.note.text.bytes;
    memset(request.note.text.bytes, 0xff, sizeof request.note.text.bytes);
    request.note.tag_count = 4;
    for (unsigned i = 0; i < 4; i++)
        memset(request.note.tag[i], 't', sizeof request.note.tag[i] - 1);
    request.note.colour = notes_Colour_COLOUR_BLUE;
    return request;
}

static void largest_message_takes_the_declared_size(void **state)
{
    (void)state;
    uint8_t bytes[notes_AddRequest_size];
    size_t size = 0;
    notes_AddRequest request = largest();
    notes_AddRequest back;
    assert_int_equal(
        cloister_message_encode(notes_AddRequest_fields, &request, bytes, sizeof bytes, &size),
        CLOISTER_OK);
    assert_int_equal(decode(&back, bytes, size), CLOISTER_OK);
    assert_memory_equal(&back, &request, sizeof back);
    assert_int_equal(
        cloister_message_encode(notes_AddRequest_fields, &request, bytes, size - 1, &size),
        CLOISTER_TOO_BIG);
}

static void no_bytes_are_an_empty_message(void **state)
{
    (void)state;
    notes_AddRequest request;
    assert_int_equal(decode(&request, BYTES("")), CLOISTER_OK);
    assert_memory_equal(&request, &zero, sizeof request);
}

static void shortened_message_is_refused_everywhere(void **state)
{
    (void)state;
    uint8_t bytes[notes_AddRequest_size];
    size_t size = 0;
    notes_AddRequest request = largest();
    assert_int_equal(
        cloister_message_encode(notes_AddRequest_fields, &request, bytes, sizeof bytes, &size),
        CLOISTER_OK);
    for (size_t least = 1; least < size; least++)
        assert_refused(bytes, least);
}

static void bytes_behind_the_message_are_refused(void **state)
{
    (void)state;
    assert_refused(BYTES("\x0a\x03\x0a\x01"
                         "a\x00"));
    assert_refused(BYTES("\x0a\x03\x0a\x01"
                         "a\x0a"));
}

static void wrong_wire_types_are_refused(void **state)
{
    (void)state;
    assert_refused(BYTES("\x08\x01"));                 /* number for a message */
    assert_refused(BYTES("\x0a\x02\x08\x01"));         /* number for a string */
    assert_refused(BYTES("\x0a\x03\x22\x01\x01"));     /* bytes for an enum */
    assert_refused(BYTES("\x0b\x0c"));                 /* group */
    assert_refused(BYTES("\x0e"));                     /* no wire type */
    assert_refused(BYTES("\x00"));                     /* tag 0 */
    assert_refused(BYTES("\xff\xff\xff\xff\xff\xff")); /* tag beyond 32 bits */
}

static void lengths_beyond_the_bytes_are_refused(void **state)
{
    (void)state;
    assert_refused(BYTES("\x0a\x7f"));
    assert_refused(BYTES("\x0a\x03\x0a\x02"
                         "a"));
    assert_refused(BYTES("\x0a\xff\xff\xff\xff\x0f"));
    assert_refused(BYTES("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
    assert_refused(BYTES("\x12\xff\xff\xff\xff\x0f")); /* of an unknown field */
}

/* A note with this one field: tag and bytes, at most 127. */
static void refuse_field(uint8_t tag, const uint8_t *bytes, uint8_t size)
{
    uint8_t message[200] = {0x0a, (uint8_t)(size + 2), tag, size};
    memcpy(message + 4, bytes, size);
    assert_refused(message, size + 4u);
}

static void more_than_the_maximum_is_refused(void **state)
{
    (void)state;
    uint8_t many[100];
    memset(many, 'x', sizeof many);
    refuse_field(0x0a, many, 41);
    refuse_field(0x1a, many, 16);
    assert_refused(BYTES("\x0a\x0a\x1a\x00\x1a\x00\x1a\x00\x1a\x00\x1a\x00"));
}

static void strings_that_are_no_text_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "\x80",
        "\xc3",
        "\xc3(",
        "\xc0\xaf",
        "\xe0\x80\x80",
        "\xed\xa0\x80",
        "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80",
        "\xf8\x88\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xe2\x82",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        refuse_field(0x0a, (const uint8_t *)wrong[i], (uint8_t)strlen(wrong[i]));
        refuse_field(0x1a, (const uint8_t *)wrong[i], (uint8_t)strlen(wrong[i]));
    }
    refuse_field(0x0a, (const uint8_t *)"a\0b", 3);
}

static void text_of_every_length_is_taken(void **state)
{
    (void)state;
    notes_AddRequest request;
    assert_int_equal(decode(&request, BYTES("\x0a\x0d\x0a\x0b"
                                            "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91z")),
                     CLOISTER_OK);
    assert_string_equal(request.note.title, "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91z");
}

/* A later version of the interface may have more fields. */
static void unknown_fields_are_skipped(void **state)
{
    (void)state;
    notes_AddRequest request;
    assert_int_equal(decode(&request, BYTES("\x50\x01\x0a\x03\x0a\x01"
                                            "a\x5a\x02hi")),
                     CLOISTER_OK);
    assert_string_equal(request.note.title, "a");
}

static void string_of_a_union_counts_only_while_it_is_chosen(void **state)
{
    (void)state;
    static const uint8_t number[] = {0x08, 0xff, 0xff, 0xff, 0xff, 0x0f};
    static const uint8_t title[] = {0x12, 0x02, 0xc3, 0x28};
    notes_GetRequest request;
    assert_int_equal(cloister_message_decode(notes_GetRequest_fields, &request, sizeof request,
                                             number, sizeof number),
                     CLOISTER_OK);
    assert_int_equal(request.which_which, notes_GetRequest_number_tag);
    assert_int_equal(request.which.number, UINT32_MAX);
    assert_int_equal(cloister_message_decode(notes_GetRequest_fields, &request, sizeof request,
                                             title, sizeof title),
                     CLOISTER_BAD_FORMAT);
}

static void structure_that_breaks_a_bound_is_not_sent(void **state)
{
    (void)state;
    uint8_t bytes[4096];
    size_t size = 7;
    notes_AddRequest request = largest();
    request.note.tag_count = 5;
    assert_int_equal(
        cloister_message_encode(notes_AddRequest_fields, &request, bytes, sizeof bytes, &size),
        CLOISTER_BAD_ARGUMENT);
    request = largest();
    request.note.text.size = 1001;
    assert_int_equal(
        cloister_message_encode(notes_AddRequest_fields, &request, bytes, sizeof bytes, &size),
        CLOISTER_BAD_ARGUMENT);
    request = largest();
    request.note.tag[3][15] = 't';
    assert_int_equal(
        cloister_message_encode(notes_AddRequest_fields, &request, bytes, sizeof bytes, &size),
        CLOISTER_BAD_ARGUMENT);
    assert_int_equal(size, 7);
}

/* Whatever the bytes: sound within its bounds, or zero. */
static void changed_bytes_stay_within_the_bounds(void **state)
{
    (void)state;
    uint8_t sound[notes_AddRequest_size];
    size_t size = 0;
    notes_AddRequest request = largest();
    request.note.text.size = 20;
    uint32_t seed = 1;
    assert_int_equal(
        cloister_message_encode(notes_AddRequest_fields, &request, sound, sizeof sound, &size),
        CLOISTER_OK);
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t bytes[notes_AddRequest_size];
        memcpy(bytes, sound, size);
        for (unsigned i = 0; i < 1 + round % 4; i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[(seed >> 8) % size] = (uint8_t)(seed >> 24);
        }
        if (decode(&request, bytes, size) != CLOISTER_OK)
            assert_memory_equal(&request, &zero, sizeof request);
        assert_in_range(request.note.tag_count, 0, 4);
        assert_in_range(request.note.text.size, 0, 1000);
        assert_int_equal(request.note.title[40], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(largest_message_takes_the_declared_size),
        cmocka_unit_test(no_bytes_are_an_empty_message),
        cmocka_unit_test(shortened_message_is_refused_everywhere),
        cmocka_unit_test(bytes_behind_the_message_are_refused),
        cmocka_unit_test(wrong_wire_types_are_refused),
        cmocka_unit_test(lengths_beyond_the_bytes_are_refused),
        cmocka_unit_test(more_than_the_maximum_is_refused),
        cmocka_unit_test(strings_that_are_no_text_are_refused),
        cmocka_unit_test(text_of_every_length_is_taken),
        cmocka_unit_test(unknown_fields_are_skipped),
        cmocka_unit_test(string_of_a_union_counts_only_while_it_is_chosen),
        cmocka_unit_test(structure_that_breaks_a_bound_is_not_sent),
        cmocka_unit_test(changed_bytes_stay_within_the_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

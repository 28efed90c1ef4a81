/*
 * The ABI: every number, size and offset of abi/ is what it was. abi_headers.h and abi_list.h are
 * made from the headers (tests/unit/abi-list); tests/golden/abi.txt is checked in. A difference is
 * a change of the ABI: if it is meant, `make abi-golden` writes the file anew, and the version
 * changes.
 */
#include "abi_headers.h"
#include "base/scope.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN "tests/golden/abi.txt"

enum row_kind { ROW_STRUCT, ROW_FIELD, ROW_END, ROW_NUMBER, ROW_TEXT };

struct row {
    enum row_kind kind;
    const char *owner;
    const char *name;
    const char *text;
    uint64_t value; /* number, or offset of a field */
    size_t size;
};

/* A macro is a number or a string; the other branch must still compile. */
#define AS_NUMBER(x) _Generic((x), char * : 0, default : (x))
#define AS_TEXT(x) _Generic((x), char * : (x), default : NULL)
#define KIND_OF(x) _Generic((x), char * : ROW_TEXT, default : ROW_NUMBER)

#define STRUCT(s) {ROW_STRUCT, #s, NULL, NULL, 0, sizeof(struct s)},
#define FIELD(s, f) {ROW_FIELD, #s, #f, NULL, offsetof(struct s, f), sizeof(((struct s *)0)->f)},
#define END(s) {ROW_END, #s, NULL, NULL, 0, sizeof(struct s)},
#define NUMBER(m) {KIND_OF(m), NULL, #m, AS_TEXT(m), (uint64_t)AS_NUMBER(m), sizeof(m)},
#define STATUS_ROW(name, number, text) {ROW_NUMBER, NULL, "status " #name, NULL, number, 0},
#define ORIGIN_ROW(name, number, text) {ROW_NUMBER, NULL, "origin " #name, NULL, number, 0},
#define CLAIM_ROW(name, label, json)                                                               \
    {ROW_NUMBER, NULL, "claim " #name " " json, NULL, (uint64_t)(int64_t)(label), 0},

static const struct row rows[] = {
#include "abi_list.h"
    CLO_STATUS_LIST(STATUS_ROW) CLO_ORIGIN_LIST(ORIGIN_ROW) CLO_CLAIM_LIST(CLAIM_ROW)};

static void dump_text(FILE *out, const struct row *row)
{
    (void)fprintf(out, "%s \"", row->name);
    for (size_t i = 0; i + 1 < row->size; i++) {
        unsigned char c = (unsigned char)row->text[i];
        (void)fprintf(out, c >= ' ' && c < 0x7f ? "%c" : "\\x%02x", c);
    }
    (void)fputs("\"\n", out);
}

static void dump_row(FILE *out, const struct row *row)
{
    switch (row->kind) {
    case ROW_STRUCT:
        (void)fprintf(out, "struct %s: %zu bytes\n", row->owner, row->size);
        break;
    case ROW_FIELD:
        (void)fprintf(out, "  %s.%s: %" PRIu64 " + %zu\n", row->owner, row->name, row->value,
                      row->size);
        break;
    case ROW_NUMBER:
        (void)fprintf(out, "%s %" PRId64 " (0x%" PRIx64 ")\n", row->name, (int64_t)row->value,
                      row->value);
        break;
    case ROW_TEXT:
        dump_text(out, row);
        break;
    case ROW_END:
        break;
    }
}

static void dump(FILE *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        dump_row(out, &rows[i]);
}

static void abi_is_the_recorded_one(void **state)
{
    (void)state;
    AUTO_FREE char *actual = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&actual, &size);
    assert_non_null(memory);
    dump(memory);
    assert_int_equal(fclose(memory), 0);

    AUTO_FILE FILE *golden = fopen(GOLDEN, "r");
    assert_non_null(golden);
    char expected[512];
    for (char *line = strtok(actual, "\n"); line; line = strtok(NULL, "\n")) {
        assert_non_null(fgets(expected, sizeof expected, golden));
        expected[strcspn(expected, "\n")] = '\0';
        assert_string_equal(line, expected);
    }
    assert_null(fgets(expected, sizeof expected, golden));
}

/* Bytes between fields would go out unwritten: padding has a name. */
static void structs_have_no_hidden_padding(void **state)
{
    (void)state;
    uint64_t next = 0;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *row = &rows[i];
        if (row->kind == ROW_STRUCT)
            next = 0;
        if (row->kind == ROW_FIELD && row->value != next)
            fail_msg("%s.%s is at %" PRIu64 ", the field before it ends at %" PRIu64, row->owner,
                     row->name, row->value, next);
        if (row->kind == ROW_FIELD)
            next = row->value + row->size;
        if (row->kind == ROW_END && row->size != next)
            fail_msg("%s has %zu bytes, its fields end at %" PRIu64, row->owner, row->size, next);
    }
}

static bool same_list(const char *a, const char *b)
{
    const char *space = strchr(a, ' ');
    return space && strncmp(a, b, (size_t)(space - a) + 1) == 0;
}

static void numbers_of_a_list_are_used_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        for (size_t k = i + 1; k < ARRAY_SIZE(rows); k++)
            if (rows[i].kind == ROW_NUMBER && rows[k].kind == ROW_NUMBER &&
                same_list(rows[i].name, rows[k].name) && rows[i].value == rows[k].value)
                fail_msg("%s and %s have the same number", rows[i].name, rows[k].name);
}

static int write_golden(const char *path)
{
    FILE *out = fopen(path, "w");
    if (!out)
        return 1;
    dump(out);
    return fclose(out) == 0 ? 0 : 1;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(abi_is_the_recorded_one),
        cmocka_unit_test(structs_have_no_hidden_padding),
        cmocka_unit_test(numbers_of_a_list_are_used_once),
    };
    const char *path = getenv("CLOISTER_GOLDEN_WRITE");
    if (path)
        return write_golden(path);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What a VMM may say of its guest.
 */
#include "vmm/guest_statement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

static struct clo_guest_measured sample(void)
{
    struct clo_guest_measured measured = {.magic = CLO_GUEST_MEASURED_MAGIC};
    memset(measured.kernel, 1, sizeof measured.kernel);
    memset(measured.command_line, 3, sizeof measured.command_line);
    return measured;
}

static void statement_is_taken_whole(void **state)
{
    (void)state;
    struct clo_guest_measured said = sample();
    struct guest_statement statement = {0};
    assert_null(guest_statement_of(&statement));
    assert_true(guest_statement_take(&statement, &said, sizeof said, false));
    assert_memory_equal(guest_statement_of(&statement), &said, sizeof said);
}

static void statement_in_pieces_is_taken_when_it_is_complete(void **state)
{
    (void)state;
    struct clo_guest_measured said = sample();
    const uint8_t *bytes = (const uint8_t *)&said;
    for (size_t piece = 1; piece < sizeof said; piece++) {
        struct guest_statement statement = {0};
        for (size_t at = 0; at < sizeof said; at += piece) {
            size_t size = sizeof said - at < piece ? sizeof said - at : piece;
            assert_null(guest_statement_of(&statement));
            assert_true(guest_statement_take(&statement, bytes + at, size, false));
        }
        assert_memory_equal(guest_statement_of(&statement), &said, sizeof said);
    }
}

static void more_than_one_statement_is_refused(void **state)
{
    (void)state;
    uint8_t twice[2 * sizeof(struct clo_guest_measured)];
    struct clo_guest_measured said = sample();
    memcpy(twice, &said, sizeof said);
    memcpy(twice + sizeof said, &said, sizeof said);
    struct guest_statement statement = {0};
    assert_false(guest_statement_take(&statement, twice, sizeof said + 1, false));
    assert_null(guest_statement_of(&statement));
    assert_true(guest_statement_take(&statement, twice, sizeof said, false));
    assert_false(guest_statement_take(&statement, twice, 1, false));
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    struct clo_guest_measured said = sample();
    for (unsigned bit = 0; bit < 64; bit++) {
        struct guest_statement statement = {0};
        said.magic = CLO_GUEST_MEASURED_MAGIC ^ 1ull << bit;
        assert_false(guest_statement_take(&statement, &said, sizeof said, false));
    }
    struct guest_statement statement = {0};
    assert_false(guest_statement_take(&statement, "GET / HTTP/1.0", 14, false));
}

static void statement_after_the_first_request_is_refused(void **state)
{
    (void)state;
    struct clo_guest_measured said = sample();
    struct guest_statement statement = {0};
    assert_true(guest_statement_take(&statement, &said, 100, false));
    assert_false(guest_statement_take(&statement, (uint8_t *)&said + 100, 52, true));
    assert_null(guest_statement_of(&statement));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(statement_is_taken_whole),
        cmocka_unit_test(statement_in_pieces_is_taken_when_it_is_complete),
        cmocka_unit_test(more_than_one_statement_is_refused),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(statement_after_the_first_request_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Results of the nested machine: written whole and in order, and none that nobody asked for. The
 * tests follow each other: there is one list of results.
 */
#include "tools/nested/result.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static char path[3][96];
static struct reason why;

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/test_nested_result.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    for (int i = 0; i < 3; i++)
        (void)snprintf(path[i], sizeof path[i], "%s/%d", folder, i);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        (void)unlink(path[i]);
    return rmdir(folder);
}

static void assert_content(const char *name, const char *text)
{
    uint8_t *bytes;
    size_t size;
    assert_int_equal(file_read(name, 4096, &bytes, &size, &why), CLOISTER_OK);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(bytes, text, size);
    free(bytes);
}

static void result_that_nobody_asked_for_is_refused(void **state)
{
    (void)state;
    assert_int_equal(result_add("x", 1, &why), CLOISTER_BAD_FORMAT);
    assert_int_equal(result_write(&why), CLOISTER_BAD_FORMAT);
    assert_int_equal(result_skip("x", 1, &why), CLOISTER_BAD_FORMAT);
    assert_true(result_all_written());
}

static void pieces_become_one_file(void **state)
{
    (void)state;
    assert_true(result_expect(path[0]));
    assert_false(result_all_written());
    assert_int_equal(result_add("one ", 4, &why), CLOISTER_OK);
    assert_int_equal(result_add("file", 4, &why), CLOISTER_OK);
    assert_int_not_equal(access(path[0], F_OK), 0);
    assert_int_equal(result_write(&why), CLOISTER_OK);
    assert_content(path[0], "one file");
    assert_true(result_all_written());
}

static void empty_result_is_an_empty_file(void **state)
{
    (void)state;
    assert_true(result_expect(path[1]));
    assert_int_equal(result_write(&why), CLOISTER_OK);
    assert_content(path[1], "");
}

static void result_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    static uint8_t piece[1u << 20];
    cloister_status status = CLOISTER_OK;
    unsigned taken = 0;
    assert_true(result_expect(path[2]));
    for (; status == CLOISTER_OK && taken < 100; taken++)
        status = result_add(piece, sizeof piece, &why);
    assert_int_equal(status, CLOISTER_TOO_BIG);
    assert_int_equal(taken, (RESULT_SIZE_MAX >> 20) + 1);
    assert_non_null(strstr(why.text, path[2]));
}

static void absent_result_is_not_written(void **state)
{
    (void)state;
    assert_int_equal(result_skip("\033[2J", 4, &why), CLOISTER_OK);
    assert_null(strchr(why.text, '\033'));
    assert_int_not_equal(access(path[2], F_OK), 0);
    assert_false(result_all_written());
}

static void too_many_results_are_refused(void **state)
{
    (void)state;
    for (int i = 3; i < RESULTS_MAX; i++)
        assert_true(result_expect("x"));
    assert_false(result_expect("x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(result_that_nobody_asked_for_is_refused),
        cmocka_unit_test(pieces_become_one_file),
        cmocka_unit_test(empty_result_is_an_empty_file),
        cmocka_unit_test(result_beyond_the_limit_is_refused),
        cmocka_unit_test(absent_result_is_not_written),
        cmocka_unit_test(too_many_results_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

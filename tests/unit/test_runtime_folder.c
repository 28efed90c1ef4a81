/*
 * The runtime folder: where it is, and which folders are refused.
 */
#include "base/runtime_folder.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char scratch[64];
static struct reason why;

static int make_scratch(void **state)
{
    (void)state;
    (void)snprintf(scratch, sizeof scratch, "/tmp/cloister-test.XXXXXX");
    if (!mkdtemp(scratch))
        return -1;
    memset(&why, 0, sizeof why);
    return setenv("CLOISTER_RUNTIME", scratch, 1);
}

static int remove_scratch(void **state)
{
    (void)state;
    (void)unsetenv("CLOISTER_RUNTIME");
    return rmdir(scratch);
}

static void folder_is_the_one_the_environment_names(void **state)
{
    (void)state;
    char path[PATH_MAX];
    assert_int_equal(runtime_folder(path, sizeof path, &why), CLOISTER_OK);
    assert_string_equal(path, scratch);
}

static void folder_loses_trailing_slashes(void **state)
{
    (void)state;
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s///", scratch);
    (void)setenv("CLOISTER_RUNTIME", path, 1);
    assert_int_equal(runtime_folder(path, sizeof path, &why), CLOISTER_OK);
    assert_string_equal(path, scratch);
}

static void folder_has_a_default_without_environment(void **state)
{
    (void)state;
    char path[PATH_MAX];
    (void)unsetenv("CLOISTER_RUNTIME");
    assert_int_equal(runtime_folder(path, sizeof path, &why), CLOISTER_OK);
    assert_int_equal(path[0], '/');
    assert_non_null(strstr(path, "cloister"));
}

static void relative_folder_is_refused(void **state)
{
    (void)state;
    char path[PATH_MAX];
    (void)setenv("CLOISTER_RUNTIME", "here", 1);
    assert_int_equal(runtime_folder(path, sizeof path, &why), CLOISTER_BAD_ARGUMENT);
    assert_non_null(strstr(why.text, "'here'"));
}

static void folder_too_long_for_a_socket_is_refused(void **state)
{
    (void)state;
    char path[PATH_MAX];
    char longest[80];
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    (void)setenv("CLOISTER_RUNTIME", longest, 1);
    assert_int_equal(runtime_folder(path, sizeof path, &why), CLOISTER_TOO_BIG);
}

static void folder_that_does_not_fit_the_caller_is_refused(void **state)
{
    (void)state;
    char path[8];
    assert_int_equal(runtime_folder(path, sizeof path, &why), CLOISTER_TOO_BIG);
}

static void made_folder_is_for_its_owner_only(void **state)
{
    (void)state;
    char wanted[PATH_MAX];
    char path[PATH_MAX];
    struct stat st;
    (void)snprintf(wanted, sizeof wanted, "%s/run", scratch);
    (void)setenv("CLOISTER_RUNTIME", wanted, 1);
    assert_int_equal(runtime_folder_make(path, sizeof path, &why), CLOISTER_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(runtime_folder_make(path, sizeof path, &why), CLOISTER_OK);
    assert_int_equal(rmdir(path), 0);
}

static void folder_that_others_may_write_to_is_refused(void **state)
{
    (void)state;
    char path[PATH_MAX];
    assert_int_equal(chmod(scratch, 0770), 0);
    assert_int_equal(runtime_folder_make(path, sizeof path, &why), CLOISTER_DENIED);
    assert_non_null(strstr(why.text, "0770"));
}

static void folder_of_another_user_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: needs root to give a folder away\n");
        skip();
    }
    char path[PATH_MAX];
    assert_int_equal(chown(scratch, 12345, 12345), 0);
    assert_int_equal(runtime_folder_make(path, sizeof path, &why), CLOISTER_DENIED);
    assert_non_null(strstr(why.text, "12345"));
}

static void symbolic_link_is_no_folder(void **state)
{
    (void)state;
    char link[PATH_MAX];
    char path[PATH_MAX];
    (void)snprintf(link, sizeof link, "%s/link", scratch);
    assert_int_equal(symlink("/tmp", link), 0);
    (void)strcat(link, "/");
    (void)setenv("CLOISTER_RUNTIME", link, 1);
    assert_int_equal(runtime_folder_make(path, sizeof path, &why), CLOISTER_DENIED);
    link[strlen(link) - 1] = '\0';
    assert_int_equal(unlink(link), 0);
}

static void absent_folder_is_not_found(void **state)
{
    (void)state;
    assert_int_equal(runtime_folder_check("/nowhere/at/all", &why), CLOISTER_NOT_FOUND);
}

static void socket_is_named_after_the_world(void **state)
{
    (void)state;
    char path[PATH_MAX];
    char wanted[PATH_MAX];
    (void)snprintf(wanted, sizeof wanted, "%s/mail.sock", scratch);
    assert_int_equal(runtime_socket("mail", path, sizeof path, &why), CLOISTER_OK);
    assert_string_equal(path, wanted);
}

static void name_with_a_slash_is_a_path(void **state)
{
    (void)state;
    char path[PATH_MAX];
    assert_int_equal(runtime_socket("./x.sock", path, sizeof path, &why), CLOISTER_OK);
    assert_string_equal(path, "./x.sock");
}

static void bad_world_names_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", ".", "..", "-x", ".x", "a b", "a\n", "é", "12345678901234567890123456789012"};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(runtime_socket(bad[i], path, sizeof path, &why), CLOISTER_BAD_ARGUMENT);
}

static void longest_name_in_longest_folder_fits(void **state)
{
    (void)state;
    char folder[PATH_MAX];
    char path[PATH_MAX];
    memset(folder, 'x', 69);
    folder[0] = '/';
    folder[69] = '\0';
    (void)setenv("CLOISTER_RUNTIME", folder, 1);
    assert_int_equal(runtime_socket("1234567890123456789012345678901", path, sizeof path, &why),
                     CLOISTER_OK);
    assert_true(strlen(path) <= 107);
}

static void long_socket_path_is_refused(void **state)
{
    (void)state;
    char name[PATH_MAX];
    char path[PATH_MAX];
    memset(name, '/', 108);
    name[108] = '\0';
    assert_int_equal(runtime_socket(name, path, sizeof path, &why), CLOISTER_TOO_BIG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(folder_is_the_one_the_environment_names),
        TEST(folder_loses_trailing_slashes),
        TEST(folder_has_a_default_without_environment),
        TEST(relative_folder_is_refused),
        TEST(folder_too_long_for_a_socket_is_refused),
        TEST(folder_that_does_not_fit_the_caller_is_refused),
        TEST(made_folder_is_for_its_owner_only),
        TEST(folder_that_others_may_write_to_is_refused),
        TEST(folder_of_another_user_is_refused),
        TEST(symbolic_link_is_no_folder),
        TEST(absent_folder_is_not_found),
        TEST(socket_is_named_after_the_world),
        TEST(name_with_a_slash_is_a_path),
        TEST(bad_world_names_are_refused),
        TEST(longest_name_in_longest_folder_fits),
        TEST(long_socket_path_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

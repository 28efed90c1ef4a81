/*
 * Where VMMs connect: which paths are taken, what is in the way and what is not.
 */
#include "vmm/guest_socket.h"

#include "tests/e2e/played_guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static char path[80];

static int make_folder(void **state)
{
    (void)state;
    (void)strcpy(folder, "/tmp/test_guest_socket.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(path, sizeof path, "%s/g", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void assert_refused(const char *at, cloister_status status, const char *because)
{
    struct guest_socket made;
    struct reason why = {""};
    assert_int_equal(guest_socket_open(at, &made, &why), status);
    assert_int_equal(made.listen, -1);
    assert_int_equal(made.folder, -1);
    if (!strstr(why.text, because))
        fail_msg("\"%s\" does not say \"%s\"", why.text, because);
}

static void socket_is_the_users_own_and_goes_at_the_end(void **state)
{
    (void)state;
    struct guest_socket at;
    struct stat st;
    assert_int_equal(guest_socket_open(path, &at, NULL), CLOISTER_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode, S_IFSOCK | 0600);
    int vmm = played_guest_connect(path);
    assert_true(vmm >= 0);
    (void)close(vmm);
    guest_socket_close(&at);
    assert_int_not_equal(access(path, F_OK), 0);
}

/* A path is shown whole, wherever the world was started. */
static void path_is_kept_absolute(void **state)
{
    (void)state;
    struct guest_socket at;
    char before[200];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    static const char *const ways[] = {"g", "./g"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(guest_socket_open(ways[i], &at, NULL), CLOISTER_OK);
        assert_string_equal(at.path, path);
        guest_socket_close(&at);
    }
    assert_int_equal(chdir(before), 0);
    assert_int_equal(guest_socket_open(path, &at, NULL), CLOISTER_OK);
    assert_string_equal(at.path, path);
    guest_socket_close(&at);
}

static void no_path_is_no_socket(void **state)
{
    (void)state;
    struct guest_socket at;
    assert_int_equal(guest_socket_open(NULL, &at, NULL), CLOISTER_OK);
    assert_int_equal(at.listen, -1);
    guest_socket_close(&at);
}

static void path_below_the_current_folder_is_taken(void **state)
{
    (void)state;
    struct guest_socket at;
    int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(guest_socket_open("g", &at, NULL), CLOISTER_OK);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(fchdir(before), 0);
    guest_socket_close(&at);
    assert_int_not_equal(access(path, F_OK), 0);
    (void)close(before);
}

static void path_that_is_served_is_refused(void **state)
{
    (void)state;
    struct guest_socket at;
    assert_int_equal(guest_socket_open(path, &at, NULL), CLOISTER_OK);
    assert_refused(path, CLOISTER_BAD_STATE, "somebody listens at");
    assert_int_equal(access(path, F_OK), 0);
    guest_socket_close(&at);
}

static void what_a_killed_world_left_is_replaced(void **state)
{
    (void)state;
    struct guest_socket killed;
    struct guest_socket at;
    assert_int_equal(guest_socket_open(path, &killed, NULL), CLOISTER_OK);
    (void)close(killed.listen);
    (void)close(killed.folder);
    assert_int_equal(guest_socket_open(path, &at, NULL), CLOISTER_OK);
    int vmm = played_guest_connect(path);
    assert_true(vmm >= 0);
    (void)close(vmm);
    guest_socket_close(&at);
}

static void file_that_is_no_socket_is_left_alone(void **state)
{
    (void)state;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_refused(path, CLOISTER_BAD_ARGUMENT, "no socket");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/nowhere", path), 0);
    assert_refused(path, CLOISTER_BAD_ARGUMENT, "no socket");
    assert_int_equal(unlink(path), 0);
}

static void paths_that_cannot_be_are_refused(void **state)
{
    (void)state;
    char text[300];
    memset(text, 'a', sizeof text);
    text[108] = '\0';
    assert_refused(text, CLOISTER_BAD_ARGUMENT, "has 108 bytes; the system allows 107");
    (void)snprintf(text, sizeof text, "%s/", folder);
    assert_refused(text, CLOISTER_BAD_ARGUMENT, "names no file");
    assert_refused("", CLOISTER_BAD_ARGUMENT, "names no file");
    assert_refused("..", CLOISTER_BAD_ARGUMENT, "names no file");
    (void)snprintf(text, sizeof text, "%s/missing/g", folder);
    assert_refused(text, CLOISTER_NOT_FOUND, "missing/: No such file");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(socket_is_the_users_own_and_goes_at_the_end),
        cmocka_unit_test(path_is_kept_absolute),
        cmocka_unit_test(no_path_is_no_socket),
        cmocka_unit_test(path_below_the_current_folder_is_taken),
        cmocka_unit_test(path_that_is_served_is_refused),
        cmocka_unit_test(what_a_killed_world_left_is_replaced),
        cmocka_unit_test(file_that_is_no_socket_is_left_alone),
        cmocka_unit_test(paths_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

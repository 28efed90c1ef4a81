/*
 * A world's name: one world holds it, and what a killed one left behind is in nobody's way.
 */
#include "vmm/world_socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)strcpy(folder, "/tmp/test_world_socket.XXXXXX");
    return mkdtemp(folder) && setenv("CLOISTER_RUNTIME", folder, 1) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void path_of(const char *name, char *path, size_t size)
{
    (void)snprintf(path, size, "%s/%s", folder, name);
}

static void assert_gone(const char *name)
{
    char path[128];
    path_of(name, path, sizeof path);
    assert_int_not_equal(access(path, F_OK), 0);
}

static int connect_to(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    path_of(name, address.sun_path, sizeof address.sun_path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static void socket_is_there_while_the_world_is(void **state)
{
    (void)state;
    struct world_socket at;
    struct stat st;
    char path[128];
    assert_int_equal(world_socket_open("w", &at, NULL), CLOISTER_OK);
    int fd = connect_to("w.sock");
    assert_true(fd >= 0);
    (void)close(fd);
    path_of("w.sock", path, sizeof path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
    world_socket_close(&at);
    assert_gone("w.sock");
    assert_gone("w.lock");
}

static void second_world_of_the_name_is_refused(void **state)
{
    (void)state;
    struct world_socket first, second;
    struct reason why = {""};
    assert_int_equal(world_socket_open("w", &first, NULL), CLOISTER_OK);
    assert_int_equal(world_socket_open("w", &second, &why), CLOISTER_BAD_STATE);
    assert_non_null(strstr(why.text, "w is running"));
    int fd = connect_to("w.sock"); /* the first one's is untouched */
    assert_true(fd >= 0);
    (void)close(fd);
    world_socket_close(&first);
}

static void leftovers_of_a_killed_world_are_replaced(void **state)
{
    (void)state;
    struct world_socket at;
    assert_int_equal(world_socket_open("w", &at, NULL), CLOISTER_OK);
    (void)close(at.listen);
    (void)close(at.lock);
    (void)close(at.folder);
    assert_int_equal(world_socket_open("w", &at, NULL), CLOISTER_OK);
    int fd = connect_to("w.sock");
    assert_true(fd >= 0);
    (void)close(fd);
    world_socket_close(&at);
}

static void lock_that_is_a_link_is_refused(void **state)
{
    (void)state;
    struct world_socket at;
    char path[128];
    path_of("w.lock", path, sizeof path);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_int_not_equal(world_socket_open("w", &at, NULL), CLOISTER_OK);
    assert_int_equal(unlink(path), 0);
}

static void folder_that_others_may_write_to_is_refused(void **state)
{
    (void)state;
    struct world_socket at;
    assert_int_equal(chmod(folder, 0777), 0);
    assert_int_equal(world_socket_open("w", &at, NULL), CLOISTER_DENIED);
    assert_int_equal(chmod(folder, 0700), 0);
}

/* A lock file goes with its world, maybe between another's open and lock: that one holds a file
   without a name then, and a third world could hold the name. */

#define CONTENDERS 8u
#define ROUNDS 4000u

struct contest {
    _Atomic unsigned holders;
    _Atomic unsigned most;
    _Atomic unsigned held; /* times */
};

static void *contend(void *of)
{
    struct contest *contest = of;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct world_socket at;
        if (world_socket_open("w", &at, NULL) != CLOISTER_OK)
            continue;
        unsigned holders = atomic_fetch_add(&contest->holders, 1) + 1;
        if (holders > atomic_load(&contest->most))
            atomic_store(&contest->most, holders);
        atomic_fetch_add(&contest->held, 1);
        (void)sched_yield();
        atomic_fetch_sub(&contest->holders, 1);
        world_socket_close(&at);
    }
    return NULL;
}

static void name_that_changes_hands_fast_has_one_holder(void **state)
{
    (void)state;
    struct contest contest = {0};
    pthread_t threads[CONTENDERS];
    for (unsigned i = 0; i < CONTENDERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, contend, &contest), 0);
    for (unsigned i = 0; i < CONTENDERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(atomic_load(&contest.held) > 0);
    assert_int_equal(atomic_load(&contest.most), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(socket_is_there_while_the_world_is),
        cmocka_unit_test(second_world_of_the_name_is_refused),
        cmocka_unit_test(leftovers_of_a_killed_world_are_replaced),
        cmocka_unit_test(lock_that_is_a_link_is_refused),
        cmocka_unit_test(folder_that_others_may_write_to_is_refused),
        cmocka_unit_test(name_that_changes_hands_fast_has_one_holder),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

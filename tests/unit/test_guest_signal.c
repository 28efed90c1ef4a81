/*
 * Interrupts: they arrive, and nothing that the other holder of the eventfd does can hold one up.
 */
#include "vmm/guest_signal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define MANY 5000u

static int start(void **state)
{
    (void)state;
    if (guest_signal_start())
        guest_signal_prepare();
    return 0;
}

static void or_skip(void)
{
    if (guest_signal_start())
        return;
    print_message("skipped: no asynchronous I/O here\n");
    skip();
}

static void signals_are_counted(void **state)
{
    (void)state;
    uint64_t count;
    or_skip();
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (unsigned i = 0; i < MANY; i++)
        guest_signal(fd);
    assert_int_equal(read(fd, &count, sizeof count), sizeof count);
    assert_int_equal(count, MANY);
    (void)close(fd);
}

static void full_eventfd_that_may_block_blocks_nobody(void **state)
{
    (void)state;
    const uint64_t most = UINT64_MAX - 1;
    or_skip();
    int fd = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(write(fd, &most, sizeof most), sizeof most);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    (void)alarm(20);
    for (unsigned i = 0; i < MANY; i++)
        guest_signal(fd);
    (void)alarm(0);
    (void)close(fd);
}

static void whoever_watches_a_full_eventfd_sees_each_signal(void **state)
{
    (void)state;
    const uint64_t most = UINT64_MAX - 1;
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    or_skip();
    int fd = eventfd(0, EFD_CLOEXEC);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    assert_int_equal(write(fd, &most, sizeof most), sizeof most);
    assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
    assert_int_equal(epoll_wait(epoll, &event, 1, 0), 1);
    assert_int_equal(epoll_wait(epoll, &event, 1, 0), 0);
    for (unsigned i = 0; i < 10; i++) {
        guest_signal(fd);
        assert_int_equal(epoll_wait(epoll, &event, 1, 1000), 1);
    }
    (void)close(epoll);
    (void)close(fd);
}

static void descriptor_that_is_none_is_ignored(void **state)
{
    (void)state;
    uint64_t count;
    or_skip();
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (unsigned i = 0; i < MANY; i++) {
        guest_signal(-1);
        guest_signal(STDERR_FILENO);
    }
    guest_signal(fd);
    assert_int_equal(read(fd, &count, sizeof count), sizeof count);
    assert_int_equal(count, 1);
    (void)close(fd);
}

static void *signal_unprepared(void *argument)
{
    guest_signal(*(int *)argument);
    return NULL;
}

static void thread_that_is_not_prepared_signals_nothing(void **state)
{
    (void)state;
    pthread_t thread;
    uint64_t count;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_int_equal(pthread_create(&thread, NULL, signal_unprepared, &fd), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(read(fd, &count, sizeof count), -1);
    (void)close(fd);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_are_counted),
        cmocka_unit_test(full_eventfd_that_may_block_blocks_nobody),
        cmocka_unit_test(whoever_watches_a_full_eventfd_sees_each_signal),
        cmocka_unit_test(descriptor_that_is_none_is_ignored),
        cmocka_unit_test(thread_that_is_not_prepared_signals_nothing),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}

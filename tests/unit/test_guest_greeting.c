/*
 * The greeting of a VMM, as QEMU reads it.
 */
#include "vmm/guest_greeting.h"

#include "tests/e2e/played_guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void greeting_is_what_a_vmm_expects_and_no_more(void **state)
{
    (void)state;
    int pair[2];
    char byte;
    struct guest_memory memory;
    struct played_guest guest;
    assert_int_equal(guest_memory_create(&memory, CLO_GUEST_SIZE_MIN, 9, NULL), CLOISTER_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_true(guest_greet(pair[0], 65535, &memory));
    assert_true(played_guest_greeted(&guest, pair[1]));
    assert_int_equal(guest.id, 65535);
    assert_int_equal(guest.header->number, 9);
    assert_int_equal(recv(pair[1], &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    played_guest_end(&guest);
    (void)close(pair[0]);
    guest_memory_destroy(&memory);
}

static void vmm_that_does_not_read_blocks_nobody(void **state)
{
    (void)state;
    int pair[2];
    char filling[4096] = {0};
    struct guest_memory memory;
    assert_int_equal(guest_memory_create(&memory, CLO_GUEST_SIZE_MIN, 9, NULL), CLOISTER_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    while (send(pair[0], filling, sizeof filling, MSG_DONTWAIT) > 0)
        ;
    assert_false(guest_greet(pair[0], 1, &memory));
    (void)close(pair[1]);
    assert_false(guest_greet(pair[0], 1, &memory)); /* nor does one that is gone */
    (void)close(pair[0]);
    guest_memory_destroy(&memory);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(greeting_is_what_a_vmm_expects_and_no_more),
        cmocka_unit_test(vmm_that_does_not_read_blocks_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What a world says of its guests to its operator.
 */
#include "vmm/guests_info.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

static struct guests guests;
static struct guest guest[CLO_GUESTS_MAX];
static struct clo_guests_info info;

static int set_up(void **state)
{
    (void)state;
    guests = (struct guests){.path = "/run/guests"};
    memset(&info, 0xff, sizeof info);
    return 0;
}

static struct guest *put(unsigned place, uint64_t number)
{
    struct guest *at = &guest[place];
    *at = (struct guest){.number = number,
                         .connected_at = 1700000000 + number,
                         .answers = 10 * number,
                         .memory = {.size = CLO_GUEST_SIZE_MIN}};
    at->lane[0].caller = (struct clo_caller){
        .kind = CLO_CALLER_GUEST, .uid = 5, .gid = 6, .pid = 7, .start_time = 8, .id = number};
    guests.place[place].guest = at;
    guests.count++;
    return at;
}

static void state_digests(struct guest *at)
{
    struct clo_guest_measured measured = {.magic = CLO_GUEST_MEASURED_MAGIC};
    memset(measured.kernel, 1, sizeof measured.kernel);
    memset(measured.command_line, 3, sizeof measured.command_line);
    assert_true(guest_statement_take(&at->statement, &measured, sizeof measured, false));
}

static void world_without_guest_socket_shows_nothing(void **state)
{
    (void)state;
    guests_fill_info(NULL, &info);
    assert_true(bytes_are_zero((const uint8_t *)&info, sizeof info));
}

static void world_without_guests_shows_where_they_connect(void **state)
{
    (void)state;
    guests_fill_info(&guests, &info);
    assert_string_equal(info.socket, "/run/guests");
    assert_int_equal(info.count, 0);
    assert_int_equal(info.reserved, 0);
}

static void guest_is_shown_as_its_connection_told(void **state)
{
    (void)state;
    static struct module module;
    struct guest *at = put(4, 9);
    at->lane[3].module = at->lane[63].module = &module;
    guests_fill_info(&guests, &info);
    assert_int_equal(info.count, 1);
    const struct clo_guest_info *one = &info.guest[0];
    assert_memory_equal(&one->caller, &at->lane[0].caller, sizeof one->caller);
    assert_int_equal(one->connected_at, 1700000009);
    assert_int_equal(one->requests, 90);
    assert_int_equal(one->memory, CLO_GUEST_SIZE_MIN);
    assert_int_equal(one->channels, 2);
    assert_int_equal(one->measured, 0);
    assert_true(bytes_are_zero(one->kernel, sizeof one->kernel));
}

static void guests_are_shown_by_number(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CLO_GUESTS_MAX; i++)
        (void)put(i, 1 + (i * 37 + 11) % CLO_GUESTS_MAX);
    guests_fill_info(&guests, &info);
    assert_int_equal(info.count, CLO_GUESTS_MAX);
    for (unsigned i = 0; i < CLO_GUESTS_MAX; i++)
        assert_int_equal(info.guest[i].caller.id, i + 1);
}

static void digests_are_shown_when_the_vmm_has_stated_them(void **state)
{
    (void)state;
    state_digests(put(0, 1));
    guests_fill_info(&guests, &info);
    assert_int_equal(info.guest[0].measured, 1);
    assert_int_equal(info.guest[0].kernel[47], 1);
    assert_true(bytes_are_zero(info.guest[0].initrd, sizeof info.guest[0].initrd));
    assert_int_equal(info.guest[0].command_line[0], 3);
}

static void statement_that_is_not_whole_shows_no_digests(void **state)
{
    (void)state;
    struct clo_guest_measured measured = {.magic = CLO_GUEST_MEASURED_MAGIC};
    memset(measured.kernel, 1, sizeof measured.kernel);
    struct guest *at = put(0, 1);
    assert_true(guest_statement_take(&at->statement, &measured, sizeof measured - 1, false));
    guests_fill_info(&guests, &info);
    assert_int_equal(info.guest[0].measured, 0);
    assert_true(bytes_are_zero(info.guest[0].kernel, sizeof info.guest[0].kernel));
}

static void path_is_shown_as_printable_text_that_ends(void **state)
{
    (void)state;
    char path[CLO_GUEST_SOCKET_SIZE];
    guests.path = "/run/\x1b[2J\xc3\xa4";
    guests_fill_info(&guests, &info);
    assert_string_equal(info.socket, "/run/\\x1b[2J\\xc3\\xa4");
    memset(path, 0xc3, sizeof path - 1);
    path[sizeof path - 1] = 0;
    guests.path = path;
    guests_fill_info(&guests, &info);
    assert_true(strnlen((const char *)info.socket, sizeof info.socket) < sizeof info.socket);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(world_without_guest_socket_shows_nothing),
        TEST(world_without_guests_shows_where_they_connect),
        TEST(guest_is_shown_as_its_connection_told),
        TEST(guests_are_shown_by_number),
        TEST(digests_are_shown_when_the_vmm_has_stated_them),
        TEST(statement_that_is_not_whole_shows_no_digests),
        TEST(path_is_shown_as_printable_text_that_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

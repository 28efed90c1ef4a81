/*
 * Guests of a world as JSON.
 */
#include "tools/show/world_guests.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

static struct world_guests guests;
static json_t *world;

static int set_up(void **state)
{
    (void)state;
    guests = (struct world_guests){.known = true, .info = {.socket = "/run/guests", .count = 2}};
    guests.info.guest[0] = (struct clo_guest_info){
        .caller = {.kind = CLO_CALLER_GUEST, .uid = 1000, .gid = 1001, .pid = 77, .id = 5},
        .connected_at = 1700000000,
        .requests = 12,
        .memory = 16 << 20,
        .channels = 3};
    guests.info.guest[1] = (struct clo_guest_info){
        .caller = {.kind = CLO_CALLER_GUEST, .id = 8}, .memory = 8 << 20, .measured = 1};
    memset(guests.info.guest[1].kernel, 0xab, sizeof guests.info.guest[1].kernel);
    world = json_object();
    return world ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(world);
    return 0;
}

static const json_t *guest(size_t index)
{
    assert_true(world_guests_json(&guests, world));
    return json_array_get(json_object_get(world, "guests"), index);
}

static json_int_t number(const json_t *of, const char *name)
{
    assert_true(json_is_integer(json_object_get(of, name)));
    return json_integer_value(json_object_get(of, name));
}

static void guest_is_an_object_with_all_that_is_known(void **state)
{
    (void)state;
    const json_t *first = guest(0);
    assert_string_equal(json_string_value(json_object_get(world, "guest_socket")), "/run/guests");
    assert_int_equal(json_array_size(json_object_get(world, "guests")), 2);
    assert_int_equal(number(first, "number"), 5);
    assert_int_equal(number(first, "pid"), 77);
    assert_int_equal(number(first, "uid"), 1000);
    assert_int_equal(number(first, "gid"), 1001);
    assert_int_equal(number(first, "connected_at"), 1700000000);
    assert_int_equal(number(first, "memory"), 16 << 20);
    assert_int_equal(number(first, "channels"), 3);
    assert_int_equal(number(first, "requests"), 12);
    assert_true(json_is_false(json_object_get(first, "measured")));
    assert_true(json_is_null(json_object_get(first, "kernel")));
}

static void digests_are_hexadecimal_and_null_where_there_is_none(void **state)
{
    (void)state;
    const json_t *second = guest(1);
    const char *kernel = json_string_value(json_object_get(second, "kernel"));
    assert_true(json_is_true(json_object_get(second, "measured")));
    assert_int_equal(strlen(kernel), 96);
    assert_int_equal(strspn(kernel, "ab"), 96);
    assert_true(json_is_null(json_object_get(second, "initrd")));
    assert_true(json_is_null(json_object_get(second, "command_line")));
}

static void world_without_guests_has_an_empty_list(void **state)
{
    (void)state;
    guests = (struct world_guests){.known = true};
    assert_null(guest(0));
    assert_true(json_is_null(json_object_get(world, "guest_socket")));
    assert_true(json_is_array(json_object_get(world, "guests")));
}

static void who_is_not_told_has_null(void **state)
{
    (void)state;
    guests = (struct world_guests){.known = false};
    assert_null(guest(0));
    assert_true(json_is_null(json_object_get(world, "guest_socket")));
    assert_true(json_is_null(json_object_get(world, "guests")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(guest_is_an_object_with_all_that_is_known),
        TEST(digests_are_hexadecimal_and_null_where_there_is_none),
        TEST(world_without_guests_has_an_empty_list),
        TEST(who_is_not_told_has_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Framing of requests of the world socket.
 */
#include "vmm/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#define OWNER 1000u

static struct clo_control_header header_of(uint16_t type, uint32_t size)
{
    return (struct clo_control_header){
        .magic = CLO_CONTROL_MAGIC, .abi_major = CLO_ABI_MAJOR, .type = type, .size = size};
}

static cloister_status check(struct clo_control_header header, size_t size)
{
    uint8_t packet[CONTROL_REQUEST_MAX] = {0};
    struct clo_control_header copy;
    const uint8_t *body;
    memcpy(packet, &header, sizeof header);
    return control_check(packet, size, &copy, &body);
}

static void well_formed_requests_are_accepted(void **state)
{
    (void)state;
    assert_int_equal(check(header_of(CLO_CONTROL_WORLD, 0), 16), CLOISTER_OK);
    assert_int_equal(check(header_of(CLO_CONTROL_MODULE, 40), 56), CLOISTER_OK);
    assert_int_equal(check(header_of(CLO_CONTROL_OPEN, 40), 56), CLOISTER_OK);
    assert_int_equal(check(header_of(CLO_CONTROL_REPORT, 104), 120), CLOISTER_OK);
    assert_int_equal(check(header_of(CLO_CONTROL_STOP, 0), 16), CLOISTER_OK);
    assert_int_equal(check(header_of(CLO_CONTROL_METRICS, 40), 56), CLOISTER_OK);
    assert_int_equal(check(header_of(CLO_CONTROL_CLOSE, 0), 16), CLOISTER_OK);
    assert_int_equal(check(header_of(CLO_CONTROL_GUESTS, 0), 16), CLOISTER_OK);
}

static void short_packets_are_refused(void **state)
{
    (void)state;
    for (size_t size = 0; size < 16; size++)
        assert_int_equal(check(header_of(CLO_CONTROL_WORLD, 0), size), CLOISTER_PROTOCOL);
}

static void sizes_that_do_not_agree_are_refused(void **state)
{
    (void)state;
    assert_int_equal(check(header_of(CLO_CONTROL_WORLD, 1), 16), CLOISTER_PROTOCOL);
    assert_int_equal(check(header_of(CLO_CONTROL_WORLD, 0), 17), CLOISTER_PROTOCOL);
    assert_int_equal(check(header_of(CLO_CONTROL_WORLD, 4), 20), CLOISTER_PROTOCOL);
    assert_int_equal(check(header_of(CLO_CONTROL_OPEN, 0), 16), CLOISTER_PROTOCOL);
    assert_int_equal(check(header_of(CLO_CONTROL_OPEN, UINT32_MAX), 56), CLOISTER_PROTOCOL);
    assert_int_equal(check(header_of(CLO_CONTROL_REPORT, 40), 56), CLOISTER_PROTOCOL);
}

static void wrong_magic_and_reply_fields_are_refused(void **state)
{
    (void)state;
    struct clo_control_header header = header_of(CLO_CONTROL_WORLD, 0);
    header.magic ^= 1;
    assert_int_equal(check(header, 16), CLOISTER_PROTOCOL);
    header = header_of(CLO_CONTROL_WORLD, 0);
    header.status = 1;
    assert_int_equal(check(header, 16), CLOISTER_PROTOCOL);
    header = header_of(CLO_CONTROL_WORLD, 0);
    header.origin = 1;
    assert_int_equal(check(header, 16), CLOISTER_PROTOCOL);
}

static void unknown_types_and_versions_are_unsupported(void **state)
{
    (void)state;
    assert_int_equal(check(header_of(0, 0), 16), CLOISTER_UNSUPPORTED);
    assert_int_equal(check(header_of(9, 0), 16), CLOISTER_UNSUPPORTED);
    assert_int_equal(check(header_of(0xffff, 0), 16), CLOISTER_UNSUPPORTED);
    struct clo_control_header header = header_of(CLO_CONTROL_WORLD, 0);
    header.abi_major = CLO_ABI_MAJOR + 1;
    assert_int_equal(check(header, 16), CLOISTER_UNSUPPORTED);
}

static struct control_reply answer(struct control_client *client, const void *packet, size_t size)
{
    static uint8_t body[CONTROL_BODY_MAX];
    static struct world world = {.owner = OWNER};
    struct control_reply reply;
    control_answer(&world, client, packet, size, body, &reply);
    return reply;
}

static void broken_framing_ends_the_connection(void **state)
{
    (void)state;
    struct control_client client = {0};
    struct control_reply reply = answer(&client, "short", 5);
    assert_true(reply.hang_up);
    assert_int_equal(reply.header.status, CLOISTER_PROTOCOL);
    assert_int_equal(reply.header.size, 0);
}

static void stop_is_for_the_worlds_user_and_root(void **state)
{
    (void)state;
    struct clo_control_header header = header_of(CLO_CONTROL_STOP, 0);
    struct control_client stranger = {.caller = {.uid = OWNER + 1}};
    struct control_reply reply = answer(&stranger, &header, sizeof header);
    assert_int_equal(reply.header.status, CLOISTER_DENIED);
    assert_false(reply.stop);
    struct control_client owner = {.caller = {.uid = OWNER}};
    assert_true(answer(&owner, &header, sizeof header).stop);
    struct control_client root = {.caller = {.uid = 0}};
    assert_true(answer(&root, &header, sizeof header).stop);
}

static void guest_never_stops_the_world(void **state)
{
    (void)state;
    struct clo_control_header header = header_of(CLO_CONTROL_STOP, 0);
    struct guest_memory memory = {.memfd = -1};
    struct control_client root = {.caller = {.kind = CLO_CALLER_GUEST}, .memory = &memory};
    struct control_reply reply = answer(&root, &header, sizeof header);
    assert_int_equal(reply.header.status, CLOISTER_DENIED);
    assert_false(reply.stop);
}

static void guests_are_shown_to_the_worlds_user_and_root(void **state)
{
    (void)state;
    struct clo_control_header header = header_of(CLO_CONTROL_GUESTS, 0);
    struct control_client stranger = {.caller = {.uid = OWNER + 1}};
    struct control_reply reply = answer(&stranger, &header, sizeof header);
    assert_int_equal(reply.header.status, CLOISTER_DENIED);
    assert_int_equal(reply.header.size, 0);
    struct control_client owner = {.caller = {.uid = OWNER}};
    reply = answer(&owner, &header, sizeof header);
    assert_int_equal(reply.header.status, CLOISTER_OK);
    assert_int_equal(reply.header.size, CLO_GUESTS_INFO_SIZE(0));
    struct control_client root = {.caller = {.uid = 0}};
    assert_int_equal(answer(&root, &header, sizeof header).header.status, CLOISTER_OK);
}

static void guest_is_never_shown_guests(void **state)
{
    (void)state;
    struct clo_control_header header = header_of(CLO_CONTROL_GUESTS, 0);
    struct guest_memory memory = {.memfd = -1};
    static const uint32_t users[] = {0, OWNER, OWNER + 1};
    for (size_t i = 0; i < 3; i++) {
        struct control_client lane = {.caller = {.kind = CLO_CALLER_GUEST, .uid = users[i]},
                                      .memory = &memory};
        struct control_reply reply = answer(&lane, &header, sizeof header);
        assert_int_equal(reply.header.status, CLOISTER_DENIED);
        assert_int_equal(reply.header.size, 0);
    }
}

static void close_is_for_lanes_alone(void **state)
{
    (void)state;
    struct clo_control_header header = header_of(CLO_CONTROL_CLOSE, 0);
    struct guest_memory memory = {.memfd = -1};
    struct control_client process = {.caller = {.kind = CLO_CALLER_PROCESS}};
    struct control_client lane = {.caller = {.kind = CLO_CALLER_GUEST}, .memory = &memory};
    assert_int_equal(answer(&process, &header, sizeof header).header.status, CLOISTER_UNSUPPORTED);
    assert_int_equal(answer(&lane, &header, sizeof header).header.status, CLOISTER_OK);
}

static void module_query_is_by_name_or_by_index(void **state)
{
    (void)state;
    struct {
        struct clo_control_header header;
        struct clo_module_query query;
    } packet = {.header = header_of(CLO_CONTROL_MODULE, sizeof packet.query)};
    struct control_client client = {0};
    assert_int_equal(answer(&client, &packet, sizeof packet).header.status, CLOISTER_NOT_FOUND);
    packet.query.reserved = 1;
    assert_int_equal(answer(&client, &packet, sizeof packet).header.status, CLOISTER_BAD_ARGUMENT);
    packet.query.reserved = 0;
    packet.query.name[0] = 'a';
    assert_int_equal(answer(&client, &packet, sizeof packet).header.status, CLOISTER_NOT_FOUND);
    packet.query.index = 1;
    assert_int_equal(answer(&client, &packet, sizeof packet).header.status, CLOISTER_BAD_ARGUMENT);
    packet.query.index = 0;
    packet.query.name[5] = 'z'; /* behind the NUL */
    assert_int_equal(answer(&client, &packet, sizeof packet).header.status, CLOISTER_BAD_ARGUMENT);
}

static void report_nonces_of_a_wrong_size_are_refused(void **state)
{
    (void)state;
    struct {
        struct clo_control_header header;
        struct clo_report_query query;
    } packet = {.header = header_of(CLO_CONTROL_REPORT, sizeof packet.query),
                .query = {.module = "m", .nonce_size = 16}};
    struct control_client client = {0};
    assert_int_equal(answer(&client, &packet, sizeof packet).header.status, CLOISTER_NOT_FOUND);
    static const uint32_t sizes[] = {0, 15, 65, UINT32_MAX};
    for (size_t i = 0; i < 4; i++) {
        packet.query.nonce_size = sizes[i];
        assert_int_equal(answer(&client, &packet, sizeof packet).header.status,
                         CLOISTER_BAD_ARGUMENT);
    }
    packet.query.nonce_size = 16;
    packet.query.nonce[16] = 1;
    assert_int_equal(answer(&client, &packet, sizeof packet).header.status, CLOISTER_BAD_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_requests_are_accepted),
        cmocka_unit_test(short_packets_are_refused),
        cmocka_unit_test(sizes_that_do_not_agree_are_refused),
        cmocka_unit_test(wrong_magic_and_reply_fields_are_refused),
        cmocka_unit_test(unknown_types_and_versions_are_unsupported),
        cmocka_unit_test(broken_framing_ends_the_connection),
        cmocka_unit_test(stop_is_for_the_worlds_user_and_root),
        cmocka_unit_test(guest_never_stops_the_world),
        cmocka_unit_test(guests_are_shown_to_the_worlds_user_and_root),
        cmocka_unit_test(guest_is_never_shown_guests),
        cmocka_unit_test(close_is_for_lanes_alone),
        cmocka_unit_test(module_query_is_by_name_or_by_index),
        cmocka_unit_test(report_nonces_of_a_wrong_size_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Frames of the nested machine: whole ones come through, others are refused.
 */
#include "tools/nested/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct frame sent, received;
static int ends[2];

static int make_link(void **state)
{
    (void)state;
    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
}

static int close_link(void **state)
{
    (void)state;
    (void)close(ends[0]);
    (void)close(ends[1]);
    return 0;
}

/* Sends only the first `size` bytes of the frame, and the end. */
static void send_cut(size_t size)
{
    assert_int_equal(write(ends[0], &sent, size), size);
    assert_int_equal(shutdown(ends[0], SHUT_WR), 0);
}

static void frames_arrive_as_they_were_sent(void **state)
{
    (void)state;
    sent = (struct frame){.kind = FRAME_OUTPUT, .size = FRAME_PAYLOAD_MAX};
    memset(sent.payload, 0xa5, sizeof sent.payload);
    assert_int_equal(frame_send(ends[0], &sent), CLOISTER_OK);
    sent.kind = FRAME_FILE_END;
    sent.size = 0;
    assert_int_equal(frame_send(ends[0], &sent), CLOISTER_OK);
    assert_int_equal(frame_receive(ends[1], &received), CLOISTER_OK);
    assert_int_equal(received.kind, FRAME_OUTPUT);
    assert_int_equal(received.size, FRAME_PAYLOAD_MAX);
    assert_memory_equal(received.payload, sent.payload, FRAME_PAYLOAD_MAX);
    assert_int_equal(frame_receive(ends[1], &received), CLOISTER_OK);
    assert_int_equal(received.kind, FRAME_FILE_END);
    assert_int_equal(received.size, 0);
}

static void frame_larger_than_its_room_is_refused(void **state)
{
    (void)state;
    sent = (struct frame){.kind = FRAME_OUTPUT, .size = FRAME_PAYLOAD_MAX + 1};
    send_cut(sizeof sent);
    assert_int_equal(frame_receive(ends[1], &received), CLOISTER_BAD_FORMAT);
}

static void frame_of_no_known_kind_is_refused(void **state)
{
    (void)state;
    static const uint32_t unknown[] = {0, FRAME_STATUS + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        sent = (struct frame){.kind = unknown[i]};
        assert_int_equal(frame_send(ends[0], &sent), CLOISTER_OK);
        assert_int_equal(frame_receive(ends[1], &received), CLOISTER_BAD_FORMAT);
    }
}

static void end_within_a_header_is_the_end(void **state)
{
    (void)state;
    sent = (struct frame){.kind = FRAME_OUTPUT, .size = 10};
    send_cut(7);
    assert_int_equal(frame_receive(ends[1], &received), CLOISTER_CLOSED);
}

static void end_within_a_payload_is_the_end(void **state)
{
    (void)state;
    sent = (struct frame){.kind = FRAME_OUTPUT, .size = 10};
    send_cut(offsetof(struct frame, payload) + 9);
    assert_int_equal(frame_receive(ends[1], &received), CLOISTER_CLOSED);
}

#define WITH_LINK(name) cmocka_unit_test_setup_teardown(name, make_link, close_link)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LINK(frames_arrive_as_they_were_sent),
        WITH_LINK(frame_larger_than_its_room_is_refused),
        WITH_LINK(frame_of_no_known_kind_is_refused),
        WITH_LINK(end_within_a_header_is_the_end),
        WITH_LINK(end_within_a_payload_is_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

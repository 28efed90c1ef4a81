/*
 * Lanes of a guest: what is answered, in which order, how often.
 */
#include "vmm/guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#define PER_TURN 4u

static struct world world = {.owner = 1000};
static struct guest guest;

static int make(void **state)
{
    (void)state;
    guest = (struct guest){.socket = -1, .requests = rate_of(256, world_now())};
    for (unsigned i = 0; i < CLO_GUEST_LANES; i++)
        guest.lane[i] = (struct control_client){
            .caller = {.kind = CLO_CALLER_GUEST}, .memory = &guest.memory, .lane = i};
    return guest_memory_create(&guest.memory, CLO_GUEST_SIZE_MIN, 1, NULL) == CLOISTER_OK ? 0 : -1;
}

static int destroy(void **state)
{
    (void)state;
    guest_memory_destroy(&guest.memory);
    return 0;
}

static void turn(void)
{
    static uint8_t body[CONTROL_BODY_MAX];
    guest_answer(&world, &guest, body);
}

static void ask(unsigned lane, uint16_t type, uint32_t size)
{
    struct clo_lane *at = &guest.memory.lanes[lane];
    struct clo_control_header header = {
        .magic = CLO_CONTROL_MAGIC, .abi_major = CLO_ABI_MAJOR, .type = type};
    memcpy(at->message, &header, sizeof header);
    at->request_size = size;
    at->request++;
}

static bool answered(unsigned lane)
{
    const struct clo_lane *at = &guest.memory.lanes[lane];
    return at->reply == at->request;
}

static struct clo_control_header reply_of(unsigned lane)
{
    struct clo_control_header header;
    memcpy(&header, guest.memory.lanes[lane].message, sizeof header);
    return header;
}

static void request_is_answered_in_its_lane(void **state)
{
    (void)state;
    ask(5, CLO_CONTROL_CLOSE, 16);
    turn();
    turn();
    assert_true(answered(5));
    assert_int_equal(reply_of(5).type, CLO_CONTROL_CLOSE);
    assert_int_equal(reply_of(5).status, CLOISTER_OK);
    assert_int_equal(guest.memory.lanes[5].reply_size, 16);
    assert_true(guest.asked);
}

static void lanes_without_a_request_are_left_alone(void **state)
{
    (void)state;
    struct clo_lane *at = &guest.memory.lanes[9];
    memset(at->message, 0x77, sizeof at->message);
    at->request_size = 16;
    turn();
    assert_int_equal(at->reply_size, 0);
    assert_int_equal(at->message[0], 0x77);
    assert_false(guest.asked);
    assert_false(guest.pending);
}

static void request_is_answered_once(void **state)
{
    (void)state;
    ask(0, CLO_CONTROL_CLOSE, 16);
    turn();
    guest.memory.lanes[0].reply = 0;
    guest.memory.lanes[0].reply_size = 0;
    for (unsigned i = 0; i < 20; i++)
        turn();
    assert_int_equal(guest.memory.lanes[0].reply_size, 0);
}

static void turn_is_a_few_requests_and_the_next_goes_on_behind_them(void **state)
{
    (void)state;
    for (unsigned lane = 0; lane < CLO_GUEST_LANES; lane++)
        ask(lane, CLO_CONTROL_CLOSE, 16);
    for (unsigned done = 0; done < CLO_GUEST_LANES; done += PER_TURN) {
        turn();
        ask(0, CLO_CONTROL_CLOSE, 16); /* one that asks again waits for the others */
        assert_true(guest.pending || done + PER_TURN == CLO_GUEST_LANES);
        for (unsigned lane = 1; lane < CLO_GUEST_LANES; lane++)
            assert_int_equal(answered(lane), lane < done + PER_TURN);
    }
}

static void requests_of_sizes_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0,          15,         17,
                                     65408,      0x7fffffff, CONTROL_REQUEST_MAX + 1,
                                     0x80000000, UINT32_MAX, CONTROL_REQUEST_MAX};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        ask(0, CLO_CONTROL_CLOSE, sizes[i]);
        turn();
        assert_true(answered(0));
        assert_int_equal(reply_of(0).status, CLOISTER_PROTOCOL);
        assert_int_equal(reply_of(0).size, 0);
    }
}

static void more_requests_than_a_guest_may_make_are_refused(void **state)
{
    (void)state;
    unsigned limited = 0;
    for (unsigned i = 0; i < 100000 && !limited; i++) {
        ask(0, CLO_CONTROL_CLOSE, 16);
        turn();
        assert_true(answered(0));
        limited += reply_of(0).status == CLOISTER_LIMIT;
        assert_true(i >= 255 || !limited);
    }
    assert_int_equal(limited, 1);
    assert_int_equal(reply_of(0).type, CLO_CONTROL_CLOSE);
    assert_int_equal(reply_of(0).origin, CLOISTER_ORIGIN_WORLD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, destroy)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(request_is_answered_in_its_lane),
        TEST(lanes_without_a_request_are_left_alone),
        TEST(request_is_answered_once),
        TEST(turn_is_a_few_requests_and_the_next_goes_on_behind_them),
        TEST(requests_of_sizes_that_cannot_be_are_refused),
        TEST(more_requests_than_a_guest_may_make_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

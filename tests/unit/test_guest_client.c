/*
 * The client library in a guest: real files that look like a mailbox device in sysfs, and a thread
 * that is the world host behind it (guest_world.h), honest or wrong in one thing.
 */
#include "tests/unit/guest_world.h"

#include "base/bytes.h"
#include "normal-world/client/session.h"
#include "normal-world/client/shared_word.h"
#include "normal-world/client/world.h"
#include "normal-world/guest/guest_transport.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int set_up(void **state)
{
    struct guest_world *world = calloc(1, sizeof *world);
    if (!world)
        return -1;
    guest_world_start(world, 0);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    guest_world_stop(*state);
    free(*state);
    return 0;
}

static cloister_status open_at(struct guest_world *host, const char *address,
                               cloister_world **world, struct reason *why)
{
    struct transport *transport;
    cloister_status status = guest_transport_open(&host->places, address, &transport, why);
    return status == CLOISTER_OK ? world_over(transport, world) : status;
}

static cloister_world *opened(struct guest_world *host)
{
    struct reason why = {""};
    cloister_world *world = NULL;
    if (open_at(host, "", &world, &why) != CLOISTER_OK)
        fail_msg("%s", why.text);
    return world;
}

static void expect_refused(struct guest_world *host, const char *address, cloister_status wanted,
                           const char *words)
{
    struct reason why = {""};
    cloister_world *world;
    cloister_status status = open_at(host, address, &world, &why);
    assert_string_equal(cloister_status_name(status), cloister_status_name(wanted));
    if (!strstr(why.text, words))
        fail_msg("'%s' does not say '%s'", why.text, words);
}

static cloister_session *session_of(cloister_world *world)
{
    cloister_session *session = NULL;
    assert_int_equal(cloister_session_open(world, "echo", 131072, &session), CLOISTER_OK);
    return session;
}

static cloister_result echo(cloister_session *session, size_t size, uint64_t deadline_us)
{
    static uint8_t in[65536], out[65536];
    cloister_parameter p[4] = {cloister_in(in, size), cloister_out(out, size)};
    for (size_t i = 0; i < size; i++)
        in[i] = (uint8_t)(i * 7 + size);
    memset(out, 0, sizeof out);
    cloister_result result = cloister_call(session, "echo", p, deadline_us);
    if (result.status == CLOISTER_OK) {
        assert_int_equal(p[1].size, size);
        assert_memory_equal(in, out, size);
    }
    return result;
}

static void expect_echo(cloister_session *session, size_t size)
{
    cloister_result result = echo(session, size, 10000000);
    assert_string_equal(cloister_status_name(result.status), "OK");
}

/* Finding the device */

static void device_is_found_among_others(void **state)
{
    struct guest_world *host = *state;
    guest_world_write(host, "0000:00:01.0", "vendor", "0x8086\n");
    guest_world_write(host, "0000:00:01.0", "device", "0x1110\n");
    guest_world_write(host, "0000:00:02.0", "vendor", "0x1af4\n");
    guest_world_write(host, "0000:00:02.0", "device", "0x1111\n");
    guest_world_write(host, "0000:00:03.0", "vendor", "0x1af40\n");
    guest_world_write(host, "0000:00:03.0", "device", "0x1110\n");
    cloister_world *world = opened(host);
    cloister_world_close(world);
    assert_int_equal(open_at(host, GUEST_WORLD_ADDRESS, &world, NULL), CLOISTER_OK);
    cloister_world_close(world);
}

static void guest_without_device_is_told_so(void **state)
{
    struct guest_world *host = *state;
    guest_world_write(host, GUEST_WORLD_ADDRESS, "device", "0x1111\n");
    expect_refused(host, "", CLOISTER_NOT_FOUND, "no mailbox device 1af4:1110 in this guest");
}

static void address_of_another_device_is_not_found(void **state)
{
    struct guest_world *host = *state;
    expect_refused(host, "0000:00:05.0", CLOISTER_NOT_FOUND, "there is one at 0000:00:04.0");
    expect_refused(host, "../" GUEST_WORLD_ADDRESS, CLOISTER_NOT_FOUND, "there is one at");
    expect_refused(host, "0000:00:04", CLOISTER_NOT_FOUND, "there is one at");
}

static void machine_without_pci_has_no_device(void **state)
{
    struct guest_world host = *(struct guest_world *)*state;
    host.places.devices = "/nonexistent/devices";
    expect_refused(&host, "", CLOISTER_NOT_FOUND, "/nonexistent/devices");
}

static void first_device_that_works_is_taken(void **state)
{
    struct guest_world *host = *state;
    guest_world_write(host, "0000:00:01.0", "vendor", "0x1af4\n");
    guest_world_write(host, "0000:00:01.0", "device", "0x1110\n");
    cloister_world_close(opened(host));
    expect_refused(host, "0000:00:01.0", CLOISTER_NOT_FOUND, "resource2");
}

static void registers_may_begin_in_the_middle_of_a_page(void **state)
{
    struct guest_world host;
    (void)state;
    guest_world_start(&host, 0x700);
    cloister_world *world = opened(&host);
    cloister_session *session = session_of(world);
    expect_echo(session, 40);
    cloister_session_close(session);
    cloister_world_close(world);
    guest_world_stop(&host);
}

static void registers_that_leave_their_page_are_refused(void **state)
{
    struct guest_world *host = *state;
    guest_world_write(host, GUEST_WORLD_ADDRESS, "resource", "0xfebf1f80 0xfebf207f 0x40200\n");
    expect_refused(host, "", CLOISTER_BAD_FORMAT, "no registers");
}

static void missing_right_is_named_with_the_rule_that_gives_it(void **state)
{
    struct guest_world *host = *state;
    char path[160];
    (void)snprintf(path, sizeof path, "%s/" GUEST_WORLD_ADDRESS "/resource2", host->folder);
    assert_int_equal(chmod(path, 0600), 0);
    bool root = geteuid() == 0;
    if (!root)
        assert_int_equal(chmod(path, 0), 0);
    if (root)
        assert_int_equal(seteuid(65534), 0);
    expect_refused(host, "", CLOISTER_DENIED, "resource2; this udev rule");
    expect_refused(host, "", CLOISTER_DENIED, "chmod g+rw resource[02]'\"");
    if (root)
        assert_int_equal(seteuid(0), 0);
}

/* A memfd sealed against writing refuses the mapping as a kernel that is locked down does. */
static void locked_down_kernel_is_named(void **state)
{
    struct guest_world *host = *state;
    char path[160], target[64];
    int sealed = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(sealed, GUEST_WORLD_SIZE), 0);
    assert_int_equal(fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE), 0);
    (void)snprintf(path, sizeof path, "%s/" GUEST_WORLD_ADDRESS "/resource2", host->folder);
    (void)snprintf(target, sizeof target, "/proc/self/fd/%d", sealed);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(target, path), 0);
    expect_refused(host, "", CLOISTER_UNSUPPORTED, "locked down");
    (void)close(sealed);
}

/* The memory's header */

static void memory_of_something_else_is_refused(void **state)
{
    struct guest_world *host = *state;
    guest_world_header(host)->magic = 0x12345678;
    expect_refused(host, "", CLOISTER_BAD_FORMAT, "not of a world");
}

static void device_that_is_not_enabled_is_named(void **state)
{
    struct guest_world *host = *state;
    guest_world_header(host)->magic = UINT32_MAX;
    expect_refused(host, "", CLOISTER_BAD_FORMAT, "enable");
}

static void world_of_another_abi_is_unsupported(void **state)
{
    struct guest_world *host = *state;
    guest_world_header(host)->abi_major++;
    expect_refused(host, "", CLOISTER_UNSUPPORTED, "ABI");
}

static void header_that_does_not_fit_the_device_is_refused(void **state)
{
    struct guest_world *host = *state;
    struct clo_guest_header *header = guest_world_header(host);
    header->size = 2 * GUEST_WORLD_SIZE;
    expect_refused(host, "", CLOISTER_PROTOCOL, "bytes and");
    header->size = GUEST_WORLD_SIZE;
    header->lanes = CLO_GUEST_LANES + 1;
    expect_refused(host, "", CLOISTER_PROTOCOL, "lanes");
    header->lanes = CLO_GUEST_LANES;
    header->reserved = 1;
    expect_refused(host, "", CLOISTER_PROTOCOL, "lanes");
}

static void device_of_another_size_is_refused(void **state)
{
    struct guest_world *host = *state;
    assert_int_equal(ftruncate(host->memory_file, CLO_GUEST_SIZE_MIN - CLO_PAGE_SIZE), 0);
    expect_refused(host, "", CLOISTER_BAD_FORMAT, "bytes");
    assert_int_equal(ftruncate(host->memory_file, 2ll * CLO_GUEST_SIZE_MAX), 0);
    expect_refused(host, "", CLOISTER_BAD_FORMAT, "bytes");
    assert_int_equal(ftruncate(host->memory_file, GUEST_WORLD_SIZE), 0);
}

static void world_that_has_closed_the_memory_is_dead(void **state)
{
    struct guest_world *host = *state;
    guest_world_header(host)->state = CLO_GUEST_CLOSED;
    expect_refused(host, "", CLOISTER_DEAD, "has ended");
}

/* Questions */

static void world_answers_through_a_lane(void **state)
{
    struct guest_world *host = *state;
    cloister_world *world = opened(host);
    struct clo_world_info info;
    struct clo_module_info module;
    assert_int_equal(cloister_world_info(world, &info), CLOISTER_OK);
    assert_string_equal(info.name, "played");
    assert_int_equal(cloister_world_module(world, 0, &module), CLOISTER_OK);
    assert_string_equal(module.name, "echo");
    assert_int_equal(cloister_world_stop(world), CLOISTER_UNSUPPORTED);
    assert_int_equal(cloister_world_info(world, &info), CLOISTER_OK);
    assert_int_equal(host->rung, 1u << CLO_GUEST_VECTOR_REQUEST);
    cloister_world_close(world);
}

static void first_request_of_an_owner_is_close(void **state)
{
    struct guest_world *host = *state;
    cloister_world *world = opened(host);
    assert_int_equal(host->requests, 1);
    assert_int_equal(host->closes, 1);
    cloister_world_close(world);
}

static void largest_reply_is_taken(void **state)
{
    cloister_world *world = opened(*state);
    uint8_t *report;
    size_t size;
    uint8_t nonce[32] = {1};
    assert_int_equal(cloister_world_report(world, "echo", nonce, sizeof nonce, &report, &size),
                     CLOISTER_OK);
    assert_int_equal(size, CLO_GUEST_LANE_SIZE - 128 - sizeof(struct clo_control_header));
    free(report);
    cloister_world_close(world);
}

static struct clo_control_header *header_in(struct clo_lane *lane)
{
    return (struct clo_control_header *)(void *)lane->message;
}

static void spoil_number(struct clo_lane *lane, void *body)
{
    (void)body;
    shared_publish(&lane->reply, lane->request + 1);
}

static void spoil_number_backwards(struct clo_lane *lane, void *body)
{
    (void)body;
    shared_publish(&lane->reply, lane->request - 2);
}

static void spoil_size(struct clo_lane *lane, void *body)
{
    (void)body;
    lane->reply_size++;
}

static void spoil_size_hugely(struct clo_lane *lane, void *body)
{
    (void)body;
    lane->reply_size = UINT32_MAX;
    header_in(lane)->size = UINT32_MAX - sizeof(struct clo_control_header);
}

static void spoil_size_to_nothing(struct clo_lane *lane, void *body)
{
    (void)body;
    lane->reply_size = 0;
}

static void spoil_body_size(struct clo_lane *lane, void *body)
{
    (void)body;
    lane->reply_size += 8;
    header_in(lane)->size += 8;
}

static void spoil_magic(struct clo_lane *lane, void *body)
{
    (void)body;
    header_in(lane)->magic++;
}

static void spoil_type(struct clo_lane *lane, void *body)
{
    (void)body;
    header_in(lane)->type++;
}

static void unsound_replies_are_refused(void **state)
{
    static void (*const spoils[])(struct clo_lane *, void *) = {
        spoil_number,          spoil_number_backwards, spoil_size,  spoil_size_hugely,
        spoil_size_to_nothing, spoil_body_size,        spoil_magic, spoil_type,
    };
    for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
        struct guest_world host;
        struct clo_world_info info;
        (void)state;
        guest_world_start(&host, 0);
        cloister_world *world = opened(&host);
        host.spoil = spoils[i];
        assert_int_equal(cloister_world_info(world, &info), CLOISTER_PROTOCOL);
        cloister_world_close(world);
        guest_world_stop(&host);
    }
}

static void reply_longer_than_a_lane_is_refused(void **state)
{
    struct guest_world *host = *state;
    cloister_world *world = opened(host);
    uint8_t *report;
    size_t size;
    uint8_t nonce[32] = {1};
    host->spoil = spoil_body_size;
    assert_int_equal(cloister_world_report(world, "echo", nonce, sizeof nonce, &report, &size),
                     CLOISTER_PROTOCOL);
    cloister_world_close(world);
}

static void late_reply_is_not_taken_for_another(void **state)
{
    struct guest_world *host = *state;
    cloister_world *world = opened(host);
    struct clo_world_info info;
    struct clo_module_info module;
    assert_int_equal(cloister_world_set_timeout(world, 50), CLOISTER_OK);
    host->silent = UINT64_MAX;
    assert_int_equal(cloister_world_info(world, &info), CLOISTER_TIMEOUT);
    assert_int_equal(cloister_world_module(world, 0, &module), CLOISTER_TIMEOUT);
    host->silent = 0;
    assert_int_equal(cloister_world_set_timeout(world, 10000), CLOISTER_OK);
    assert_int_equal(cloister_world_module(world, 0, &module), CLOISTER_OK);
    assert_string_equal(module.name, "echo");
    cloister_world_close(world);
}

static _Atomic int refusals;

static void spoil_status_twice(struct clo_lane *lane, void *body)
{
    (void)body;
    if (refusals-- <= 0)
        return;
    header_in(lane)->status = CLOISTER_LIMIT;
    header_in(lane)->size = 0;
    lane->reply_size = sizeof(struct clo_control_header);
}

static void guest_that_asks_too_much_waits_a_little(void **state)
{
    struct guest_world *host = *state;
    cloister_world *world = opened(host);
    struct clo_world_info info;
    refusals = 2;
    host->spoil = spoil_status_twice;
    assert_int_equal(cloister_world_info(world, &info), CLOISTER_OK);
    refusals = INT32_MAX;
    assert_int_equal(cloister_world_info(world, &info), CLOISTER_LIMIT);
    cloister_world_close(world);
}

/* Calls */

static void calls_go_through_the_memory(void **state)
{
    struct guest_world *host = *state;
    cloister_world *world = opened(host);
    cloister_session *session = session_of(world);
    for (size_t size = 1; size <= 200; size++)
        expect_echo(session, size);
    expect_echo(session, 65536);
    assert_int_equal(cloister_arena_size(session), 262144);
    assert_true(host->rung >> 2 & 1);
    assert_int_equal(host->parked, 0);
    cloister_session_close(session);
    cloister_world_close(world);
}

static void arena_and_batches_work_as_on_the_host(void **state)
{
    cloister_world *world = opened(*state);
    cloister_session *session = session_of(world);
    cloister_ticket ticket[32];
    uint8_t *in[32], out[32][300];
    cloister_parameter p[32][4];
    for (unsigned i = 0; i < 32; i++) {
        void *bytes;
        assert_int_equal(cloister_arena_reserve(session, 300, &bytes), CLOISTER_OK);
        in[i] = bytes;
        memset(in[i], (int)i, 300);
        p[i][0] = cloister_in(in[i], 300);
        p[i][1] = cloister_out(out[i], 300);
        p[i][2] = p[i][3] = (cloister_parameter){0};
        assert_int_equal(cloister_submit(session, "echo", p[i], 0, &ticket[i]).status, CLOISTER_OK);
    }
    assert_int_equal(cloister_wait_all(session, ticket, 32, NULL).status, CLOISTER_OK);
    for (unsigned i = 0; i < 32; i++) {
        assert_true(out[i][0] == i && memcmp(out[i], out[i] + 1, 299) == 0);
        assert_true(bytes_are_zero(in[i], 300));
        cloister_arena_release(session, in[i]);
    }
    cloister_session_close(session);
    cloister_world_close(world);
}

static void session_outlives_its_world_object(void **state)
{
    cloister_world *world = opened(*state);
    cloister_session *session = session_of(world);
    cloister_world_close(world);
    expect_echo(session, 100);
    cloister_session_close(session);
}

static void channel_is_gone_when_close_returns(void **state)
{
    struct guest_world *host = *state;
    cloister_world *world = opened(host);
    cloister_session *session = session_of(world);
    assert_int_equal(host->working, 1);
    cloister_session_close(session);
    assert_int_equal(host->working, 0);
    cloister_world_close(world);
}

static struct guest_world *offering;

/* What lies there looks like the channel, so that only the place is wrong. */
static void offer_at(void *body, uint32_t offset, uint32_t size)
{
    struct clo_guest_open_reply *offer = body;
    if (offset <= GUEST_WORLD_SIZE - CLO_PAGE_SIZE)
        memmove(offering->memory + offset, offering->memory + offer->offset,
                sizeof(struct clo_channel_header));
    offer->offset = offset;
    offer->open.size = size;
}

static uint32_t size_of_offer(const void *body)
{
    return ((const struct clo_guest_open_reply *)body)->open.size;
}

static bool is_offer(struct clo_lane *lane)
{
    return header_in(lane)->type == CLO_CONTROL_OPEN;
}

static void offer_in_header(struct clo_lane *lane, void *body)
{
    if (is_offer(lane))
        ((struct clo_guest_open_reply *)body)->offset = 0;
}

static void offer_in_lanes(struct clo_lane *lane, void *body)
{
    if (is_offer(lane))
        offer_at(body, CLO_GUEST_CHANNELS_OFFSET - CLO_PAGE_SIZE, size_of_offer(body));
}

static void offer_beyond(struct clo_lane *lane, void *body)
{
    if (is_offer(lane))
        offer_at(body, GUEST_WORLD_SIZE, size_of_offer(body));
}

static void offer_across_the_end(struct clo_lane *lane, void *body)
{
    if (is_offer(lane))
        offer_at(body, GUEST_WORLD_SIZE - CLO_PAGE_SIZE, size_of_offer(body));
}

static void offer_that_wraps(struct clo_lane *lane, void *body)
{
    if (is_offer(lane))
        offer_at(body, UINT32_MAX - CLO_PAGE_SIZE + 1, size_of_offer(body));
}

static void offer_between_pages(struct clo_lane *lane, void *body)
{
    if (is_offer(lane))
        offer_at(body, CLO_GUEST_CHANNELS_OFFSET + 64, size_of_offer(body));
}

static void offer_too_small(struct clo_lane *lane, void *body)
{
    if (is_offer(lane))
        offer_at(body, CLO_GUEST_CHANNELS_OFFSET, CLO_ARENA_OFFSET - 1);
}

static void offer_smaller_than_its_arena(struct clo_lane *lane, void *body)
{
    if (is_offer(lane))
        offer_at(body, ((struct clo_guest_open_reply *)body)->offset,
                 size_of_offer(body) - CLO_PAGE_SIZE);
}

static void offer_vector_of_requests(struct clo_lane *lane, void *body)
{
    if (is_offer(lane))
        ((struct clo_guest_open_reply *)body)->vector = CLO_GUEST_VECTOR_REQUEST;
}

static void offer_vector_too_high(struct clo_lane *lane, void *body)
{
    if (is_offer(lane))
        ((struct clo_guest_open_reply *)body)->vector = CLO_GUEST_VECTORS;
}

static void offer_of_a_host(struct clo_lane *lane, void *body)
{
    (void)body;
    if (!is_offer(lane))
        return;
    lane->reply_size -= 8;
    header_in(lane)->size -= 8;
}

static void offer_of_an_unsound_module(struct clo_lane *lane, void *body)
{
    if (is_offer(lane))
        ((struct clo_guest_open_reply *)body)->open.module.state = 99;
}

static void unsound_offers_are_refused(void **state)
{
    static void (*const spoils[])(struct clo_lane *, void *) = {
        offer_in_header,       offer_in_lanes,
        offer_beyond,          offer_across_the_end,
        offer_that_wraps,      offer_between_pages,
        offer_too_small,       offer_smaller_than_its_arena,
        offer_of_a_host,       offer_vector_of_requests,
        offer_vector_too_high, offer_of_an_unsound_module,
    };
    struct guest_world *host = *state;
    cloister_world *world = opened(host);
    offering = host;
    for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
        cloister_session *session = NULL;
        host->spoil = spoils[i];
        assert_int_equal(cloister_session_open(world, "echo", 0, &session), CLOISTER_PROTOCOL);
        assert_null(session);
        assert_int_equal(host->working, 0);
    }
    host->spoil = NULL;
    cloister_session_close(session_of(world));
    cloister_world_close(world);
}

/* The end of the world */

static void world_whose_heart_stops_is_dead(void **state)
{
    struct guest_world *host = *state;
    cloister_world *world = opened(host);
    struct clo_world_info info;
    host->heartless = true;
    host->silent = UINT64_MAX;
    assert_int_equal(cloister_world_info(world, &info), CLOISTER_DEAD);
    cloister_world_close(world);
    expect_refused(host, "", CLOISTER_DEAD, "has ended");
}

static void call_to_a_world_whose_heart_stops_ends(void **state)
{
    struct guest_world *host = *state;
    cloister_world *world = opened(host);
    cloister_session *session = session_of(world);
    host->heartless = true;
    host->deaf = true;
    cloister_result result = echo(session, 10, 0);
    assert_int_equal(result.status, CLOISTER_DEAD);
    assert_int_equal(result.origin, CLOISTER_ORIGIN_TRANSPORT);
    host->silent = UINT64_MAX;
    cloister_session_close(session);
    cloister_world_close(world);
}

static void *close_soon(void *context)
{
    struct guest_world *host = context;
    (void)usleep(50000);
    shared_set(&guest_world_header(host)->state, CLO_GUEST_CLOSED);
    return NULL;
}

static void *change_soon(void *context)
{
    struct guest_world *host = context;
    (void)usleep(50000);
    guest_world_header(host)->generation++;
    return NULL;
}

static void expect_call_ends(struct guest_world *host, void *(*end)(void *))
{
    pthread_t thread;
    cloister_world *world = opened(host);
    cloister_session *session = session_of(world);
    host->deaf = true;
    assert_int_equal(pthread_create(&thread, NULL, end, host), 0);
    cloister_result result = echo(session, 10, 0);
    assert_int_equal(result.status, CLOISTER_DEAD);
    assert_int_equal(result.origin, CLOISTER_ORIGIN_TRANSPORT);
    assert_int_equal(pthread_join(thread, NULL), 0);
    cloister_session_close(session);
    cloister_world_close(world);
}

static void call_ends_when_the_world_closes_the_memory(void **state)
{
    expect_call_ends(*state, close_soon);
}

static void call_ends_when_another_world_comes(void **state)
{
    expect_call_ends(*state, change_soon);
}

static void world_that_was_not_looked_at_for_long_is_not_dead(void **state)
{
    struct guest_world *host = *state;
    cloister_world *world = opened(host);
    struct clo_world_info info;
    host->heartless = true;
    (void)usleep(1200000);
    assert_int_equal(cloister_world_info(world, &info), CLOISTER_OK);
    cloister_world_close(world);
}

/* It was stopped for a while, say: who was told of its end stays with that, who comes is served. */
static void world_that_beats_again_serves_who_comes(void **state)
{
    struct guest_world *host = *state;
    cloister_world *world = opened(host);
    cloister_session *session = session_of(world);
    host->heartless = true;
    host->deaf = true;
    assert_int_equal(echo(session, 10, 0).status, CLOISTER_DEAD);
    host->heartless = false;
    assert_int_equal(echo(session, 10, 0).status, CLOISTER_DEAD);
    host->deaf = false;
    cloister_session_close(session);
    session = session_of(world);
    expect_echo(session, 10);
    cloister_session_close(session);
    cloister_world_close(world);
    cloister_world_close(opened(host));
}

/* Lanes among processes */

/* A child that opens a session and lives until it is killed. */
static pid_t start_owner(struct guest_world *host)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)session_of(opened(host));
        (void)!write(ready[1], "r", 1);
        pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    (void)close(ready[1]);
    return child;
}

static void kill_owner(pid_t child)
{
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void lane_of_a_killed_process_is_recovered(void **state)
{
    struct guest_world *host = *state;
    pid_t child = start_owner(host);
    assert_int_equal(host->working, 1);
    kill_owner(child);
    assert_int_equal(host->working, 1);
    cloister_world *world = opened(host);
    cloister_session *session = session_of(world);
    assert_int_equal(host->working, 1); /* the new one; the old one was given up */
    expect_echo(session, 100);
    cloister_session_close(session);
    cloister_world_close(world);
    assert_int_equal(host->working, 0);
}

static void two_processes_do_not_meet(void **state)
{
    struct guest_world *host = *state;
    pid_t child = start_owner(host);
    cloister_world *world = opened(host);
    cloister_session *session = session_of(world);
    assert_int_equal(host->working, 2);
    for (size_t size = 1; size < 100; size++)
        expect_echo(session, size);
    kill_owner(child);
    expect_echo(session, 100);
    cloister_session_close(session);
    cloister_world_close(world);
    assert_int_equal(host->working, 1);
}

/* What a process that was killed in the middle of a question leaves in lane 0. */
static void leave_question(struct guest_world *host)
{
    struct clo_lane *lane = guest_world_lane(host, 0);
    *header_in(lane) = (struct clo_control_header){
        .magic = CLO_CONTROL_MAGIC, .abi_major = CLO_ABI_MAJOR, .type = CLO_CONTROL_WORLD};
    lane->request_size = sizeof(struct clo_control_header);
    host->silent = 1;
    shared_publish(&lane->request, lane->request + 1);
    shared_publish(host->doorbell, CLO_GUEST_VECTOR_REQUEST);
}

static void lane_with_an_open_question_is_left_alone_while_there_are_others(void **state)
{
    struct guest_world *host = *state;
    leave_question(host);
    cloister_world *world = opened(host);
    assert_int_equal(guest_world_lane(host, 0)->request, 1);
    assert_int_equal(guest_world_lane(host, 1)->request, 1);
    cloister_world_close(world);
}

static void lanes_used_up_are_busy_until_one_is_free(void **state)
{
    struct guest_world *host = *state;
    cloister_world *world[CLO_GUEST_LANES];
    for (unsigned i = 0; i < CLO_GUEST_LANES; i++)
        world[i] = opened(host);
    expect_refused(host, "", CLOISTER_BUSY, "all 64 lanes");
    cloister_world_close(world[17]);
    world[17] = opened(host);
    for (unsigned i = 0; i < CLO_GUEST_LANES; i++)
        cloister_world_close(world[i]);
}

static void last_lane_is_recovered_when_its_question_is_answered(void **state)
{
    struct guest_world *host = *state;
    cloister_world *world[CLO_GUEST_LANES];
    for (unsigned i = 0; i < CLO_GUEST_LANES; i++)
        world[i] = opened(host);
    cloister_world_close(world[0]);
    leave_question(host);
    uint32_t asked = guest_world_lane(host, 0)->request;
    expect_refused(host, "", CLOISTER_BUSY, "all 64 lanes");
    host->silent = 0;
    world[0] = opened(host);
    assert_int_equal(guest_world_lane(host, 0)->request, asked + 1);
    for (unsigned i = 0; i < CLO_GUEST_LANES; i++)
        cloister_world_close(world[i]);
}

/* Interrupts */

static void client_sleeps_until_the_device_interrupts(void **state)
{
    struct guest_world *host = *state;
    uint8_t command[6];
    char path[160];
    guest_world_bind_uio(host);
    cloister_world *world = opened(host);
    cloister_session *session = session_of(world);
    cloister_session_set_spin(session, 0);
    for (int i = 0; i < 20; i++)
        expect_echo(session, 40);
    assert_true(host->parked > 0);
    assert_int_equal(guest_world_header(host)->interrupts, host->parked);
    assert_int_equal(*(uint32_t *)(void *)(host->registers + CLO_GUEST_INTERRUPT_MASK), 1);
    (void)snprintf(path, sizeof path, "%s/" GUEST_WORLD_ADDRESS "/config", host->folder);
    int config = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(config, command, sizeof command), sizeof command);
    assert_int_equal(command[4], 3);
    assert_int_equal(command[5], 1); /* DisINTx is off, its neighbour as it was */
    (void)close(config);
    cloister_session_close(session);
    cloister_world_close(world);
}

static void device_that_cannot_interrupt_is_polled(void **state)
{
    struct guest_world *host = *state;
    char path[160];
    guest_world_bind_uio(host);
    (void)snprintf(path, sizeof path, "%s/uio3", host->nodes);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0755), 0); /* reading it fails, as without an interrupt */
    cloister_world *world = opened(host);
    cloister_session *session = session_of(world);
    cloister_session_set_spin(session, 0);
    expect_echo(session, 40);
    assert_int_equal(host->parked, 0);
    cloister_session_close(session);
    cloister_world_close(world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(device_is_found_among_others),
        TEST(guest_without_device_is_told_so),
        TEST(address_of_another_device_is_not_found),
        TEST(machine_without_pci_has_no_device),
        TEST(first_device_that_works_is_taken),
        TEST(registers_may_begin_in_the_middle_of_a_page),
        TEST(registers_that_leave_their_page_are_refused),
        TEST(missing_right_is_named_with_the_rule_that_gives_it),
        TEST(locked_down_kernel_is_named),
        TEST(memory_of_something_else_is_refused),
        TEST(device_that_is_not_enabled_is_named),
        TEST(world_of_another_abi_is_unsupported),
        TEST(header_that_does_not_fit_the_device_is_refused),
        TEST(device_of_another_size_is_refused),
        TEST(world_that_has_closed_the_memory_is_dead),
        TEST(world_answers_through_a_lane),
        TEST(first_request_of_an_owner_is_close),
        TEST(largest_reply_is_taken),
        TEST(unsound_replies_are_refused),
        TEST(reply_longer_than_a_lane_is_refused),
        TEST(late_reply_is_not_taken_for_another),
        TEST(guest_that_asks_too_much_waits_a_little),
        TEST(calls_go_through_the_memory),
        TEST(arena_and_batches_work_as_on_the_host),
        TEST(session_outlives_its_world_object),
        TEST(channel_is_gone_when_close_returns),
        TEST(unsound_offers_are_refused),
        TEST(world_whose_heart_stops_is_dead),
        TEST(call_to_a_world_whose_heart_stops_ends),
        TEST(call_ends_when_the_world_closes_the_memory),
        TEST(call_ends_when_another_world_comes),
        TEST(world_that_was_not_looked_at_for_long_is_not_dead),
        TEST(world_that_beats_again_serves_who_comes),
        TEST(lane_of_a_killed_process_is_recovered),
        TEST(two_processes_do_not_meet),
        TEST(lane_with_an_open_question_is_left_alone_while_there_are_others),
        TEST(lanes_used_up_are_busy_until_one_is_free),
        TEST(last_lane_is_recovered_when_its_question_is_answered),
        TEST(client_sleeps_until_the_device_interrupts),
        TEST(device_that_cannot_interrupt_is_polled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

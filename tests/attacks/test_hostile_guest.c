/*
 * ATTACKS X5, G1, G3, G4 and N2 of guests: a VMM that fills, blocks, floods, closes or steals what
 * it shares with the world host, a guest that lies about everything it can write, asks without end,
 * fills lanes with nonsense, and VMMs that come by the hundred or say what they may not. Another
 * guest and a host program are served all the while.
 */
#include "tests/attacks/attacked_world.h"
#include "tests/e2e/played_guest.h"
#include "tests/modules/witness.h"

#include "base/scope.h"
#include "cloister/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cmocka.h>

#define GUEST_SOCKET "/tmp/test_hostile_guest.sock"
#define ROUNDS 40u
#define RINGS 200000u
#define CROWD 150u
#define DESCRIPTORS 4096u

/* The crowd's descriptors are all ours. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < DESCRIPTORS) {
        limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int start(void **state)
{
    (void)state;
    raise_descriptor_limit();
    if (!started_world_impossible())
        started_world_start(&attacked, (const char *const[]){"--debug", "--module",
                                                             "@tests/modules/witness.mod",
                                                             "--guest-socket", GUEST_SOCKET, NULL});
    return 0;
}

/* An honest guest and a host program, both of which must get on. */
struct honest {
    struct neighbour *neighbour;
    struct played_guest guest;
    struct raw_channel channel;
};

static void honest_start(struct honest *honest)
{
    attacked_or_skip();
    honest->neighbour = neighbour_start();
    played_guest_start(&honest->guest, GUEST_SOCKET, NULL);
    played_guest_ready(&honest->guest, 0, &honest->channel);
}

static void honest_go_on(struct honest *honest)
{
    struct clo_submission echo = raw_echo(&honest->channel, 0, 64);
    struct clo_world_info info;
    assert_int_equal(raw_call(&honest->channel, &echo), CLOISTER_OK);
    assert_int_equal(
        played_guest_ask(&honest->guest, 1, CLO_CONTROL_WORLD, NULL, 0, &info, sizeof info),
        CLOISTER_OK);
    neighbour_goes_on(honest->neighbour, 3);
}

static void honest_stop(struct honest *honest)
{
    honest_go_on(honest);
    raw_channel_close(&honest->channel);
    played_guest_end(&honest->guest);
    neighbour_stop(honest->neighbour);
    attacked_wait_for_channels(0);
    attacked_is_sound();
}

/* The connection ends, soon. */
static void assert_turned_out(const struct played_guest *guest)
{
    char byte;
    ssize_t got = recv(guest->socket, &byte, 1, 0);
    assert_true(got == 0 || (got < 0 && errno == ECONNRESET));
    assert_int_equal(guest->header->state, CLO_GUEST_CLOSED);
}

/* X5 */

/* Full, and whoever writes to it without O_NONBLOCK waits. The flag belongs to all holders. */
static void fill_and_block(int eventfd)
{
    const uint64_t most = UINT64_MAX - 1;
    uint64_t had;
    assert_int_equal(fcntl(eventfd, F_SETFL, O_NONBLOCK), 0);
    (void)!read(eventfd, &had, sizeof had);
    assert_int_equal(write(eventfd, &most, sizeof most), sizeof most);
    assert_int_equal(fcntl(eventfd, F_SETFL, 0), 0);
}

static void full_and_blocking_eventfds_block_nobody(void **state)
{
    (void)state;
    struct honest honest;
    honest_start(&honest);
    for (unsigned round = 0; round < attacked_times(ROUNDS); round++) {
        struct played_guest guest;
        struct raw_channel channel;
        struct clo_completion completion;
        played_guest_start(&guest, GUEST_SOCKET, NULL);
        played_guest_ready(&guest, 0, &channel);
        for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++) {
            fill_and_block(guest.interrupt[i]);
            fill_and_block(guest.doorbell[i]);
        }
        for (unsigned i = 0; i < 20; i++) {
            uint32_t interrupts = guest.header->interrupts;
            *raw_entry(&channel) = raw_slow(0, 100);
            __atomic_store_n(&channel.header->client_parked, 1, __ATOMIC_SEQ_CST);
            channel.submitted++;
            __atomic_store_n(&channel.submissions[(channel.submitted - 1) % CLO_RING_SIZE].turn,
                             channel.submitted, __ATOMIC_RELEASE);
            honest_go_on(&honest); /* keeps the module awake */
            assert_true(raw_wait(&channel, &completion));
            assert_true(guest.header->interrupts >= interrupts);
        }
        assert_int_not_equal(guest.header->interrupts, 0);
        raw_channel_close(&channel);
        played_guest_end(&guest);
    }
    honest_stop(&honest);
}

/* The end of a channel, too, wakes the client. */
static void vmm_that_goes_with_full_eventfds_holds_up_nobody(void **state)
{
    (void)state;
    struct honest honest;
    honest_start(&honest);
    for (unsigned round = 0; round < attacked_times(ROUNDS); round++) {
        struct played_guest guest;
        struct raw_channel channel;
        played_guest_start(&guest, GUEST_SOCKET, NULL);
        played_guest_ready(&guest, 0, &channel);
        for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++)
            fill_and_block(guest.interrupt[i]);
        (void)shutdown(guest.socket, SHUT_RDWR);
        attacked_wait_for_channels(2);
        honest_go_on(&honest);
        raw_channel_close(&channel);
        played_guest_end(&guest);
    }
    honest_stop(&honest);
}

static void eventfds_that_are_closed_are_missed_by_nobody(void **state)
{
    (void)state;
    struct honest honest;
    struct played_guest guest;
    struct raw_channel channel;
    struct clo_completion completion;
    honest_start(&honest);
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    played_guest_ready(&guest, 0, &channel);
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++) {
        (void)close(guest.interrupt[i]);
        (void)close(guest.doorbell[i]);
        guest.interrupt[i] = guest.doorbell[i] = -1;
    }
    struct clo_submission echo = raw_echo(&channel, 0, 64);
    for (unsigned i = 0; i < 10; i++) {
        __atomic_store_n(&channel.header->client_parked, 1, __ATOMIC_SEQ_CST);
        raw_submit(&channel, &echo);
        honest_go_on(&honest);
        assert_true(raw_wait(&channel, &completion));
    }
    raw_channel_close(&channel);
    played_guest_end(&guest);
    honest_stop(&honest);
}

static void eventfds_rung_without_end_leave_everyone_served(void **state)
{
    (void)state;
    struct honest honest;
    struct played_guest guest;
    honest_start(&honest);
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    unsigned rings = attacked_times(RINGS);
    for (unsigned i = 0; i < rings; i++) {
        uint64_t count = 1;
        (void)!write(guest.doorbell[i % CLO_GUEST_VECTORS], &count, sizeof count);
        if (i % 3 == 0)
            (void)!read(guest.doorbell[i / 3 % CLO_GUEST_VECTORS], &count, sizeof count);
        if (i % (rings / 10) == 0)
            honest_go_on(&honest);
    }
    played_guest_end(&guest);
    honest_stop(&honest);
}

/* G1 */

static void channels_never_leave_the_guests_memory(void **state)
{
    (void)state;
    struct honest honest;
    struct played_guest guest;
    struct raw_channel channel[CLO_GUEST_LANES];
    bool open[CLO_GUEST_LANES] = {false};
    static const uint32_t arenas[] = {UINT32_MAX, 0x80000000u, CLO_ARENA_MAX + 1, CLO_ARENA_MAX};
    unsigned busy = 0;
    honest_start(&honest);
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    /* 16 MiB and its rings do not fit into 12. */
    for (unsigned i = 0; i < ARRAY_SIZE(arenas); i++)
        assert_int_equal(played_guest_open(&guest, 0, "witness", arenas[i], &channel[0]),
                         CLOISTER_TOO_BIG);
    for (unsigned lane = 0; lane < 24; lane++) {
        int status = played_guest_open(&guest, lane, "witness", 1 << 20, &channel[lane]);
        open[lane] = status == CLOISTER_OK; /* its place is checked there */
        busy += status == CLOISTER_BUSY;
    }
    assert_true(busy > 0);
    honest_go_on(&honest);
    for (unsigned lane = 0; lane < CLO_GUEST_LANES; lane++)
        if (open[lane])
            raw_channel_close(&channel[lane]);
    played_guest_end(&guest);
    honest_stop(&honest);
}

/* As many lanes as a guest has, each with the smallest channel there is. */
static void guest_that_takes_all_it_can_leaves_others_a_channel(void **state)
{
    (void)state;
    struct played_guest greedy;
    struct played_guest modest;
    struct raw_channel channel[CLO_GUEST_LANES];
    struct raw_channel other;
    unsigned taken = 0;
    played_guest_start(&greedy, GUEST_SOCKET, NULL);
    played_guest_start(&modest, GUEST_SOCKET, NULL);
    while (taken < CLO_GUEST_LANES &&
           played_guest_open(&greedy, taken, "witness", 1, &channel[taken]) == CLOISTER_OK)
        taken++;
    assert_true(taken > 0 && taken < CLO_GUEST_LANES);
    played_guest_ready(&modest, 0, &other);
    raw_channel_close(&other);
    for (unsigned lane = 0; lane < taken; lane++)
        raw_channel_close(&channel[lane]);
    played_guest_end(&modest);
    played_guest_end(&greedy);
}

static void rings_that_point_outside_break_their_channel_alone(void **state)
{
    (void)state;
    struct honest honest;
    struct played_guest guest;
    static const uint64_t offsets[] = {UINT64_MAX - 63,        1ull << 63,       1ull << 32,
                                       CLO_GUEST_SIZE_DEFAULT, 2 * WITNESS_MOST, UINT32_MAX - 63u};
    honest_start(&honest);
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++) {
        struct raw_channel channel;
        played_guest_ready(&guest, 0, &channel);
        struct clo_submission echo = raw_echo(&channel, 0, 64);
        echo.parameter[0].a = offsets[i];
        raw_submit(&channel, &echo);
        assert_int_equal(raw_wait_broken(&channel), CLO_BROKEN_PARAMETER);
        raw_channel_close(&channel);
        assert_int_equal(played_guest_ask(&guest, 0, CLO_CONTROL_CLOSE, NULL, 0, NULL, 0),
                         CLOISTER_OK);
        honest_go_on(&honest);
    }
    played_guest_end(&guest);
    honest_stop(&honest);
}

static void vmm_that_takes_its_memory_away_harms_itself_alone(void **state)
{
    (void)state;
    struct honest honest;
    struct played_guest guest;
    struct raw_channel channel;
    honest_start(&honest);
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    played_guest_ready(&guest, 0, &channel);
    assert_int_equal(ftruncate(guest.memfd, 0), -1);
    assert_int_equal(ftruncate(guest.memfd, 1 << 30), -1);
    for (unsigned i = 0; i < attacked_times(ROUNDS); i++) {
        assert_int_equal(fallocate(guest.memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                                   (off_t)guest.size),
                         0);
        played_guest_ring(&guest);
        raw_ring(&channel);
        honest_go_on(&honest);
    }
    raw_channel_close(&channel);
    played_guest_end(&guest);
    honest_stop(&honest);
}

/* G3 */

static uint64_t number_as_told(struct raw_channel *channel)
{
    struct clo_completion completion;
    struct clo_submission call = raw_plain(WITNESS_CALLER, 0);
    call.kinds = CLO_PARAM_OUT | CLO_PARAM_OUT << 4;
    raw_submit(channel, &call);
    assert_true(raw_wait(channel, &completion));
    assert_int_equal(completion.status, CLOISTER_OK);
    assert_int_equal(completion.parameter[0].a, CLO_CALLER_GUEST);
    assert_int_equal((uint32_t)completion.parameter[1].b, getpid());
    return completion.parameter[0].b;
}

static void guest_that_forges_its_number_is_told_by_its_own(void **state)
{
    (void)state;
    struct honest honest;
    struct played_guest guest;
    struct raw_channel channel;
    honest_start(&honest);
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    uint32_t number = guest.header->number;
    uint32_t other = honest.guest.header->number;
    memset(guest.header, 0xff, sizeof *guest.header);
    guest.header->number = other;
    guest.header->generation = honest.guest.header->generation;
    guest.header->size = 1;
    played_guest_ready(&guest, 0, &channel);
    assert_int_equal(number_as_told(&channel), number);
    assert_int_equal(number_as_told(&honest.channel), other);
    raw_channel_close(&channel);
    played_guest_end(&guest);
    honest_stop(&honest);
}

/* G4 */

/* Asks in all lanes, again as soon as there is an answer, and rings all the time. */
struct flood {
    pthread_t thread;
    struct played_guest guest;
    atomic_bool stop;
    uint64_t answers, limited;
};

static void ask_once(struct flood *flood, unsigned lane)
{
    struct clo_lane *at = &flood->guest.lanes[lane];
    struct clo_control_header *message = (void *)at->message;
    if (!played_guest_answered(&flood->guest, lane))
        return;
    flood->answers++;
    flood->limited += message->status == CLOISTER_LIMIT;
    /* Reports take the world longest; the others are many. */
    struct clo_report_query query = {.module = "witness", .nonce_size = CLO_NONCE_MIN};
    uint32_t size = lane % 16 ? 0 : sizeof query;
    *message = (struct clo_control_header){.magic = CLO_CONTROL_MAGIC,
                                           .abi_major = CLO_ABI_MAJOR,
                                           .type = size ? CLO_CONTROL_REPORT : CLO_CONTROL_WORLD,
                                           .size = size};
    memcpy(at->message + sizeof *message, &query, size);
    at->request_size = (uint32_t)sizeof *message + size;
    __atomic_store_n(&at->request, at->request + 1, __ATOMIC_RELEASE);
}

static void *ask_without_end(void *argument)
{
    struct flood *flood = argument;
    while (!atomic_load(&flood->stop)) {
        for (unsigned lane = 0; lane < CLO_GUEST_LANES; lane++)
            ask_once(flood, lane);
        played_guest_ring(&flood->guest);
    }
    return NULL;
}

static void flood_of_requests_leaves_others_served(void **state)
{
    (void)state;
    struct honest honest;
    struct flood flood = {0};
    honest_start(&honest);
    played_guest_start(&flood.guest, GUEST_SOCKET, NULL);
    assert_int_equal(pthread_create(&flood.thread, NULL, ask_without_end, &flood), 0);
    for (unsigned i = 0; i < ROUNDS; i++)
        honest_go_on(&honest);
    atomic_store(&flood.stop, true);
    (void)pthread_join(flood.thread, NULL);
    print_message("%llu answers to the flood, %llu of them LIMIT\n",
                  (unsigned long long)flood.answers, (unsigned long long)flood.limited);
    assert_true(flood.answers > 0);
    played_guest_end(&flood.guest);
    honest_stop(&honest);
}

/* N2 */

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
    return *seed >> 24;
}

static void fill_with_nonsense(struct clo_lane *lane, uint64_t *seed)
{
    for (unsigned i = 0; i < 256; i++)
        lane->message[i] = (uint8_t)next_random(seed);
    uint32_t magic = CLO_CONTROL_MAGIC;
    if (next_random(seed) % 2)
        memcpy(lane->message, &magic, sizeof magic);
    lane->request_size =
        (uint32_t)(next_random(seed) % 4 ? next_random(seed) % 200 : next_random(seed));
    lane->reply = (uint32_t)next_random(seed);
    lane->reply_size = (uint32_t)next_random(seed);
}

static void nonsense_in_lanes_is_refused(void **state)
{
    (void)state;
    struct honest honest;
    struct played_guest guest;
    uint64_t seed = 4;
    honest_start(&honest);
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    for (unsigned i = 0; i < attacked_times(2000) + 100; i++) {
        unsigned lane = (unsigned)(next_random(&seed) % CLO_GUEST_LANES);
        struct clo_lane *at = &guest.lanes[lane];
        fill_with_nonsense(at, &seed);
        at->reply = at->request;
        __atomic_store_n(&at->request, at->request + 1 + (uint32_t)next_random(&seed) % 1000,
                         __ATOMIC_RELEASE);
        played_guest_ring(&guest);
        assert_int_not_equal(played_guest_receive(&guest, lane, NULL, 0, NULL), CLOISTER_OK);
        if (i % 50 == 0)
            honest_go_on(&honest);
    }
    played_guest_end(&guest);
    honest_stop(&honest);
}

/* Requests of every size around the ones that there are. */
static void requests_of_every_size_are_answered(void **state)
{
    (void)state;
    struct honest honest;
    struct played_guest guest;
    static const uint32_t sizes[] = {0,   1,   15,    16,    17,         56,         120,
                                     121, 128, 65407, 65408, 0x7fffffff, 0x80000000, UINT32_MAX};
    honest_start(&honest);
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct clo_lane *at = &guest.lanes[0];
        struct clo_control_header header = {
            .magic = CLO_CONTROL_MAGIC, .abi_major = CLO_ABI_MAJOR, .type = CLO_CONTROL_WORLD};
        memcpy(at->message, &header, sizeof header);
        at->request_size = sizes[i];
        __atomic_store_n(&at->request, at->request + 1, __ATOMIC_RELEASE);
        played_guest_ring(&guest);
        assert_int_equal(played_guest_receive(&guest, 0, NULL, 0, NULL),
                         sizes[i] == sizeof header ? CLOISTER_OK : CLOISTER_PROTOCOL);
    }
    played_guest_end(&guest);
    honest_stop(&honest);
}

/* The handshake */

static void crowd_of_vmms_leaves_the_guests_that_are_there(void **state)
{
    (void)state;
    struct honest honest;
    static struct played_guest crowd[CROWD];
    static bool greeted[CROWD];
    unsigned count = 0;
    honest_start(&honest);
    unsigned before = attacked_descriptors();
    for (unsigned i = 0; i < CROWD; i++) {
        int socket = played_guest_connect(GUEST_SOCKET);
        assert_true(socket >= 0);
        greeted[i] = played_guest_greeted(&crowd[i], socket);
        count += greeted[i];
        if (!greeted[i])
            (void)close(socket);
    }
    assert_int_equal(count, CLO_GUESTS_MAX - 1);
    honest_go_on(&honest);
    for (unsigned i = 0; i < CROWD; i++)
        if (greeted[i])
            played_guest_end(&crowd[i]);
    for (unsigned i = 0; i < 1000 && attacked_descriptors() > before; i++)
        (void)usleep(10000);
    assert_int_equal(attacked_descriptors(), before);
    honest_stop(&honest);
}

static void vmms_that_come_and_go_fast_leave_nothing(void **state)
{
    (void)state;
    struct honest honest;
    honest_start(&honest);
    unsigned before = attacked_descriptors();
    for (unsigned i = 0; i < attacked_times(2000) + 100; i++) {
        int socket = played_guest_connect(GUEST_SOCKET);
        if (socket >= 0)
            (void)close(socket); /* unread */
        if (i % 50 == 0)
            honest_go_on(&honest);
    }
    for (unsigned i = 0; i < 1000 && attacked_descriptors() > before; i++)
        (void)usleep(10000);
    assert_int_equal(attacked_descriptors(), before);
    honest_stop(&honest);
}

static void say(const struct played_guest *guest, const void *bytes, size_t size)
{
    assert_int_equal(send(guest->socket, bytes, size, MSG_NOSIGNAL), size);
}

static void vmm_that_says_something_else_is_turned_out(void **state)
{
    (void)state;
    struct honest honest;
    uint8_t text[1000];
    struct clo_guest_measured measured = {.magic = CLO_GUEST_MEASURED_MAGIC};
    honest_start(&honest);
    memset(text, 0x5a, sizeof text);
    for (size_t size = sizeof measured - 1; size <= sizeof text; size += 212) {
        struct played_guest guest;
        struct raw_channel channel;
        played_guest_start(&guest, GUEST_SOCKET, NULL);
        played_guest_ready(&guest, 0, &channel);
        say(&guest, text, size);
        assert_turned_out(&guest);
        raw_channel_close(&channel);
        played_guest_end(&guest);
        honest_go_on(&honest);
    }
    struct played_guest guest;
    played_guest_start(&guest, GUEST_SOCKET, &measured);
    say(&guest, &measured, sizeof measured);
    assert_turned_out(&guest);
    played_guest_end(&guest);
    honest_stop(&honest);
}

static void statement_after_the_first_request_turns_the_guest_out(void **state)
{
    (void)state;
    struct honest honest;
    struct played_guest guest;
    struct clo_world_info info;
    struct clo_guest_measured measured = {.magic = CLO_GUEST_MEASURED_MAGIC};
    honest_start(&honest);
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    assert_int_equal(played_guest_ask(&guest, 0, CLO_CONTROL_WORLD, NULL, 0, &info, sizeof info),
                     CLOISTER_OK);
    say(&guest, &measured, sizeof measured);
    assert_turned_out(&guest);
    played_guest_end(&guest);
    honest_stop(&honest);
}

/* It may still say the rest, but no longer once the guest runs. */
static void statement_that_is_cut_short_counts_for_nothing(void **state)
{
    (void)state;
    struct honest honest;
    struct played_guest guest;
    struct clo_world_info info;
    struct clo_guest_measured measured = {.magic = CLO_GUEST_MEASURED_MAGIC};
    honest_start(&honest);
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    say(&guest, &measured, 100);
    assert_int_equal(played_guest_ask(&guest, 0, CLO_CONTROL_WORLD, NULL, 0, &info, sizeof info),
                     CLOISTER_OK);
    say(&guest, (uint8_t *)&measured + 100, sizeof measured - 100);
    assert_turned_out(&guest);
    played_guest_end(&guest);
    honest_stop(&honest);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_and_blocking_eventfds_block_nobody),
        cmocka_unit_test(vmm_that_goes_with_full_eventfds_holds_up_nobody),
        cmocka_unit_test(eventfds_that_are_closed_are_missed_by_nobody),
        cmocka_unit_test(eventfds_rung_without_end_leave_everyone_served),
        cmocka_unit_test(channels_never_leave_the_guests_memory),
        cmocka_unit_test(guest_that_takes_all_it_can_leaves_others_a_channel),
        cmocka_unit_test(rings_that_point_outside_break_their_channel_alone),
        cmocka_unit_test(vmm_that_takes_its_memory_away_harms_itself_alone),
        cmocka_unit_test(guest_that_forges_its_number_is_told_by_its_own),
        cmocka_unit_test(flood_of_requests_leaves_others_served),
        cmocka_unit_test(nonsense_in_lanes_is_refused),
        cmocka_unit_test(requests_of_every_size_are_answered),
        cmocka_unit_test(crowd_of_vmms_leaves_the_guests_that_are_there),
        cmocka_unit_test(vmms_that_come_and_go_fast_leave_nothing),
        cmocka_unit_test(vmm_that_says_something_else_is_turned_out),
        cmocka_unit_test(statement_after_the_first_request_turns_the_guest_out),
        cmocka_unit_test(statement_that_is_cut_short_counts_for_nothing),
    };
    return cmocka_run_group_tests(tests, start, attacked_stop);
}

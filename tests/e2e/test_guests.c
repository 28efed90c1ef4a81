/*
 * Guests of a world, played by this test: lanes, channels in guest memory, interrupts, what reports
 * say of them, and the end of either side.
 */
#include "tests/e2e/command.h"
#include "tests/e2e/played_guest.h"
#include "tests/e2e/started_world.h"

#include "base/bytes.h"
#include "base/scope.h"
#include "cloister/client.h"
#include "cloister/verify.h"
#include "tests/modules/witness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define GUEST_SOCKET "/tmp/test_guests.sock"
#define PATIENCE_MS 20000
#define POLL_US 2000
#define POLLS (PATIENCE_MS * 1000u / POLL_US)

static const char *const options[] = {
    "--debug",   "--module", "@tests/modules/witness.mod", "--guest-socket", GUEST_SOCKET,
    "--verbose", NULL};

static struct started_world world;

static int start(void **state)
{
    (void)state;
    if (!started_world_impossible())
        started_world_start(&world, options);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    if (!world.folder[0])
        return 0;
    started_world_stop(&world);
    assert_int_not_equal(access(GUEST_SOCKET, F_OK), 0);
    return 0;
}

/* Asks the witness by the world socket. */
static uint64_t sessions_closed(void)
{
    cloister_world *connection;
    cloister_session *session;
    cloister_parameter p[4] = {cloister_value_out(), cloister_value_out(), cloister_value_out(),
                               cloister_value_out()};
    assert_int_equal(cloister_world_open(world.socket, &connection), CLOISTER_OK);
    assert_int_equal(cloister_session_open(connection, "witness", 0, &session), CLOISTER_OK);
    assert_int_equal(cloister_call(session, "facts", p, 0).status, CLOISTER_OK);
    cloister_session_close(session);
    cloister_world_close(connection);
    return p[0].b;
}

static struct clo_module_info witness_info(const struct played_guest *guest)
{
    struct clo_module_query query = {.name = "witness"};
    struct clo_module_info info;
    assert_int_equal(
        played_guest_ask(guest, 63, CLO_CONTROL_MODULE, &query, sizeof query, &info, sizeof info),
        CLOISTER_OK);
    return info;
}

static void guest_is_given_its_memory(void **state)
{
    (void)state;
    struct played_guest guest;
    started_world_or_skip();
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    assert_int_equal(guest.size, CLO_GUEST_SIZE_DEFAULT);
    assert_int_equal(guest.header->magic, CLO_GUEST_MAGIC);
    assert_int_equal(guest.header->size, guest.size);
    assert_int_equal(guest.header->state, CLO_GUEST_LIVE);
    assert_int_not_equal(guest.header->number, 0);
    played_guest_end(&guest);
}

static void lane_answers_what_the_world_socket_answers(void **state)
{
    (void)state;
    struct played_guest guest;
    struct clo_world_info info;
    started_world_or_skip();
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    assert_int_equal(played_guest_ask(&guest, 0, CLO_CONTROL_WORLD, NULL, 0, &info, sizeof info),
                     CLOISTER_OK);
    assert_int_equal(info.pid, world.host);
    assert_string_equal((const char *)witness_info(&guest).name, "witness");
    assert_int_equal(played_guest_ask(&guest, 0, 99, NULL, 0, NULL, 0), CLOISTER_UNSUPPORTED);
    assert_int_equal(played_guest_ask(&guest, 0, CLO_CONTROL_STOP, NULL, 0, NULL, 0),
                     CLOISTER_DENIED);
    played_guest_end(&guest);
}

/* The module's side wipes the input. */
static void assert_echo(struct raw_channel *channel, uint8_t fill)
{
    struct clo_submission echo = raw_echo(channel, 0, 1000);
    struct clo_completion completion;
    uint8_t expected[1000];
    memset(expected, fill, sizeof expected);
    memset(channel->arena, fill, sizeof expected);
    raw_submit(channel, &echo);
    assert_true(raw_wait(channel, &completion));
    assert_int_equal(completion.status, CLOISTER_OK);
    assert_int_equal(completion.parameter[1].b, sizeof expected);
    assert_memory_equal(channel->arena + channel->arena_size / 2, expected, sizeof expected);
}

static void guest_calls_a_module(void **state)
{
    (void)state;
    struct played_guest guest;
    struct raw_channel channel;
    started_world_or_skip();
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    played_guest_ready(&guest, 0, &channel);
    for (unsigned i = 0; i < 100; i++)
        assert_echo(&channel, (uint8_t)i);
    raw_channel_close(&channel);
    played_guest_end(&guest);
}

static void lanes_have_channels_of_their_own(void **state)
{
    (void)state;
    struct played_guest guest;
    struct raw_channel channel[9]; /* two of them share a vector */
    started_world_or_skip();
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    for (unsigned i = 0; i < 9; i++)
        played_guest_ready(&guest, i, &channel[i]);
    for (unsigned round = 0; round < 5; round++)
        for (unsigned i = 0; i < 9; i++)
            assert_echo(&channel[i], (uint8_t)(i + round));
    for (unsigned i = 0; i < 9; i++)
        raw_channel_close(&channel[i]);
    played_guest_end(&guest);
}

/* Since when this process runs, as far as the world host can know: 0 on older kernels. */
static uint64_t own_start(void)
{
    cloister_world *connection;
    cloister_session *session;
    cloister_parameter p[4] = {cloister_value_out(), cloister_value_out()};
    assert_int_equal(cloister_world_open(world.socket, &connection), CLOISTER_OK);
    assert_int_equal(cloister_session_open(connection, "witness", 0, &session), CLOISTER_OK);
    assert_int_equal(cloister_call(session, "caller", p, 0).status, CLOISTER_OK);
    assert_int_equal(p[0].a, CLO_CALLER_PROCESS);
    cloister_session_close(session);
    cloister_world_close(connection);
    return p[1].a;
}

static void module_is_told_the_guest_and_its_vmm(void **state)
{
    (void)state;
    struct played_guest guest;
    struct raw_channel channel;
    struct clo_completion completion;
    started_world_or_skip();
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    played_guest_ready(&guest, 0, &channel);
    struct clo_submission call = raw_plain(WITNESS_CALLER, 0);
    call.kinds = CLO_PARAM_OUT | CLO_PARAM_OUT << 4;
    raw_submit(&channel, &call);
    assert_true(raw_wait(&channel, &completion));
    assert_int_equal(completion.status, CLOISTER_OK);
    assert_int_equal(completion.parameter[0].a, CLO_CALLER_GUEST);
    assert_int_equal(completion.parameter[0].b, guest.header->number);
    assert_int_equal(completion.parameter[1].a, own_start());
    assert_int_equal(completion.parameter[1].b, (uint64_t)getuid() << 32 | (uint32_t)getpid());
    raw_channel_close(&channel);
    played_guest_end(&guest);
}

/* The report as JSON. */
static char *report_of(const struct played_guest *guest)
{
    static uint8_t report[CLO_GUEST_LANE_SIZE];
    struct clo_report_query query = {.module = "witness", .nonce_size = CLO_NONCE_MIN};
    size_t size = 0;
    char *json = NULL;
    played_guest_send(guest, 0, CLO_CONTROL_REPORT, &query, sizeof query);
    assert_int_equal(played_guest_receive(guest, 0, report, sizeof report, &size), CLOISTER_OK);
    assert_int_equal(cloister_report_json(report, size, &json, NULL), CLOISTER_OK);
    return json;
}

static void assert_says(const char *json, const char *text, bool does)
{
    if ((strstr(json, text) != NULL) != does)
        fail_msg("the report says%s '%s': %s", does ? " not" : "", text, json);
}

static void report_names_the_guest_with_its_digests(void **state)
{
    (void)state;
    struct clo_guest_measured measured = {.magic = CLO_GUEST_MEASURED_MAGIC};
    struct played_guest guest;
    char id[32];
    started_world_or_skip();
    memset(measured.kernel, 1, sizeof measured.kernel);
    memset(measured.command_line, 2, sizeof measured.command_line);
    played_guest_start(&guest, GUEST_SOCKET, &measured);
    AUTO_FREE char *json = report_of(&guest);
    (void)snprintf(id, sizeof id, "\"id\": %u", guest.header->number);
    assert_says(json, "\"kind\": \"guest\"", true);
    assert_says(json, id, true);
    assert_says(json, "\"kernel\": \"AQEBAQ", true);
    assert_says(json, "\"command_line\": \"AgICAg", true);
    assert_says(json, "\"initrd\"", false);
    played_guest_end(&guest);
}

static void report_of_a_guest_that_nobody_measured_has_no_digests(void **state)
{
    (void)state;
    struct played_guest guest;
    started_world_or_skip();
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    AUTO_FREE char *json = report_of(&guest);
    assert_says(json, "\"kind\": \"guest\"", true);
    assert_says(json, "\"command_line\"", false);
    played_guest_end(&guest);
}

/* What `cloister world show` says; the caller releases it. */
static json_t *shown_world(void)
{
    static struct command ran;
    RUN(&ran, "world", "show", world.socket, "--json");
    assert_int_equal(ran.status, 0);
    json_t *shown = json_loads(ran.out, 0, NULL);
    assert_non_null(shown);
    return shown;
}

/* The guest of that number in it, NULL: it is not there. */
static const json_t *shown_guest(const json_t *shown, uint32_t number)
{
    const json_t *list = json_object_get(shown, "guests");
    assert_true(json_is_array(list));
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_integer_value(json_object_get(json_array_get(list, i), "number")) == number)
            return json_array_get(list, i);
    return NULL;
}

static void assert_number(const json_t *of, const char *name, json_int_t value)
{
    assert_true(json_is_integer(json_object_get(of, name)));
    assert_int_equal(json_integer_value(json_object_get(of, name)), value);
}

static void operator_is_shown_each_guest(void **state)
{
    (void)state;
    struct clo_guest_measured measured = {.magic = CLO_GUEST_MEASURED_MAGIC};
    struct played_guest one;
    struct played_guest two;
    struct raw_channel channel[2];
    started_world_or_skip();
    memset(measured.kernel, 0xa5, sizeof measured.kernel);
    played_guest_start(&one, GUEST_SOCKET, &measured);
    played_guest_start(&two, GUEST_SOCKET, NULL);
    for (unsigned i = 0; i < 2; i++)
        played_guest_ready(&one, i, &channel[i]);
    json_t *shown = shown_world();
    const json_t *first = shown_guest(shown, one.header->number);
    const json_t *second = shown_guest(shown, two.header->number);
    assert_string_equal(json_string_value(json_object_get(shown, "guest_socket")), GUEST_SOCKET);
    assert_number(first, "pid", getpid());
    assert_number(first, "uid", getuid());
    assert_number(first, "memory", CLO_GUEST_SIZE_DEFAULT);
    assert_number(first, "channels", 2);
    assert_number(first, "requests", 2);
    assert_true(json_integer_value(json_object_get(first, "connected_at")) >=
                json_integer_value(json_object_get(shown, "started_at")));
    assert_memory_equal(json_string_value(json_object_get(first, "kernel")), "a5a5", 4);
    assert_number(second, "channels", 0);
    assert_number(second, "requests", 0);
    assert_true(json_is_false(json_object_get(second, "measured")));
    assert_true(json_is_null(json_object_get(second, "kernel")));
    json_decref(shown);
    for (unsigned i = 0; i < 2; i++)
        raw_channel_close(&channel[i]);
    played_guest_end(&one);
    played_guest_end(&two);
}

static void operator_reads_of_guests_as_text(void **state)
{
    (void)state;
    static struct command ran;
    struct played_guest guest;
    char line[80];
    started_world_or_skip();
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    (void)witness_info(&guest);
    RUN(&ran, "world", "show", world.socket);
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.out, " at " GUEST_SOCKET "\n"));
    (void)snprintf(line, sizeof line, "guest        %u, VMM pid %d of user %u\n",
                   guest.header->number, (int)getpid(), getuid());
    assert_non_null(strstr(ran.out, line));
    assert_non_null(strstr(ran.out, "  memory     16 MiB, channels 0, requests 1\n"));
    played_guest_end(&guest);
}

static void guest_that_went_is_shown_no_longer(void **state)
{
    (void)state;
    struct played_guest guest;
    started_world_or_skip();
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    uint32_t number = guest.header->number;
    (void)witness_info(&guest);
    played_guest_end(&guest);
    json_t *shown = shown_world();
    for (unsigned i = 0; i < POLLS && shown_guest(shown, number); i++) {
        json_decref(shown);
        (void)usleep(POLL_US);
        shown = shown_world();
    }
    assert_null(shown_guest(shown, number));
    json_decref(shown);
}

static void top_counts_guests(void **state)
{
    (void)state;
    static struct command ran;
    struct played_guest guest;
    started_world_or_skip();
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    (void)witness_info(&guest);
    RUN(&ran, "top", "--once", "--json", "-d", "0.1", world.socket);
    assert_int_equal(ran.status, 0);
    json_t *top = json_loads(ran.out, 0, NULL);
    const json_t *row = json_array_get(json_object_get(top, "worlds"), 0);
    assert_true(json_integer_value(json_object_get(row, "guests")) >= 1);
    json_decref(top);
    played_guest_end(&guest);
}

/* Nor of itself: it has no more rights than any other. */
static void guest_is_told_of_no_guest(void **state)
{
    (void)state;
    static struct clo_guests_info info;
    struct played_guest one;
    struct played_guest two;
    size_t size = 1;
    started_world_or_skip();
    played_guest_start(&one, GUEST_SOCKET, NULL);
    played_guest_start(&two, GUEST_SOCKET, NULL);
    (void)witness_info(&two);
    for (unsigned lane = 0; lane < CLO_GUEST_LANES; lane += 9) {
        played_guest_send(&one, lane, CLO_CONTROL_GUESTS, NULL, 0);
        assert_int_equal(played_guest_receive(&one, lane, &info, sizeof info, &size),
                         CLOISTER_DENIED);
        assert_int_equal(size, 0);
    }
    played_guest_end(&one);
    played_guest_end(&two);
}

static void guests_share_nothing(void **state)
{
    (void)state;
    struct played_guest one;
    struct played_guest two;
    struct stat first;
    struct stat second;
    char byte;
    started_world_or_skip();
    played_guest_start(&one, GUEST_SOCKET, NULL);
    played_guest_start(&two, GUEST_SOCKET, NULL);
    assert_int_equal(fstat(one.memfd, &first), 0);
    assert_int_equal(fstat(two.memfd, &second), 0);
    assert_int_not_equal(first.st_ino, second.st_ino);
    assert_int_not_equal(one.header->number, two.header->number);
    assert_int_not_equal(one.header->generation, two.header->generation);
    /* Neither is told of the other. */
    assert_int_equal(recv(one.socket, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(recv(two.socket, &byte, 1, MSG_DONTWAIT), -1);
    played_guest_end(&one);
    played_guest_end(&two);
}

static void guest_cannot_ring_for_another(void **state)
{
    (void)state;
    struct played_guest one;
    struct played_guest two;
    struct clo_world_info info;
    uint64_t count = 1;
    started_world_or_skip();
    played_guest_start(&one, GUEST_SOCKET, NULL);
    played_guest_start(&two, GUEST_SOCKET, NULL);
    assert_int_equal(played_guest_ask(&one, 3, CLO_CONTROL_WORLD, NULL, 0, &info, sizeof info),
                     CLOISTER_OK);
    __atomic_store_n(&one.lanes[3].request, one.lanes[3].request + 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++)
        assert_int_equal(write(two.doorbell[i], &count, sizeof count), sizeof count);
    (void)witness_info(&two);
    (void)usleep(100000);
    assert_false(played_guest_answered(&one, 3));
    played_guest_ring(&one);
    (void)played_guest_receive(&one, 3, NULL, 0, NULL);
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++)
        assert_int_equal(read(two.interrupt[i], &count, sizeof count), -1);
    played_guest_end(&one);
    played_guest_end(&two);
}

static void closed_lane_is_used_again_and_finds_nothing(void **state)
{
    (void)state;
    struct played_guest guest;
    struct raw_channel channel;
    struct raw_channel again;
    started_world_or_skip();
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    for (unsigned i = 0; i < 5; i++) {
        played_guest_ready(&guest, i % 2, &channel);
        assert_echo(&channel, 0xaa);
        memset(channel.arena, 0xbb, channel.arena_size);
        assert_int_equal(played_guest_ask(&guest, i % 2, CLO_CONTROL_CLOSE, NULL, 0, NULL, 0),
                         CLOISTER_OK);
        assert_true(bytes_are_zero(channel.arena, channel.arena_size));
        memset(channel.arena, 0xcc, channel.arena_size);
        played_guest_ready(&guest, 7, &again);
        assert_true(bytes_are_zero(again.arena, again.arena_size));
        assert_echo(&again, 0xdd);
        assert_int_equal(played_guest_ask(&guest, 7, CLO_CONTROL_CLOSE, NULL, 0, NULL, 0),
                         CLOISTER_OK);
        raw_channel_close(&channel);
        raw_channel_close(&again);
    }
    assert_int_equal(played_guest_ask(&guest, 7, CLO_CONTROL_CLOSE, NULL, 0, NULL, 0),
                     CLOISTER_OK); /* there is none */
    played_guest_end(&guest);
}

static void lane_has_one_channel(void **state)
{
    (void)state;
    struct played_guest guest;
    struct raw_channel channel;
    struct raw_channel second;
    started_world_or_skip();
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    played_guest_ready(&guest, 0, &channel);
    assert_int_equal(played_guest_open(&guest, 0, "witness", 0, &second), CLOISTER_BAD_STATE);
    assert_echo(&channel, 5);
    raw_channel_close(&channel);
    played_guest_end(&guest);
}

static void vmm_that_goes_ends_its_sessions_and_channels(void **state)
{
    (void)state;
    struct played_guest guest;
    struct played_guest observer;
    struct raw_channel channel[3];
    started_world_or_skip();
    played_guest_start(&observer, GUEST_SOCKET, NULL);
    uint64_t closed = sessions_closed();
    pid_t vmm = fork();
    if (vmm == 0) {
        played_guest_start(&guest, GUEST_SOCKET, NULL);
        for (unsigned i = 0; i < 3; i++)
            played_guest_ready(&guest, i, &channel[i]);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(vmm, &status, 0), vmm);
    assert_int_equal(status, 0);
    for (unsigned i = 0; i < POLLS && witness_info(&observer).channels > 0; i++)
        (void)usleep(10 * POLL_US);
    assert_int_equal(witness_info(&observer).channels, 0);
    assert_true(sessions_closed() >= closed + 4); /* three, and the one that asked before */
    played_guest_end(&observer);
}

/* Parks as a guest does: says so, looks once more, sleeps on the interrupt. */
static void guest_that_sleeps_is_interrupted(void **state)
{
    (void)state;
    struct played_guest guest;
    struct raw_channel channel;
    struct clo_completion completion;
    started_world_or_skip();
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    played_guest_ready(&guest, 2, &channel);
    struct pollfd interrupt = {.fd = guest.interrupt[3], .events = POLLIN};
    for (unsigned i = 1; i <= 5; i++) {
        uint64_t count = 0;
        uint32_t interrupts = guest.header->interrupts;
        uint32_t wake = channel.header->client_wake;
        struct clo_submission slow = raw_slow(0, 50000);
        __atomic_store_n(&channel.header->client_parked, 1, __ATOMIC_SEQ_CST);
        raw_submit(&channel, &slow);
        assert_int_equal(poll(&interrupt, 1, PATIENCE_MS), 1);
        assert_int_equal(read(interrupt.fd, &count, sizeof count), sizeof count);
        assert_int_equal(count, 1);
        assert_int_equal(guest.header->interrupts, interrupts + 1);
        assert_int_equal(channel.header->client_wake, wake + 1);
        assert_int_equal(channel.header->client_parked, 0);
        assert_true(raw_wait(&channel, &completion));
        assert_int_equal(completion.status, CLOISTER_OK);
    }
    raw_channel_close(&channel);
    played_guest_end(&guest);
}

static void expect_beats(const struct played_guest *guest)
{
    for (unsigned i = 0; i < 5; i++) {
        uint32_t beat = __atomic_load_n(&guest->header->beat, __ATOMIC_ACQUIRE);
        unsigned waited = 0;
        while (__atomic_load_n(&guest->header->beat, __ATOMIC_ACQUIRE) == beat && waited < POLLS) {
            (void)usleep(POLL_US);
            waited++;
        }
        assert_int_not_equal(waited, POLLS);
    }
}

static void heart_of_the_world_beats(void **state)
{
    (void)state;
    struct played_guest guest;
    started_world_or_skip();
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    expect_beats(&guest);
    played_guest_end(&guest);
}

/* The keeper's key may be in a slow TPM. */
static void heart_beats_while_the_keeper_keeps_the_world_host_waiting(void **state)
{
    (void)state;
    struct played_guest guest;
    struct clo_report_query query = {.module = "witness", .nonce_size = CLO_NONCE_MIN};
    started_world_or_skip();
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    assert_int_equal(kill(world.keeper, SIGSTOP), 0);
    played_guest_send(&guest, 0, CLO_CONTROL_REPORT, &query, sizeof query);
    expect_beats(&guest);
    expect_beats(&guest);
    assert_false(played_guest_answered(&guest, 0));
    assert_int_equal(kill(world.keeper, SIGCONT), 0);
    assert_int_equal(played_guest_receive(&guest, 0, NULL, 0, NULL), CLOISTER_OK);
    played_guest_end(&guest);
}

/* Ends the common world, so it comes late; starts it again. */
static void world_that_stops_says_so(void **state)
{
    (void)state;
    struct played_guest guest;
    struct played_guest later;
    struct raw_channel channel;
    started_world_or_skip();
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    played_guest_ready(&guest, 0, &channel);
    assert_int_equal(kill(world.keeper, SIGTERM), 0);
    assert_int_equal(started_world_wait(&world), 0);
    assert_int_equal(guest.header->state, CLO_GUEST_CLOSED);
    assert_int_equal(channel.header->state, CLO_CHANNEL_CLOSED);
    assert_int_not_equal(access(GUEST_SOCKET, F_OK), 0);
    assert_int_equal(started_world_try(&world, options), -1);
    played_guest_start(&later, GUEST_SOCKET, NULL);
    assert_int_not_equal(later.header->generation, guest.header->generation);
    raw_channel_close(&channel);
    played_guest_end(&guest);
    played_guest_end(&later);
}

static void world_that_is_killed_beats_no_more_and_another_takes_its_place(void **state)
{
    (void)state;
    struct played_guest guest;
    struct played_guest later;
    char byte;
    started_world_or_skip();
    played_guest_start(&guest, GUEST_SOCKET, NULL);
    assert_int_equal(kill(world.host, SIGKILL), 0);
    (void)started_world_wait(&world);
    assert_int_equal(recv(guest.socket, &byte, 1, 0), 0);
    uint32_t beat = guest.header->beat;
    (void)usleep(3000 * CLO_GUEST_BEAT_MS);
    assert_int_equal(guest.header->beat, beat);
    assert_int_equal(started_world_try(&world, options), -1);
    played_guest_start(&later, GUEST_SOCKET, NULL);
    (void)witness_info(&later);
    played_guest_end(&guest);
    played_guest_end(&later);
}

static void second_world_does_not_take_the_path(void **state)
{
    (void)state;
    struct started_world second;
    started_world_or_skip();
    started_world_prepare(&second);
    assert_int_equal(started_world_try(&second, options), 1);
    assert_non_null(strstr(started_world_log(&second), "somebody listens at " GUEST_SOCKET));
    started_world_remove(&second);
    assert_int_equal(access(GUEST_SOCKET, F_OK), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(guest_is_given_its_memory),
        cmocka_unit_test(lane_answers_what_the_world_socket_answers),
        cmocka_unit_test(guest_calls_a_module),
        cmocka_unit_test(lanes_have_channels_of_their_own),
        cmocka_unit_test(module_is_told_the_guest_and_its_vmm),
        cmocka_unit_test(report_names_the_guest_with_its_digests),
        cmocka_unit_test(report_of_a_guest_that_nobody_measured_has_no_digests),
        cmocka_unit_test(operator_is_shown_each_guest),
        cmocka_unit_test(operator_reads_of_guests_as_text),
        cmocka_unit_test(guest_that_went_is_shown_no_longer),
        cmocka_unit_test(top_counts_guests),
        cmocka_unit_test(guest_is_told_of_no_guest),
        cmocka_unit_test(guests_share_nothing),
        cmocka_unit_test(guest_cannot_ring_for_another),
        cmocka_unit_test(closed_lane_is_used_again_and_finds_nothing),
        cmocka_unit_test(lane_has_one_channel),
        cmocka_unit_test(vmm_that_goes_ends_its_sessions_and_channels),
        cmocka_unit_test(guest_that_sleeps_is_interrupted),
        cmocka_unit_test(heart_of_the_world_beats),
        cmocka_unit_test(heart_beats_while_the_keeper_keeps_the_world_host_waiting),
        cmocka_unit_test(second_world_does_not_take_the_path),
        cmocka_unit_test(world_that_stops_says_so),
        cmocka_unit_test(world_that_is_killed_beats_no_more_and_another_takes_its_place),
    };
    return cmocka_run_group_tests(tests, start, stop);
}

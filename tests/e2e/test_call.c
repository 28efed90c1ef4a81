/*
 * libcloister against a real world: calls of every size, deadlines, clients and worlds that go in
 * the middle of one, sealing.
 */
#include "cloister/client.h"
#include "tests/e2e/started_world.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ECHO_MOST 4096u
#define LONG_ROUNDS 50000u /* of SHA-256 over LONG_SIZE bytes: about a quarter of a second */
#define LONG_SIZE 8192u

static struct started_world world;
static cloister_world *connection;
static cloister_session *echo;

static const char *const options[] = {"--debug",
                                      "--module",
                                      "@modules/echo.mod",
                                      "--module",
                                      "@modules/vault.mod",
                                      "--module",
                                      "@modules/digest.mod",
                                      NULL};

static int start(void **state)
{
    (void)state;
    if (started_world_impossible())
        return 0;
    started_world_start(&world, options);
    assert_int_equal(cloister_world_open(world.socket, &connection), CLOISTER_OK);
    assert_int_equal(cloister_session_open(connection, "echo", 0, &echo), CLOISTER_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    if (started_world_impossible())
        return 0;
    cloister_session_close(echo);
    cloister_world_close(connection);
    started_world_stop(&world);
    return 0;
}

static void expect(cloister_result result, cloister_status status, int origin)
{
    assert_string_equal(cloister_status_name(result.status), cloister_status_name(status));
    assert_string_equal(cloister_origin_name(result.origin), cloister_origin_name(origin));
}

static void expect_echo(cloister_session *session, size_t size)
{
    uint8_t in[ECHO_MOST];
    uint8_t out[ECHO_MOST];
    for (size_t i = 0; i < size; i++)
        in[i] = (uint8_t)(i * 31 + size);
    cloister_parameter p[4] = {cloister_in(in, size), cloister_out(out, size)};
    cloister_result result = cloister_call(session, "echo", p, 0);
    assert_int_equal(result.status, CLOISTER_OK);
    assert_int_equal(p[1].size, size);
    assert_memory_equal(in, out, size);
}

static struct clo_module_info module_info(uint32_t index)
{
    struct clo_module_info info;
    assert_int_equal(cloister_world_module(connection, index, &info), CLOISTER_OK);
    return info;
}

/* Calls */

static void echo_of_every_size_comes_back(void **state)
{
    (void)state;
    started_world_or_skip();
    for (size_t size = 0; size <= 300; size++)
        expect_echo(echo, size);
    for (size_t size = 301; size < ECHO_MOST; size += 173)
        expect_echo(echo, size);
    expect_echo(echo, ECHO_MOST);
}

static void calls_are_counted(void **state)
{
    (void)state;
    started_world_or_skip();
    uint64_t before = module_info(0).calls;
    for (int i = 0; i < 100; i++)
        expect_echo(echo, 10);
    assert_true(module_info(0).calls >= before + 100);
}

static void parked_module_wakes_for_a_call(void **state)
{
    (void)state;
    started_world_or_skip();
    for (int i = 0; i < 20; i++) {
        (void)usleep(10000);
        expect_echo(echo, 20);
    }
}

static void client_that_never_spins_is_woken(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_session *session;
    assert_int_equal(cloister_session_open(connection, "echo", 0, &session), CLOISTER_OK);
    cloister_session_set_spin(session, 0);
    for (int i = 0; i < 200; i++)
        expect_echo(session, 20);
    cloister_session_close(session);
}

static void no_wake_up_is_lost_when_both_sides_sleep(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_session *session;
    assert_int_equal(cloister_session_open(connection, "echo", 0, &session), CLOISTER_OK);
    for (uint32_t i = 0; i < 3000; i++) {
        cloister_session_set_spin(session, i % 7);
        if (i % 16 == 0)
            (void)usleep(i % 400);
        expect_echo(session, i % 64);
    }
    cloister_session_close(session);
}

static void sessions_are_apart(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_session *session[10];
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(cloister_session_open(connection, "echo", 0, &session[i]), CLOISTER_OK);
    for (size_t round = 0; round < 50; round++)
        for (size_t i = 0; i < 10; i++)
            expect_echo(session[i], 10 * i + round);
    for (size_t i = 0; i < 10; i++)
        cloister_session_close(session[i]);
}

static void digest_is_the_right_one(void **state)
{
    (void)state;
    started_world_or_skip();
    static const uint8_t wanted[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                     0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                                     0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
                                     0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    uint8_t digest[32];
    cloister_session *session;
    cloister_parameter p[4] = {cloister_in("abc", 3), cloister_out(digest, sizeof digest)};
    assert_int_equal(cloister_session_open(connection, "digest", 0, &session), CLOISTER_OK);
    assert_int_equal(cloister_call(session, "sha256", p, 0).status, CLOISTER_OK);
    assert_int_equal(p[1].size, sizeof wanted);
    assert_memory_equal(digest, wanted, sizeof wanted);
    cloister_session_close(session);
}

/* What is refused */

static void unknown_module_gives_no_session(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_session *session;
    assert_int_equal(cloister_session_open(connection, "nobody", 0, &session), CLOISTER_NOT_FOUND);
}

static void too_little_room_is_refused_by_the_module(void **state)
{
    (void)state;
    started_world_or_skip();
    char out[4];
    cloister_parameter p[4] = {cloister_in("longer than that", 16), cloister_out(out, sizeof out)};
    expect(cloister_call(echo, "echo", p, 0), CLOISTER_TOO_BIG, CLOISTER_ORIGIN_MODULE);
    assert_int_equal(p[1].size, 0);
    expect_echo(echo, 16);
}

static void report_needs_a_nonce_of_the_right_size(void **state)
{
    (void)state;
    started_world_or_skip();
    uint8_t nonce[CLO_NONCE_MAX] = {0};
    uint8_t *report;
    size_t size;
    assert_int_equal(cloister_world_report(connection, "echo", nonce, 15, &report, &size),
                     CLOISTER_BAD_ARGUMENT);
    assert_int_equal(cloister_world_report(connection, "nobody", nonce, 16, &report, &size),
                     CLOISTER_NOT_FOUND);
    assert_int_equal(cloister_world_report(connection, "echo", nonce, 64, &report, &size),
                     CLOISTER_OK);
    assert_true(size > 500);
    free(report);
}

/* Long calls */

static cloister_result call_long(cloister_session *session, uint64_t deadline_us)
{
    static const uint8_t in[LONG_SIZE];
    cloister_parameter p[4] = {cloister_in(in, sizeof in), cloister_value(0, LONG_ROUNDS),
                               cloister_value_out()};
    return cloister_call(session, "rounds", p, deadline_us);
}

static void deadline_ends_the_call_and_not_the_module(void **state)
{
    (void)state;
    started_world_or_skip();
    uint8_t digest[32];
    cloister_session *session;
    cloister_parameter p[4] = {cloister_in("abc", 3), cloister_out(digest, sizeof digest)};
    assert_int_equal(cloister_session_open(connection, "digest", 1 << 18, &session), CLOISTER_OK);
    expect(call_long(session, 5000), CLOISTER_TIMEOUT, CLOISTER_ORIGIN_CLIENT);
    assert_int_equal(module_info(2).state, CLO_MODULE_SERVING);
    /* The same session, behind the call that goes on. */
    assert_int_equal(cloister_call(session, "sha256", p, 0).status, CLOISTER_OK);
    assert_int_equal(digest[0], 0xba);
    cloister_session_close(session);
}

static void wait_for_no_channels(uint32_t index)
{
    for (int i = 0; i < 1000 && module_info(index).channels > 0; i++)
        (void)usleep(10000);
    assert_int_equal(module_info(index).channels, 0);
}

static void client_killed_in_a_call_leaves_nothing(void **state)
{
    (void)state;
    started_world_or_skip();
    for (int i = 0; i < 5; i++) {
        pid_t client = fork();
        if (client == 0) {
            cloister_world *own;
            cloister_session *session;
            if (cloister_world_open(world.socket, &own) == CLOISTER_OK &&
                cloister_session_open(own, "digest", 0, &session) == CLOISTER_OK)
                (void)call_long(session, 0);
            _exit(0);
        }
        (void)usleep(20000);
        (void)kill(client, SIGKILL);
        (void)waitpid(client, NULL, 0);
    }
    wait_for_no_channels(2);
    assert_int_equal(module_info(2).state, CLO_MODULE_SERVING);
    expect_echo(echo, 100);
}

/* Sessions come and go */

static void closed_session_is_gone_when_close_returns(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_session *session;
    uint32_t before = module_info(0).channels;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(cloister_session_open(connection, "echo", 0, &session), CLOISTER_OK);
        assert_int_equal(module_info(0).channels, before + 1);
        cloister_session_close(session);
        assert_int_equal(module_info(0).channels, before);
    }
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    while (readdir(directory))
        count++;
    (void)closedir(directory);
    return count;
}

static void thousand_sessions_leak_nothing(void **state)
{
    (void)state;
    started_world_or_skip();
    unsigned before = open_descriptors();
    cloister_session *session;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(cloister_session_open(connection, "echo", 4096, &session), CLOISTER_OK);
        expect_echo(session, 30);
        cloister_session_close(session);
    }
    assert_int_equal(open_descriptors(), before);
}

static void session_outlives_its_world_handle(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_world *own;
    cloister_session *session;
    assert_int_equal(cloister_world_open(world.socket, &own), CLOISTER_OK);
    assert_int_equal(cloister_session_open(own, "echo", 0, &session), CLOISTER_OK);
    cloister_world_close(own);
    expect_echo(session, 100);
    cloister_session_close(session);
}

static void arenas_of_every_size_work(void **state)
{
    (void)state;
    started_world_or_skip();
    static const size_t sizes[] = {1, 4095, 4096, 65537, 1 << 20, CLO_ARENA_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        cloister_session *session;
        assert_int_equal(cloister_session_open(connection, "echo", sizes[i], &session),
                         CLOISTER_OK);
        expect_echo(session, 1024);
        cloister_session_close(session);
    }
}

/* The world goes */

static void stopped_world_ends_a_call(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_session *session;
    assert_int_equal(cloister_session_open(connection, "digest", 0, &session), CLOISTER_OK);
    pid_t stopper = fork();
    if (stopper == 0) {
        (void)usleep(50000);
        (void)kill(world.keeper, SIGTERM);
        _exit(0);
    }
    cloister_result result = call_long(session, 0);
    assert_true(result.status == CLOISTER_CLOSED || result.status == CLOISTER_DEAD);
    assert_int_equal(call_long(session, 0).status, result.status);
    cloister_session_close(session);
    (void)waitpid(stopper, NULL, 0);
    assert_int_equal(started_world_wait(&world), 0);
}

static void killed_world_ends_a_call(void **state)
{
    (void)state;
    started_world_or_skip();
    cloister_session *session;
    assert_int_equal(cloister_session_open(connection, "digest", 0, &session), CLOISTER_OK);
    pid_t killer = fork();
    if (killer == 0) {
        (void)usleep(50000);
        (void)kill(world.host, SIGKILL);
        _exit(0);
    }
    expect(call_long(session, 0), CLOISTER_DEAD, CLOISTER_ORIGIN_TRANSPORT);
    cloister_session_close(session);
    (void)waitpid(killer, NULL, 0);
    assert_int_not_equal(started_world_wait(&world), 0);
    /* Nobody was left to remove it. */
    assert_int_equal(unlink(world.socket), 0);
}

static void restarted_world_serves_new_sessions_and_not_old_ones(void **state)
{
    (void)state;
    started_world_or_skip();
    (void)kill(world.host, SIGKILL);
    assert_int_not_equal(started_world_wait(&world), 0);
    assert_int_equal(started_world_try(&world, options), -1);
    uint8_t byte = 1;
    cloister_parameter p[4] = {cloister_in(&byte, 1), cloister_out(&byte, 1)};
    expect(cloister_call(echo, "echo", p, 0), CLOISTER_DEAD, CLOISTER_ORIGIN_TRANSPORT);
    cloister_world *own;
    cloister_session *session;
    assert_int_equal(cloister_world_open(world.socket, &own), CLOISTER_OK);
    assert_int_equal(cloister_session_open(own, "echo", 0, &session), CLOISTER_OK);
    expect_echo(session, 100);
    cloister_session_close(session);
    cloister_world_close(own);
}

/* Sealing */

#define SECRET "sealed"

/* Waits while the quota of the manifest is used up: so many a second. */
static cloister_status get(cloister_session *vault, const uint8_t *blob, size_t size)
{
    uint8_t back[64];
    cloister_parameter p[4] = {cloister_in(blob, size), cloister_out(back, sizeof back)};
    cloister_result result = cloister_call(vault, "get", p, 0);
    for (; result.status == CLOISTER_LIMIT; result = cloister_call(vault, "get", p, 0))
        (void)usleep(100000);
    if (result.status == CLOISTER_OK)
        assert_memory_equal(back, SECRET, sizeof SECRET);
    else
        assert_int_equal(p[1].size, 0);
    return result.status;
}

static size_t put(cloister_session **vault, uint8_t *blob, size_t capacity)
{
    cloister_parameter p[4] = {cloister_in(SECRET, sizeof SECRET), cloister_out(blob, capacity)};
    assert_int_equal(cloister_session_open(connection, "vault", 0, vault), CLOISTER_OK);
    assert_int_equal(cloister_call(*vault, "put", p, 0).status, CLOISTER_OK);
    return p[1].size;
}

static void every_bit_of_a_sealed_blob_counts(void **state)
{
    (void)state;
    started_world_or_skip();
    uint8_t blob[1024];
    cloister_session *vault;
    size_t size = put(&vault, blob, sizeof blob);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        blob[bit / 8] = (uint8_t)(blob[bit / 8] ^ 1u << bit % 8);
        cloister_status status = get(vault, blob, size);
        assert_true(status == CLOISTER_REFUSED || status == CLOISTER_CORRUPT);
        blob[bit / 8] = (uint8_t)(blob[bit / 8] ^ 1u << bit % 8);
    }
    assert_int_equal(get(vault, blob, size), CLOISTER_OK);
    cloister_session_close(vault);
}

static void cut_blobs_are_refused(void **state)
{
    (void)state;
    started_world_or_skip();
    uint8_t blob[1024];
    cloister_session *vault;
    size_t size = put(&vault, blob, sizeof blob);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_not_equal(get(vault, blob, cut), CLOISTER_OK);
    cloister_session_close(vault);
}

/* Each with a world of its own: some of them end it. */
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(echo_of_every_size_comes_back),
        TEST(calls_are_counted),
        TEST(parked_module_wakes_for_a_call),
        TEST(client_that_never_spins_is_woken),
        TEST(no_wake_up_is_lost_when_both_sides_sleep),
        TEST(sessions_are_apart),
        TEST(digest_is_the_right_one),
        TEST(unknown_module_gives_no_session),
        TEST(too_little_room_is_refused_by_the_module),
        TEST(report_needs_a_nonce_of_the_right_size),
        TEST(deadline_ends_the_call_and_not_the_module),
        TEST(client_killed_in_a_call_leaves_nothing),
        TEST(closed_session_is_gone_when_close_returns),
        TEST(thousand_sessions_leak_nothing),
        TEST(session_outlives_its_world_handle),
        TEST(arenas_of_every_size_work),
        TEST(stopped_world_ends_a_call),
        TEST(killed_world_ends_a_call),
        TEST(restarted_world_serves_new_sessions_and_not_old_ones),
        TEST(every_bit_of_a_sealed_blob_counts),
        TEST(cut_blobs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

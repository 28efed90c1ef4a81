/*
 * Inside a module with four threads: who is served by which thread, who waits for whom, when
 * sessions begin and end, what an idle world costs.
 */
#include "tests/e2e/started_world.h"
#include "tests/modules/threads.h"

#include "cloister/client.h"
#include "vmm/client_process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define OPTIONS(...)                                                                               \
    (const char *const[])                                                                          \
    {                                                                                              \
        "--debug", "--module", "@tests/modules/threads.mod", __VA_ARGS__ __VA_OPT__(, ) NULL       \
    }
#define PATIENCE_US 20000000u
#define LONG_CALL_US 2000000u

static struct started_world world;

static int start_with(const char *const *options)
{
    world.folder[0] = '\0';
    if (!started_world_impossible())
        started_world_start(&world, options);
    return 0;
}

static int start(void **state)
{
    (void)state;
    return start_with(OPTIONS());
}

static int stop(void **state)
{
    (void)state;
    if (world.folder[0])
        started_world_stop(&world);
    return 0;
}

/* A client and its one session. */
struct client {
    cloister_world *world;
    cloister_session *session;
};

static cloister_status try_client(struct client *client)
{
    assert_int_equal(cloister_world_open(world.socket, &client->world), CLOISTER_OK);
    cloister_status status = cloister_session_open(client->world, "threads", 0, &client->session);
    if (status != CLOISTER_OK)
        cloister_world_close(client->world);
    return status;
}

static struct client open_client(void)
{
    struct client client;
    assert_int_equal(try_client(&client), CLOISTER_OK);
    return client;
}

static void close_client(struct client *client)
{
    cloister_session_close(client->session);
    cloister_world_close(client->world);
}

/* Which thread served a call of so long, and how many that was of its calls. */
static cloister_parameter work(const struct client *client, uint64_t us)
{
    cloister_parameter p[4] = {cloister_value(us, 0), cloister_value_out()};
    cloister_result result = cloister_call(client->session, "work", p, PATIENCE_US);
    assert_int_equal(result.status, CLOISTER_OK);
    return p[1];
}

static void sessions_so_far(const struct client *client, uint64_t *opened, uint64_t *closed)
{
    cloister_parameter p[4] = {cloister_value_out()};
    assert_int_equal(cloister_call(client->session, "sessions", p, PATIENCE_US).status,
                     CLOISTER_OK);
    *opened = p[0].a;
    *closed = p[0].b;
}

static void channels_are_spread_evenly_over_threads(void **state)
{
    (void)state;
    struct client client[3 * THREADS_COUNT];
    unsigned count[THREADS_COUNT] = {0};
    started_world_or_skip();
    for (unsigned i = 0; i < 3 * THREADS_COUNT; i++) {
        client[i] = open_client();
        uint64_t thread = work(&client[i], 0).a;
        assert_in_range(thread, 0, THREADS_COUNT - 1);
        count[thread]++;
    }
    for (unsigned i = 0; i < THREADS_COUNT; i++)
        assert_int_equal(count[i], 3);
    /* Those that go leave room on their threads. */
    uint64_t thread = work(&client[5], 0).a;
    close_client(&client[5]);
    client[5] = open_client();
    assert_int_equal(work(&client[5], 0).a, thread);
    for (unsigned i = 0; i < 3 * THREADS_COUNT; i++)
        close_client(&client[i]);
}

/* A child that makes calls until it is killed, or one; says which thread serves it. */
static pid_t start_caller(uint64_t us, bool for_ever, int *done, uint64_t *thread)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        struct client client = open_client();
        uint64_t mine = work(&client, 0).a;
        (void)!write(ends[1], &mine, sizeof mine);
        do
            mine = work(&client, us).a;
        while (for_ever);
        (void)!write(ends[1], &mine, sizeof mine);
        close_client(&client);
        _exit(0);
    }
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], thread, sizeof *thread), sizeof *thread);
    *done = ends[0];
    return child;
}

static void end_caller(pid_t child, int done)
{
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    (void)close(done);
}

static void long_call_holds_up_its_own_thread_only(void **state)
{
    (void)state;
    struct client client[THREADS_COUNT];
    struct pollfd over = {.events = POLLIN};
    uint64_t thread;
    unsigned others = 0;
    started_world_or_skip();
    pid_t child = start_caller(LONG_CALL_US, false, &over.fd, &thread);
    for (unsigned i = 0; i < THREADS_COUNT - 1; i++) {
        client[i] = open_client();
        others += work(&client[i], 0).a != thread;
    }
    assert_int_equal(others, THREADS_COUNT - 1);
    assert_int_equal(poll(&over, 1, 0), 0); /* it is still in its call */
    /* The next one shares the thread, and waits for the call to end. */
    client[THREADS_COUNT - 1] = open_client();
    assert_int_equal(work(&client[THREADS_COUNT - 1], 0).a, thread);
    for (unsigned i = 0; i < THREADS_COUNT; i++)
        close_client(&client[i]);
    end_caller(child, over.fd);
}

static void flooding_client_starves_nobody(void **state)
{
    (void)state;
    struct client client[THREADS_COUNT];
    int done;
    uint64_t thread;
    unsigned shared = 0;
    started_world_or_skip();
    pid_t child = start_caller(1000, true, &done, &thread);
    for (unsigned i = 0; i < THREADS_COUNT; i++)
        client[i] = open_client();
    for (unsigned i = 0; i < THREADS_COUNT; i++) {
        if (work(&client[i], 0).a != thread)
            continue;
        shared++;
        uint64_t before = work(&client[i], 0).b;
        for (unsigned k = 0; k < 50; k++)
            (void)work(&client[i], 0);
        assert_true(work(&client[i], 0).b >= before + 51);
    }
    assert_int_equal(shared, 1);
    for (unsigned i = 0; i < THREADS_COUNT; i++)
        close_client(&client[i]);
    end_caller(child, done);
}

static void more_channels_than_threads_are_all_served(void **state)
{
    (void)state;
    enum { CLIENTS = 40 };
    static struct client client[CLIENTS];
    started_world_or_skip();
    for (unsigned i = 0; i < CLIENTS; i++)
        client[i] = open_client();
    for (unsigned round = 0; round < 5; round++)
        for (unsigned i = 0; i < CLIENTS; i++)
            (void)work(&client[i], 10);
    for (unsigned i = 0; i < CLIENTS; i++)
        close_client(&client[i]);
}

/* Sessions */

static void wait_for_closed(const struct client *client, uint64_t wanted)
{
    uint64_t opened, closed = 0;
    for (unsigned i = 0; i < 2000 && closed < wanted; i++) {
        sessions_so_far(client, &opened, &closed);
        (void)usleep(2000);
    }
    assert_int_equal(closed, wanted);
}

static void session_of_a_client_that_dies_closes_once(void **state)
{
    (void)state;
    uint64_t opened, closed, now_opened, now_closed, thread;
    int done;
    started_world_or_skip();
    struct client watcher = open_client();
    sessions_so_far(&watcher, &opened, &closed);
    for (unsigned i = 0; i < 6; i++) {
        /* In a call, and between two. */
        pid_t child = start_caller(i % 2 ? 20000 : 0, true, &done, &thread);
        end_caller(child, done);
    }
    wait_for_closed(&watcher, closed + 6);
    (void)usleep(100000);
    sessions_so_far(&watcher, &now_opened, &now_closed);
    assert_int_equal(now_opened, opened + 6);
    assert_int_equal(now_closed, closed + 6);
    close_client(&watcher);
}

static void session_that_ends_properly_closes_once(void **state)
{
    (void)state;
    uint64_t opened, closed, now_opened, now_closed;
    started_world_or_skip();
    struct client watcher = open_client();
    sessions_so_far(&watcher, &opened, &closed);
    for (unsigned i = 0; i < 5; i++) {
        struct client client = open_client();
        close_client(&client);
    }
    (void)usleep(100000);
    sessions_so_far(&watcher, &now_opened, &now_closed);
    assert_int_equal(now_opened, opened + 5);
    assert_int_equal(now_closed, closed + 5);
    close_client(&watcher);
}

static void module_may_refuse_a_session(void **state)
{
    (void)state;
    struct client client;
    uint64_t opened, closed, now_opened, now_closed;
    started_world_or_skip();
    struct client watcher = open_client();
    sessions_so_far(&watcher, &opened, &closed);
    cloister_parameter on[4] = {cloister_value(1, 0)};
    cloister_parameter off[4] = {cloister_value(0, 0)};
    assert_int_equal(cloister_call(watcher.session, "refuse", on, 0).status, CLOISTER_OK);
    assert_int_equal(try_client(&client), THREADS_REFUSED);
    assert_int_equal(cloister_call(watcher.session, "refuse", off, 0).status, CLOISTER_OK);
    (void)usleep(50000);
    sessions_so_far(&watcher, &now_opened, &now_closed);
    assert_int_equal(now_opened, opened);
    assert_int_equal(now_closed, closed); /* what was never opened is not closed */
    client = open_client();
    close_client(&client);
    close_client(&watcher);
}

static uint64_t own_start(void)
{
    char text[1024];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, text, sizeof text);
    (void)close(fd);
    return size > 0 ? client_process_parse(text, (size_t)size) : 0;
}

static void assert_caller_is_this_process(void)
{
    struct client client = open_client();
    cloister_parameter p[4] = {cloister_value_out(), cloister_value_out(), cloister_value_out()};
    assert_int_equal(cloister_call(client.session, "caller", p, PATIENCE_US).status, CLOISTER_OK);
    assert_int_equal(p[0].a, CLO_CALLER_PROCESS);
    assert_int_equal(p[0].b, geteuid());
    assert_int_equal(p[1].a, getegid());
    assert_int_equal(p[1].b, getpid());
    if (p[2].a == 0)
        print_message("this kernel does not tell since when a client runs\n");
    else
        assert_int_equal(p[2].a, own_start());
    assert_int_equal(p[2].b, 0);
    close_client(&client);
}

static void module_learns_who_calls(void **state)
{
    (void)state;
    int status;
    started_world_or_skip();
    assert_caller_is_this_process();
    pid_t child = fork();
    if (child == 0) {
        assert_caller_is_this_process();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Waiting */

/* Processor time of the world host so far, in clock ticks. */
static unsigned long ticks_used(void)
{
    char path[64];
    char text[1024];
    unsigned long user = 0, system = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)world.host);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[size] = '\0';
    const char *at = strrchr(text, ')');
    assert_non_null(at);
    assert_int_equal(
        sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system), 2);
    return user + system;
}

/* With a channel open, for without one there is nothing to poll. */
static unsigned long idle_ticks(unsigned us)
{
    struct client client = open_client();
    (void)work(&client, 0);
    (void)usleep(300000);
    unsigned long before = ticks_used();
    (void)usleep(us);
    unsigned long used = ticks_used() - before;
    (void)work(&client, 0);
    close_client(&client);
    return used;
}

static void assert_idle_costs_nothing(const char *const *options)
{
    started_world_or_skip();
    (void)start_with(options);
    /* 10 s of 100 ticks: one in a hundred is what may be used. */
    assert_in_range(idle_ticks(10000000), 0, 10);
    (void)stop(NULL);
}

static void idle_world_that_polls_adaptively_costs_nothing(void **state)
{
    (void)state;
    assert_idle_costs_nothing(OPTIONS("--poll", "adaptive"));
}

static void world_that_never_polls_costs_nothing(void **state)
{
    (void)state;
    assert_idle_costs_nothing(OPTIONS("--poll", "never"));
}

static void world_that_always_polls_does_not_sleep(void **state)
{
    (void)state;
    struct clo_module_info info;
    started_world_or_skip();
    (void)start_with(OPTIONS("--poll", "always"));
    struct client client = open_client();
    (void)work(&client, 0);
    (void)usleep(500000);
    assert_int_equal(cloister_world_module(client.world, 0, &info), CLOISTER_OK);
    assert_int_equal(info.polling, 1); /* the thread that has a channel */
    (void)work(&client, 0);
    close_client(&client);
    (void)stop(NULL);
}

int main(void)
{
    const struct CMUnitTest in_one_world[] = {
        cmocka_unit_test(channels_are_spread_evenly_over_threads),
        cmocka_unit_test(long_call_holds_up_its_own_thread_only),
        cmocka_unit_test(flooding_client_starves_nobody),
        cmocka_unit_test(more_channels_than_threads_are_all_served),
        cmocka_unit_test(session_of_a_client_that_dies_closes_once),
        cmocka_unit_test(session_that_ends_properly_closes_once),
        cmocka_unit_test(module_may_refuse_a_session),
        cmocka_unit_test(module_learns_who_calls),
    };
    const struct CMUnitTest waiting[] = {
        cmocka_unit_test(idle_world_that_polls_adaptively_costs_nothing),
        cmocka_unit_test(world_that_never_polls_costs_nothing),
        cmocka_unit_test(world_that_always_polls_does_not_sleep),
    };
    int failed = cmocka_run_group_tests(in_one_world, start, stop);
    return failed + cmocka_run_group_tests(waiting, NULL, NULL);
}

/*
 * The metrics server over its socket, as Prometheus and worse clients use it.
 */
#include "tests/e2e/command.h"
#include "tests/e2e/started_world.h"
#include "tests/unit/exposition.h"
#include "tools/tool.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SILENT 20 /* more than the server takes at a time */
#define REQUEST "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"

static char folder[64];
static char at[100];
static char echo_module[512];
static char answer[1 << 20];
static struct command ran;

static int set_up_all(void **state)
{
    (void)state;
    char text[200];
    (void)snprintf(folder, sizeof folder, "/tmp/test_metrics.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(at, sizeof at, "%s/metrics", folder);
    started_path("modules/echo.mod", echo_module, sizeof echo_module);
    (void)snprintf(text, sizeof text, "%s/state", folder);
    (void)setenv("CLOISTER_STATE", text, 1);
    (void)snprintf(text, sizeof text, "%s/run", folder);
    (void)setenv("CLOISTER_RUNTIME", text, 1);
    RUN(&ran, "key", "init");
    return ran.status;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static int tear_down_all(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void expect(int status)
{
    if (ran.status != status)
        print_error("%s", ran.err);
    assert_int_equal(ran.status, status);
}

static void rest(void)
{
    const struct timespec step = {.tv_nsec = 20000000};
    (void)nanosleep(&step, NULL);
}

static pid_t start_server(void)
{
    char log[100];
    (void)snprintf(log, sizeof log, "%s/log", folder);
    pid_t server = command_start(log, (const char *const[]){"metrics", "--listen", at, NULL});
    while (access(at, F_OK) != 0 && kill(server, 0) == 0)
        rest();
    return server;
}

static void end_server(pid_t server)
{
    assert_int_equal(kill(server, SIGTERM), 0);
    assert_int_equal(command_wait(server), TOOL_OK);
    assert_int_not_equal(access(at, F_OK), 0);
}

static int connect_to_server(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, at, strlen(at) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    /* A server that starts takes an old socket away, and listens a moment after it has bound. */
    while (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        assert_true(errno == ECONNREFUSED || errno == ENOENT);
        rest();
    }
    return fd;
}

/* Everything up to the end of the connection, ended by a NUL. */
static size_t receive_all(int fd)
{
    size_t size = 0;
    ssize_t n;
    while ((n = recv(fd, answer + size, sizeof answer - 1 - size, 0)) > 0)
        size += (size_t)n;
    (void)close(fd);
    answer[size] = '\0';
    return size;
}

static void ask(const char *request, size_t size)
{
    int fd = connect_to_server();
    assert_int_equal(send(fd, request, size, MSG_NOSIGNAL), size);
    (void)receive_all(fd);
}

static const char *body(void)
{
    const char *end = strstr(answer, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

static void metrics_of_a_running_world_are_well_formed(void **state)
{
    (void)state;
    started_world_or_skip();
    RUN(&ran, "world", "run", "w", "--debug", "--detach", "--metrics", at, "--module", echo_module);
    expect(TOOL_OK);
    RUN(&ran, "call", "w/echo", "echo", "--text", "x", "--count", "100");
    expect(TOOL_OK);
    ask(REQUEST, strlen(REQUEST));
    assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
    exposition_check(body(), strlen(body()));
    assert_true(exposition_value(body(), "cloister_world_up{world=\"w\"}") == 1);
    assert_true(exposition_value(
                    body(), "cloister_module_calls_total{world=\"w\",module=\"echo\"}") >= 100);
    assert_true(
        exposition_value(body(),
                         "cloister_module_service_seconds_count{world=\"w\",module=\"echo\"}") > 0);
    RUN(&ran, "world", "stop", "w");
    expect(TOOL_OK);
}

static void server_of_a_world_ends_with_it(void **state)
{
    (void)state;
    started_world_or_skip();
    RUN(&ran, "world", "run", "w", "--debug", "--detach", "--metrics", at, "--module", echo_module);
    expect(TOOL_OK);
    assert_int_equal(access(at, F_OK), 0);
    RUN(&ran, "world", "stop", "w");
    expect(TOOL_OK);
    while (access(at, F_OK) == 0)
        rest();
}

static void world_does_not_start_without_the_metrics_asked_for(void **state)
{
    (void)state;
    started_world_or_skip();
    RUN(&ran, "world", "run", "w", "--debug", "--detach", "--metrics", "0", "--module",
        echo_module);
    expect(TOOL_BAD_INPUT);
    RUN(&ran, "world", "show", "w");
    expect(TOOL_NOT_FOUND);
}

static void no_worlds_are_no_failure(void **state)
{
    (void)state;
    pid_t server = start_server();
    ask(REQUEST, strlen(REQUEST));
    assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
    exposition_check(body(), strlen(body()));
    end_server(server);
}

static void hundreds_of_dead_sockets_are_no_trouble(void **state)
{
    (void)state;
    char path[120];
    pid_t server = start_server();
    for (unsigned i = 0; i < 600; i++) {
        (void)snprintf(path, sizeof path, "%s/run/dead%u.sock", folder, i);
        FILE *made = fopen(path, "w");
        assert_non_null(made);
        (void)fclose(made);
    }
    ask(REQUEST, strlen(REQUEST));
    assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
    exposition_check(body(), strlen(body()));
    end_server(server);
    for (unsigned i = 0; i < 600; i++) {
        (void)snprintf(path, sizeof path, "%s/run/dead%u.sock", folder, i);
        assert_int_equal(unlink(path), 0);
    }
}

static void socket_is_for_its_user_alone(void **state)
{
    (void)state;
    struct stat st;
    pid_t server = start_server();
    assert_int_equal(stat(at, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    end_server(server);
}

static void bad_requests_are_answered_and_cost_nothing(void **state)
{
    (void)state;
    static const char bad[] = "GET / HTTP/1.1\r\n\r\n";
    static char large[100000];
    memset(large, 'x', sizeof large);
    pid_t server = start_server();
    ask(bad, strlen(bad));
    assert_memory_equal(answer, "HTTP/1.1 400 Bad Request\r\n", 26);
    ask(large, 5000);
    assert_memory_equal(answer, "HTTP/1.1 431 ", 13);
    ask(REQUEST, strlen(REQUEST));
    assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
    end_server(server);
}

static void clients_that_vanish_are_forgotten(void **state)
{
    (void)state;
    pid_t server = start_server();
    for (unsigned i = 0; i < 10 * SILENT; i++) {
        int fd = connect_to_server();
        if (i % 2)
            (void)send(fd, REQUEST, strlen(REQUEST) - i % 3, MSG_NOSIGNAL);
        (void)close(fd);
    }
    ask(REQUEST, strlen(REQUEST));
    assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
    end_server(server);
}

static void silent_clients_keep_others_waiting_for_a_while_only(void **state)
{
    (void)state;
    int silent[SILENT];
    pid_t server = start_server();
    for (unsigned i = 0; i < SILENT; i++)
        silent[i] = connect_to_server();
    ask(REQUEST, strlen(REQUEST));
    assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
    (void)receive_all(silent[0]);
    assert_memory_equal(answer, "HTTP/1.1 408 ", 13);
    for (unsigned i = 1; i < SILENT; i++)
        (void)close(silent[i]);
    end_server(server);
}

static void places_that_are_taken_are_refused(void **state)
{
    (void)state;
    char file[100];
    (void)snprintf(file, sizeof file, "%s/file", folder);
    FILE *made = fopen(file, "w");
    assert_non_null(made);
    (void)fclose(made);
    RUN(&ran, "metrics", "--listen", file);
    expect(TOOL_BAD_INPUT);
    assert_int_equal(access(file, F_OK), 0);
    RUN(&ran, "metrics", "--listen", "/nowhere/at/all");
    expect(TOOL_NOT_FOUND);
    RUN(&ran, "metrics", "--listen", "65536");
    expect(TOOL_BAD_INPUT);
    RUN(&ran, "metrics");
    expect(TOOL_USAGE);
    pid_t server = start_server();
    RUN(&ran, "metrics", "--listen", at);
    expect(TOOL_FAILED);
    end_server(server);
}

static void socket_of_a_killed_server_is_replaced(void **state)
{
    (void)state;
    pid_t server = start_server();
    (void)kill(server, SIGKILL);
    (void)command_wait(server);
    assert_int_equal(access(at, F_OK), 0);
    server = start_server();
    ask(REQUEST, strlen(REQUEST));
    assert_memory_equal(answer, "HTTP/1.1 200 OK\r\n", 17);
    end_server(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_of_a_running_world_are_well_formed),
        cmocka_unit_test(server_of_a_world_ends_with_it),
        cmocka_unit_test(world_does_not_start_without_the_metrics_asked_for),
        cmocka_unit_test(no_worlds_are_no_failure),
        cmocka_unit_test(hundreds_of_dead_sockets_are_no_trouble),
        cmocka_unit_test(socket_is_for_its_user_alone),
        cmocka_unit_test(bad_requests_are_answered_and_cost_nothing),
        cmocka_unit_test(clients_that_vanish_are_forgotten),
        cmocka_unit_test(silent_clients_keep_others_waiting_for_a_while_only),
        cmocka_unit_test(places_that_are_taken_are_refused),
        cmocka_unit_test(socket_of_a_killed_server_is_replaced),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}

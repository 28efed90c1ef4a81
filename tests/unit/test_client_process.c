/*
 * Start times out of /proc/PID/stat, whatever the process calls itself and whoever has its pid now.
 */
#include "vmm/client_process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NUMBERS " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 "

static uint64_t parse(const char *text)
{
    return client_process_parse(text, strlen(text));
}

static void start_is_field_22(void **state)
{
    (void)state;
    assert_int_equal(parse("7 (cat)" NUMBERS "4711 20 21\n"), 4711);
}

static void name_may_look_like_fields(void **state)
{
    (void)state;
    assert_int_equal(parse("7 (a) S 1 2 (b) c"
                           ") )" NUMBERS "4711 20 21\n"),
                     4711);
}

static void text_that_ends_early_has_no_start(void **state)
{
    (void)state;
    assert_int_equal(parse(""), 0);
    assert_int_equal(parse("7 (cat"), 0);
    assert_int_equal(parse("7 (cat)"), 0);
    assert_int_equal(parse("7 (cat)" NUMBERS), 0);
    assert_int_equal(parse("7 (cat)" NUMBERS "47"), 0);
}

static void number_that_overflows_is_none(void **state)
{
    (void)state;
    assert_int_equal(parse("7 (cat)" NUMBERS "99999999999999999999 1\n"), 0);
    assert_int_equal(parse("7 (cat)" NUMBERS "x 1\n"), 0);
}

static void without_proc_nothing_is_known(void **state)
{
    (void)state;
    assert_int_equal(client_process_start(-1, -1, 1), 0);
}

/* A process that has connected. */
struct client {
    int connected; /* our end of its connection */
    int hold;      /* it ends when this is closed */
    pid_t pid;
};

static _Noreturn void be_client(const struct sockaddr_un *address, socklen_t size, int hold)
{
    char byte;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    if (connect(fd, (const struct sockaddr *)address, size) == 0)
        (void)!read(hold, &byte, 1);
    _exit(0);
}

static void client_start(struct client *client)
{
    int ends[2];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = sizeof address;
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address.sun_family), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    client->pid = fork();
    if (client->pid == 0) {
        (void)close(ends[1]);
        be_client(&address, size, ends[0]);
    }
    (void)close(ends[0]);
    client->hold = ends[1];
    client->connected = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(client->pid > 0 && client->connected >= 0);
    (void)close(listener);
}

/* Nobody waits for it: its pid stays its own. */
static void client_end(const struct client *client)
{
    siginfo_t info;
    (void)close(client->hold);
    assert_int_equal(waitid(P_PID, (id_t)client->pid, &info, WEXITED | WNOWAIT), 0);
}

/* Our own pid stands for one that passed on to another process meanwhile. */
static void start_of_another_process_is_not_the_clients(void **state)
{
    (void)state;
    struct client client;
    int pidfd = -1;
    socklen_t size = sizeof pidfd;
    client_start(&client);
    int processes = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    bool known =
        getsockopt(client.connected, SOL_SOCKET, 77 /* SO_PEERPIDFD */, &pidfd, &size) == 0;
    uint64_t alive = client_process_start(processes, client.connected, client.pid);
    client_end(&client);
    uint64_t passed_on = client_process_start(processes, client.connected, getpid());
    (void)close(processes);
    (void)close(client.connected);
    if (pidfd >= 0)
        (void)close(pidfd);
    (void)waitpid(client.pid, NULL, 0);
    if (!known) {
        print_message("this kernel has no SO_PEERPIDFD\n");
        skip();
    }
    assert_int_not_equal(alive, 0);
    assert_int_equal(passed_on, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_is_field_22),
        cmocka_unit_test(name_may_look_like_fields),
        cmocka_unit_test(text_that_ends_early_has_no_start),
        cmocka_unit_test(number_that_overflows_is_none),
        cmocka_unit_test(without_proc_nothing_is_known),
        cmocka_unit_test(start_of_another_process_is_not_the_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

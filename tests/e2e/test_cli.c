/*
 * The `cloister` command on the real /dev/kvm. What needs none is in tests/unit/test_cmd_usage.c.
 */
#include "cloister/client.h"
#include "tests/e2e/command.h"
#include "tests/e2e/started_world.h"
#include "tools/tool.h"

#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static char echo_module[512];
static char vault_module[512];
static char calls_module[512];
static struct command ran;

/* Keys, runtime folder and scratch space of this program's own. */

static const char *in_folder(const char *name)
{
    static char paths[4][200];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int set_up_all(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/test_cli.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    started_path("modules/echo.mod", echo_module, sizeof echo_module);
    started_path("modules/vault.mod", vault_module, sizeof vault_module);
    started_path("tests/modules/calls.mod", calls_module, sizeof calls_module);
    (void)setenv("CLOISTER_STATE", in_folder("state"), 1);
    (void)setenv("CLOISTER_RUNTIME", in_folder("run"), 1);
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
    command_expect(&ran, status);
}

static void expect_refusal(int status)
{
    command_expect_refusal(&ran, status);
}

static void start_world(const char *name)
{
    RUN(&ran, "world", "run", name, "--debug", "--detach", "--module", echo_module, vault_module,
        calls_module);
    expect(TOOL_OK);
}

static void stop_world(const char *name)
{
    RUN(&ran, "world", "stop", name);
    expect(TOOL_OK);
}

static int world_e(void **state)
{
    (void)state;
    if (started_world_impossible())
        return 0;
    start_world("e");
    return 0;
}

static int end_world_e(void **state)
{
    (void)state;
    if (started_world_impossible())
        return 0;
    stop_world("e");
    return 0;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Worlds */

static void no_worlds_is_an_empty_list(void **state)
{
    (void)state;
    RUN(&ran, "world", "ls");
    expect(TOOL_OK);
    assert_int_equal(ran.out_size, 0);
    RUN(&ran, "world", "ls", "--json");
    expect(TOOL_OK);
    assert_string_equal(ran.out, "[]\n");
}

static void runtime_folder_of_others_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_folder("open"), 0777), 0);
    assert_int_equal(chmod(in_folder("open"), 0777), 0);
    (void)setenv("CLOISTER_RUNTIME", in_folder("open"), 1);
    RUN(&ran, "world", "ls");
    expect_refusal(TOOL_DENIED);
    RUN(&ran, "world", "show", "x");
    expect_refusal(TOOL_DENIED);
    (void)setenv("CLOISTER_RUNTIME", in_folder("run"), 1);
}

static void socket_of_a_dead_world_is_not_listed(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)mkdir(in_folder("run"), 0700);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.64s/run/dead.sock", folder);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    (void)close(fd);
    RUN(&ran, "world", "ls");
    expect(TOOL_OK);
    assert_null(strstr(ran.out, "dead"));
    assert_int_equal(unlink(address.sun_path), 0);
}

static void world_is_listed_and_shown(void **state)
{
    (void)state;
    started_world_or_skip();
    RUN(&ran, "world", "ls");
    expect(TOOL_OK);
    assert_non_null(strstr(ran.out, "echo,vault"));
    RUN(&ran, "world", "show", "e");
    expect(TOOL_OK);
    assert_non_null(strstr(ran.out, "(debug)"));
    assert_non_null(strstr(ran.out, "put get"));
}

static void expect_hex(const json_t *module, const char *key, size_t bytes)
{
    const char *text = json_string_value(json_object_get(module, key));
    assert_non_null(text);
    assert_int_equal(strlen(text), 2 * bytes);
    assert_int_equal(strspn(text, "0123456789abcdef"), 2 * bytes);
}

static void shown_json_has_what_programs_need(void **state)
{
    (void)state;
    started_world_or_skip();
    RUN(&ran, "world", "show", "e", "--json");
    expect(TOOL_OK);
    json_t *world = json_loads(ran.out, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(world);
    assert_string_equal(json_string_value(json_object_get(world, "name")), "e");
    assert_string_equal(json_string_value(json_object_get(world, "state")), "serving");
    assert_true(json_integer_value(json_object_get(world, "pid")) > 1);
    assert_non_null(json_string_value(json_object_get(world, "kvm")));
    assert_non_null(json_string_value(json_object_get(world, "isolation")));
    assert_true(json_is_true(json_object_get(world, "debug")));
    json_t *modules = json_object_get(world, "modules");
    assert_int_equal(json_array_size(modules), 3);
    json_t *echo = json_array_get(modules, 0);
    assert_string_equal(json_string_value(json_object_get(echo, "name")), "echo");
    assert_non_null(json_string_value(json_object_get(echo, "version")));
    assert_true(json_is_integer(json_object_get(echo, "svn")));
    expect_hex(echo, "measurement", CLO_DIGEST_SIZE);
    expect_hex(echo, "author", CLO_AUTHOR_SIZE);
    assert_string_equal(json_string_value(json_object_get(echo, "state")), "serving");
    assert_true(json_is_integer(json_object_get(echo, "calls")));
    json_decref(world);
}

static void top_shows_what_a_running_world_does(void **state)
{
    (void)state;
    started_world_or_skip();
    RUN(&ran, "call", "e/echo", "echo", "--text", "x", "--count", "100");
    expect(TOOL_OK);
    RUN(&ran, "top", "--once", "-d", "0.1");
    expect(TOOL_OK);
    assert_non_null(strstr(ran.out, "\ne  "));
    assert_non_null(strstr(ran.out, "\n  vault "));
    RUN(&ran, "top", "--once", "--json", "-d", "0.1", "e");
    expect(TOOL_OK);
    json_t *top = json_loads(ran.out, JSON_REJECT_DUPLICATES, NULL);
    json_t *world = json_array_get(json_object_get(top, "worlds"), 0);
    json_t *echo = json_array_get(json_object_get(world, "modules"), 0);
    assert_true(json_integer_value(json_object_get(echo, "calls")) >= 100);
    json_t *host = json_object_get(json_object_get(world, "memory_bytes"), "host");
    assert_true(json_integer_value(json_object_get(host, "rss")) > 4096);
    json_decref(top);
}

static void measurement_of_the_file_is_the_worlds(void **state)
{
    (void)state;
    started_world_or_skip();
    RUN(&ran, "module", "measure", echo_module);
    expect(TOOL_OK);
    char measurement[2 * CLO_DIGEST_SIZE + 1];
    (void)snprintf(measurement, sizeof measurement, "%.*s", 2 * CLO_DIGEST_SIZE, ran.out);
    RUN(&ran, "world", "show", "e", "--json");
    assert_non_null(strstr(ran.out, measurement));
}

static void name_of_a_running_world_is_refused(void **state)
{
    (void)state;
    started_world_or_skip();
    RUN(&ran, "world", "run", "e", "--debug", "--detach", "--module", echo_module);
    expect_refusal(TOOL_FAILED);
    RUN(&ran, "call", "e/echo", "echo", "--text", "still there");
    expect(TOOL_OK);
    assert_true(is_there(in_folder("run/e.log")));
}

static void stopped_world_is_gone(void **state)
{
    (void)state;
    started_world_or_skip();
    start_world("s");
    stop_world("s");
    assert_false(is_there(in_folder("run/s.sock")));
    RUN(&ran, "world", "show", "s");
    expect_refusal(TOOL_NOT_FOUND);
    start_world("s");
    stop_world("s");
}

static void world_is_found_by_its_socket_too(void **state)
{
    (void)state;
    started_world_or_skip();
    char target[220];
    (void)snprintf(target, sizeof target, "%s/echo", in_folder("run/e.sock"));
    RUN(&ran, "call", target, "echo", "--text", "by path");
    expect(TOOL_OK);
    assert_string_equal(ran.out, "by path");
}

static void expect_no_start(int status, const char *module, const char *because)
{
    RUN(&ran, "world", "run", "n", "--debug", "--detach", "--module", module);
    expect_refusal(status);
    if (!strstr(ran.err, because))
        print_error("%s", ran.err);
    assert_non_null(strstr(ran.err, because));
    assert_false(is_there(in_folder("run/n.sock")));
    assert_false(is_there(in_folder("run/n.log")));
}

static void world_of_a_bad_module_does_not_start(void **state)
{
    (void)state;
    started_world_or_skip();
    write_text(in_folder("garbage.mod"), "this is no module");
    write_text(in_folder("empty.mod"), "");
    expect_no_start(TOOL_NOT_FOUND, in_folder("absent.mod"), "absent.mod");
    expect_no_start(TOOL_BAD_INPUT, in_folder("garbage.mod"), "garbage");
    expect_no_start(TOOL_BAD_INPUT, in_folder("empty.mod"), "empty");
    expect_no_start(TOOL_BAD_INPUT, folder, folder);
    expect_no_start(TOOL_BAD_INPUT, "/bin/busybox", "busybox");
}

static void production_world_refuses_an_unsigned_module(void **state)
{
    (void)state;
    started_world_or_skip();
    RUN(&ran, "world", "run", "n", "--detach", "--module", echo_module);
    expect_refusal(TOOL_REFUSED);
    assert_non_null(strstr(ran.err, "sign"));
}

static void world_without_platform_keys_does_not_start(void **state)
{
    (void)state;
    started_world_or_skip();
    RUN(&ran, "world", "run", "n", "--detach", "--debug", "--state", in_folder("nowhere"),
        "--module", echo_module);
    expect_refusal(TOOL_NOT_FOUND);
    assert_non_null(strstr(ran.err, "cloister key init"));
}

static void log_goes_where_it_is_told(void **state)
{
    (void)state;
    started_world_or_skip();
    RUN(&ran, "world", "run", "l", "--debug", "--detach", "--log", in_folder("l.log"), "--module",
        echo_module);
    expect(TOOL_OK);
    assert_true(is_there(in_folder("l.log")));
    stop_world("l");
    RUN(&ran, "world", "run", "l", "--debug", "--detach", "--log", "/nowhere/at/all", "--module",
        echo_module);
    expect_refusal(TOOL_NOT_FOUND);
}

/* Foreground worlds */

static void wait_for_socket(const char *path)
{
    for (int i = 0; i < 500 && !is_there(path); i++)
        (void)usleep(10000);
    assert_true(is_there(path));
}

static void foreground_world_ends_by(int signal_number)
{
    const char *const words[] = {"world", "run", "f", "--debug", "--module", echo_module, NULL};
    started_world_or_skip();
    char path[200];
    (void)snprintf(path, sizeof path, "%s", in_folder("run/f.sock"));
    pid_t world = command_start(in_folder("f.log"), words);
    wait_for_socket(path);
    assert_int_equal(kill(world, signal_number), 0);
    assert_int_equal(command_wait(world), TOOL_OK);
    assert_false(is_there(path));
}

static void interrupt_ends_a_foreground_world_cleanly(void **state)
{
    (void)state;
    foreground_world_ends_by(SIGINT);
}

static void termination_ends_a_foreground_world_cleanly(void **state)
{
    (void)state;
    foreground_world_ends_by(SIGTERM);
}

/* Ctrl-C reaches the whole process group: keeper and world host at once. */
static void interrupt_of_the_whole_group_ends_it_cleanly(void **state)
{
    (void)state;
    const char *const words[] = {"world", "run", "g", "--debug", "--module", echo_module, NULL};
    started_world_or_skip();
    char path[200];
    (void)snprintf(path, sizeof path, "%s", in_folder("run/g.sock"));
    pid_t world = command_start(in_folder("g.log"), words);
    wait_for_socket(path);
    assert_int_equal(kill(-world, SIGINT), 0);
    assert_int_equal(command_wait(world), TOOL_OK);
    assert_false(is_there(path));
}

/* Calls */

static void inputs_of_every_kind_reach_the_module(void **state)
{
    (void)state;
    started_world_or_skip();
    const char *file = in_folder("input");
    write_text(file, "from a file");
    RUN(&ran, "call", "e/echo", "echo", "--in", file);
    expect(TOOL_OK);
    assert_string_equal(ran.out, "from a file");
    RUN(&ran, "call", "e/echo", "echo", "--text", "text");
    assert_string_equal(ran.out, "text");
    RUN(&ran, "call", "e/echo", "echo", "--hex", "68694a");
    assert_string_equal(ran.out, "hiJ");
    command_run_with_input(&ran, "from standard input",
                           (const char *const[]){"call", "e/echo", "echo", "--in", "-", NULL});
    assert_string_equal(ran.out, "from standard input");
}

static void empty_and_largest_input_come_back(void **state)
{
    (void)state;
    started_world_or_skip();
    char largest[4097];
    memset(largest, 'x', 4096);
    largest[4096] = '\0';
    RUN(&ran, "call", "e/echo", "echo", "--text", "");
    expect(TOOL_OK);
    assert_int_equal(ran.out_size, 0);
    RUN(&ran, "call", "e/echo", "echo", "--text", largest);
    expect(TOOL_OK);
    assert_string_equal(ran.out, largest);
}

static void output_file_is_written_only_after_success(void **state)
{
    (void)state;
    started_world_or_skip();
    const char *file = in_folder("output");
    struct stat st;
    RUN(&ran, "call", "e/vault", "get", "--text", "no blob", "--out", file);
    expect_refusal(TOOL_REFUSED);
    assert_false(is_there(file));
    RUN(&ran, "call", "e/echo", "echo", "--text", "something", "--out", file);
    expect(TOOL_OK);
    assert_int_equal(ran.out_size, 0);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_size, 9);
    assert_int_equal(st.st_mode & 07777, 0600);
    RUN(&ran, "call", "e/vault", "get", "--text", "no blob", "--out", file);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_size, 9);
}

static void output_that_cannot_be_written_is_a_failure(void **state)
{
    (void)state;
    started_world_or_skip();
    RUN(&ran, "call", "e/echo", "echo", "--text", "x", "--out", "/dev/full");
    expect_refusal(TOOL_IO);
    RUN(&ran, "call", "e/echo", "echo", "--text", "x", "--out", "/nowhere/at/all");
    expect_refusal(TOOL_NOT_FOUND);
}

static void wrong_inputs_are_refused_before_the_call(void **state)
{
    (void)state;
    started_world_or_skip();
    const char *large = in_folder("large");
    write_text(large, "");
    assert_int_equal(truncate(large, 4097), 0);
    const char *const cases[][8] = {
        {"call", "e/echo", "echo"},
        {"call", "e/echo", "echo", "--text", "a", "--text=b"},
        {"call", "e/echo", "echo", "--hex", "abc"},
        {"call", "e/echo", "echo", "--hex", "zz"},
        {"call", "e/echo", "echo", "--value", "1,2"},
        {"call", "e/echo", "echo", "--in", large},
        {"call", "e/echo", "echo", "--in", "/dev/zero"},
        {"call", "e/echo", "echo", "--text=a", "--out=x", "--out=y"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        command_run(&ran, cases[i]);
        expect_refusal(TOOL_BAD_INPUT);
    }
    static const char *const absent[][6] = {
        {"call", "e/nobody", "echo"},
        {"call", "e/echo", "nothing"},
        {"call", "e/echo", "echo", "--in", "/nowhere/at/all"},
    };
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        command_run(&ran, absent[i]);
        expect_refusal(TOOL_NOT_FOUND);
    }
}

static void too_little_room_is_said_by_the_module(void **state)
{
    (void)state;
    started_world_or_skip();
    RUN(&ran, "call", "e/echo", "echo", "--text", "longer than that", "--room", "4");
    expect_refusal(TOOL_BAD_INPUT);
    assert_non_null(strstr(ran.err, "module"));
}

static void counted_calls_report_their_latency(void **state)
{
    (void)state;
    started_world_or_skip();
    RUN(&ran, "call", "e/echo", "echo", "--text", "again", "--count", "100");
    expect(TOOL_OK);
    assert_string_equal(ran.out, "again");
    assert_non_null(strstr(ran.err, "100 calls: median"));
}

static void calls_in_flight_report_their_rate(void **state)
{
    (void)state;
    started_world_or_skip();
    RUN(&ran, "call", "e/echo", "echo", "--text", "again", "--count", "100", "--in-flight", "64");
    expect(TOOL_OK);
    assert_non_null(strstr(ran.err, "100 calls, 64 in flight"));
    RUN(&ran, "call", "e/echo", "echo", "--text", "again", "--in-flight", "64");
    expect_refusal(TOOL_USAGE);
    RUN(&ran, "call", "e/echo", "echo", "--text", "again", "--count", "9", "--in-flight", "65");
    expect_refusal(TOOL_BAD_INPUT);
}

static void streams_go_from_file_to_file(void **state)
{
    (void)state;
    started_world_or_skip();
    const char *once = in_folder("once");
    RUN(&ran, "call", "e/calls", "invert", "--in", echo_module, "--out", once);
    expect(TOOL_OK);
    RUN(&ran, "call", "e/calls", "invert", "--in", once, "--out", in_folder("twice"), "--out", "-");
    expect(TOOL_OK);
    assert_int_not_equal(atoi(ran.out), 0);
    RUN(&ran, "module", "diff", echo_module, in_folder("twice"));
    expect(TOOL_OK);
    command_run_with_input(&ran, "hello", (const char *const[]){"call", "e/calls", "invert", NULL});
    expect(TOOL_OK);
    assert_memory_equal(ran.out, "\x97\x9a\x93\x93\x90", 5);
}

static void stream_that_fails_leaves_no_file(void **state)
{
    (void)state;
    started_world_or_skip();
    const char *out = in_folder("stopped");
    command_run_with_input(&ran, "stop",
                           (const char *const[]){"call", "e/calls", "invert", "--out", out, NULL});
    expect_refusal(TOOL_FAILED);
    assert_int_equal(access(out, F_OK), -1);
    RUN(&ran, "call", "e/calls", "invert", "--in", "/nowhere/at/all");
    expect_refusal(TOOL_NOT_FOUND);
    RUN(&ran, "call", "e/calls", "invert", "--text", "x");
    expect_refusal(TOOL_BAD_INPUT);
}

/* The module waits for input that does not come. */
static void stream_that_is_interrupted_leaves_no_file(void **state)
{
    (void)state;
    started_world_or_skip();
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    char line[700];
    assert_int_equal(mkdir(in_folder("streamed"), 0700), 0);
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    int fifo = open(in_folder("fifo"), O_RDWR | O_CLOEXEC); /* so that neither end waits */
    (void)snprintf(line, sizeof line, "test -n \"$(ls %s)\"", in_folder("streamed"));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const char *const words[] = {"call",
                                     "e/calls",
                                     "invert",
                                     "--in",
                                     in_folder("fifo"),
                                     "--out",
                                     in_folder("streamed/out"),
                                     NULL};
        pid_t call = command_start(in_folder("call.log"), words);
        for (int wait = 0; wait < 1000 && system(line) != 0; wait++)
            (void)usleep(10000);
        assert_int_equal(system(line), 0);
        assert_int_equal(kill(call, numbers[i]), 0);
        assert_int_equal(command_wait(call), 128 + numbers[i]);
        assert_int_not_equal(system(line), 0);
    }
    (void)close(fifo);
}

/* Wherever the signal comes: the world serves and the command has said so, or neither. */
static void world_that_is_interrupted_before_it_serves_is_gone(void **state)
{
    (void)state;
    started_world_or_skip();
    const char *const words[] = {"world",    "run",      "i",         "--debug",
                                 "--detach", "--module", echo_module, NULL};
    char line[700];
    (void)snprintf(line, sizeof line, "ls %s | grep -q '^i[.]log[.]'", in_folder("run"));
    for (useconds_t wait_us = 0; wait_us < 200000; wait_us = 2 * wait_us + 1000) {
        pid_t command = command_start(in_folder("i.log"), words);
        (void)usleep(wait_us);
        assert_int_equal(kill(command, SIGINT), 0);
        int status = command_wait(command);
        if (status == TOOL_OK)
            stop_world("i");
        else
            assert_int_equal(status, 128 + SIGINT);
        for (int wait = 0; wait < 500 && is_there(in_folder("run/i.sock")); wait++)
            (void)usleep(10000);
        assert_false(is_there(in_folder("run/i.sock")));
        assert_int_not_equal(system(line), 0);
    }
}

/* Sealing and reports */

static void sealed_file_opens_after_a_restart(void **state)
{
    (void)state;
    started_world_or_skip();
    const char *blob = in_folder("blob");
    RUN(&ran, "call", "e/vault", "put", "--text", "a secret that stays one", "--out", blob);
    expect(TOOL_OK);
    stop_world("e");
    start_world("e");
    RUN(&ran, "call", "e/vault", "get", "--in", blob);
    expect(TOOL_OK);
    assert_string_equal(ran.out, "a secret that stays one");
}

#define NONCE "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define OTHER_NONCE "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void make_signed(const char *key, const char *module)
{
    RUN(&ran, "module", "keygen", "-o", key);
    expect(TOOL_OK);
    RUN(&ran, "module", "sign", echo_module, "--key", key, "-o", module);
    expect(TOOL_OK);
}

static void report_of_a_production_world_is_accepted(void **state)
{
    (void)state;
    started_world_or_skip();
    char module[200];
    char report[200];
    char ca[200];
    (void)snprintf(module, sizeof module, "%s", in_folder("signed.mod"));
    (void)snprintf(report, sizeof report, "%s", in_folder("re\033[2J\u202eport"));
    (void)snprintf(ca, sizeof ca, "%s", in_folder("state/ca.pem"));
    make_signed(in_folder("author.pem"), module);
    RUN(&ran, "world", "run", "p", "--detach", "--module", module);
    expect(TOOL_OK);
    RUN(&ran, "report", "get", "p/signed", "--nonce", NONCE, "-o", report);
    expect(TOOL_OK);
    stop_world("p");
    RUN(&ran, "report", "verify", report, "--nonce", NONCE, "--ca", ca);
    expect(TOOL_OK);
    assert_non_null(strstr(ran.out, "/re?[2J???port: accepted\n"));
    RUN(&ran, "report", "verify", report, "--nonce", OTHER_NONCE, "--ca", ca);
    expect(TOOL_REFUSED);
}

static void report_of_a_debug_world_is_refused_by_default(void **state)
{
    (void)state;
    started_world_or_skip();
    char report[200];
    char ca[200];
    (void)snprintf(report, sizeof report, "%s", in_folder("debug-report"));
    (void)snprintf(ca, sizeof ca, "%s", in_folder("state/ca.pem"));
    RUN(&ran, "report", "get", "e/echo", "--nonce", NONCE, "-o", report);
    expect(TOOL_OK);
    RUN(&ran, "report", "verify", report, "--nonce", NONCE, "--ca", ca);
    expect(TOOL_REFUSED);
    RUN(&ran, "report", "verify", report, "--nonce", NONCE, "--ca", ca, "--allow-debug");
    expect(TOOL_OK);
}

/* Static programs, and the doctor */

static void static_program_runs_with_its_arguments(void **state)
{
    (void)state;
    started_world_or_skip();
    if (!is_there("/bin/busybox")) {
        print_message("skipped: there is no /bin/busybox\n");
        skip();
    }
    RUN(&ran, "exec", "busybox", "echo", "one", "two");
    expect(TOOL_OK);
    assert_string_equal(ran.out, "one two\n");
    RUN(&ran, "exec", "/bin/busybox", "sh", "-c", "exit 42");
    expect(42);
    command_run_with_input(&ran, "through",
                           (const char *const[]){"exec", "--mem", "8M", "busybox", "cat", NULL});
    assert_string_equal(ran.out, "through");
    RUN(&ran, "exec", "/bin/busybox", "cat", "/etc/passwd");
    expect(1);
    /* Threads and processes: none, as where all are in use. */
    RUN(&ran, "exec", "/bin/busybox", "sh", "-c", "(echo x); echo y");
    expect(2);
    assert_non_null(strstr(ran.err, "can't fork: Resource temporarily unavailable"));
}

/* As env(1) says it. */
static void program_that_cannot_run_is_told_from_one_that_failed(void **state)
{
    (void)state;
    started_world_or_skip();
    RUN(&ran, "exec", "/bin/ls");
    expect_refusal(126);
    RUN(&ran, "exec", "no-such-program");
    expect_refusal(127);
    RUN(&ran, "exec", "/nowhere/at/all");
    expect_refusal(127);
    static const char *const wrong[][5] = {{"exec"},
                                           {"exec", "--nonsense"},
                                           {"exec", "--mem"},
                                           {"exec", "--mem", "1", "x"},
                                           {"exec", "--mem", "1T", "x"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        command_run(&ran, wrong[i]);
        expect_refusal(125);
    }
}

static void doctor_says_that_worlds_can_run(void **state)
{
    (void)state;
    started_world_or_skip();
    RUN(&ran, "doctor", "--json");
    expect(TOOL_OK);
    json_t *found = json_loads(ran.out, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(found);
    assert_true(json_is_true(json_object_get(found, "worlds")));
    assert_non_null(json_string_value(json_object_get(found, "kvm")));
    assert_non_null(json_string_value(json_object_get(found, "isolation")));
    assert_true(json_is_object(json_object_get(found, "probes")));
    assert_true(json_is_array(json_object_get(found, "advice")));
    json_decref(found);
}

/* In a mount namespace of its own, with something else in place of /dev/kvm. */
static void run_without_kvm(const char *const *words, int *status, char *text, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("/dev/null", "/dev/kvm", NULL, MS_BIND, NULL) != 0)
            _exit(111);
        command_run(&ran, words);
        if (write(ends[1], ran.err, strlen(ran.err)) < 0 ||
            write(ends[1], ran.out, ran.out_size) < 0)
            _exit(112);
        _exit(ran.status);
    }
    (void)close(ends[1]);
    ssize_t length = read(ends[0], text, size - 1);
    text[length > 0 ? length : 0] = '\0';
    (void)close(ends[0]);
    *status = command_wait(child);
}

static void without_kvm_it_says_so_and_what_to_do(void **state)
{
    (void)state;
    started_world_or_skip();
    if (geteuid() != 0) {
        print_message("skipped: needs root to hide /dev/kvm\n");
        skip();
    }
    const char *const cases[][6] = {
        {"world", "run", "k", "--module", echo_module},
        {"doctor"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[4096];
        int status;
        run_without_kvm(cases[i], &status, text, sizeof text);
        assert_int_equal(status, TOOL_UNAVAILABLE);
        assert_non_null(strstr(text, "/dev/kvm"));
        assert_true(i == 0 || strstr(text, "cloister nested -- COMMAND"));
    }
}

#define WITH_WORLD(name) cmocka_unit_test_setup_teardown(name, world_e, end_world_e)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_worlds_is_an_empty_list),
        cmocka_unit_test(runtime_folder_of_others_is_refused),
        cmocka_unit_test(socket_of_a_dead_world_is_not_listed),
        WITH_WORLD(world_is_listed_and_shown),
        WITH_WORLD(shown_json_has_what_programs_need),
        WITH_WORLD(top_shows_what_a_running_world_does),
        WITH_WORLD(measurement_of_the_file_is_the_worlds),
        WITH_WORLD(name_of_a_running_world_is_refused),
        cmocka_unit_test(stopped_world_is_gone),
        WITH_WORLD(world_is_found_by_its_socket_too),
        cmocka_unit_test(world_of_a_bad_module_does_not_start),
        cmocka_unit_test(production_world_refuses_an_unsigned_module),
        cmocka_unit_test(world_without_platform_keys_does_not_start),
        cmocka_unit_test(log_goes_where_it_is_told),
        cmocka_unit_test(interrupt_ends_a_foreground_world_cleanly),
        cmocka_unit_test(termination_ends_a_foreground_world_cleanly),
        cmocka_unit_test(interrupt_of_the_whole_group_ends_it_cleanly),
        WITH_WORLD(inputs_of_every_kind_reach_the_module),
        WITH_WORLD(empty_and_largest_input_come_back),
        WITH_WORLD(output_file_is_written_only_after_success),
        WITH_WORLD(output_that_cannot_be_written_is_a_failure),
        WITH_WORLD(wrong_inputs_are_refused_before_the_call),
        WITH_WORLD(too_little_room_is_said_by_the_module),
        WITH_WORLD(counted_calls_report_their_latency),
        WITH_WORLD(calls_in_flight_report_their_rate),
        WITH_WORLD(streams_go_from_file_to_file),
        WITH_WORLD(stream_that_fails_leaves_no_file),
        WITH_WORLD(stream_that_is_interrupted_leaves_no_file),
        cmocka_unit_test(world_that_is_interrupted_before_it_serves_is_gone),
        WITH_WORLD(sealed_file_opens_after_a_restart),
        cmocka_unit_test(report_of_a_production_world_is_accepted),
        WITH_WORLD(report_of_a_debug_world_is_refused_by_default),
        cmocka_unit_test(static_program_runs_with_its_arguments),
        cmocka_unit_test(program_that_cannot_run_is_told_from_one_that_failed),
        cmocka_unit_test(doctor_says_that_worlds_can_run),
        cmocka_unit_test(without_kvm_it_says_so_and_what_to_do),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}

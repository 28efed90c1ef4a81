/*
 * The console on real pipes and a real pseudo-terminal, put in place of this process's standard
 * input and output for as long as a test runs.
 */
#include "vmm/guest/console.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/serial_reg.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define CTRL_A 1
#define PIPE_SIZE 4096 /* the least that there is: soon full */
#define FLOOD (3u * PIPE_SIZE)
#define KICKS 20

static struct console console;
static struct serial serial;
static int kept[2]; /* the real standard input and output */
static int ends[2]; /* of a pipe, or master and slave of a terminal */

static void ignore_line(void *controller, unsigned line, unsigned source, bool level)
{
    (void)controller, (void)line, (void)source, (void)level;
}

static int create(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN); /* as in the VMM */
    (void)fflush(stdout);
    kept[0] = dup(STDIN_FILENO);
    kept[1] = dup(STDOUT_FILENO);
    ends[0] = ends[1] = -1;
    console = (struct console){0};
    serial_create(&serial, (struct interrupt_line){.set = ignore_line}, console_out, NULL);
    serial_write(&serial, UART_IER, UART_IER_RDI); /* the guest listens */
    return kept[0] >= 0 && kept[1] >= 0 ? 0 : -1;
}

static int destroy(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        if (dup2(kept[i], (int)i) != (int)i)
            return -1;
        (void)close(kept[i]);
        if (ends[i] >= 0)
            (void)close(ends[i]);
    }
    return 0;
}

static void close_end(unsigned i)
{
    assert_int_equal(close(ends[i]), 0);
    ends[i] = -1;
}

static void put_in_place(int fd, int place)
{
    assert_int_equal(dup2(fd, place), place);
}

/* Standard input is a pipe; the test writes into ends[1]. */
static void use_pipe_as_input(void)
{
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    put_in_place(ends[0], STDIN_FILENO);
    close_end(0);
}

/* Standard output is a small pipe; the test reads from ends[0]. */
static void use_pipe_as_output(int flags)
{
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE) >= 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, flags), 0);
    put_in_place(ends[1], STDOUT_FILENO);
    close_end(1);
}

/* Standard input is a terminal; the test types into ends[0]. */
static void use_terminal(void)
{
    assert_int_equal(openpty(&ends[0], &ends[1], NULL, NULL, NULL), 0);
    put_in_place(ends[1], STDIN_FILENO);
}

static void type(int fd, const void *bytes, size_t size)
{
    assert_int_equal(write(fd, bytes, size), size);
}

/* What the guest finds at its port, as a string. */
static const char *received(void)
{
    static char bytes[SERIAL_QUEUE + 1];
    size_t count = 0;
    while (count < SERIAL_QUEUE && (serial_read(&serial, UART_LSR) & UART_LSR_DR))
        bytes[count++] = (char)serial_read(&serial, UART_RX);
    bytes[count] = '\0';
    return bytes;
}

static void expect_same_settings(const struct termios *a, const struct termios *b)
{
    assert_int_equal(a->c_iflag, b->c_iflag);
    assert_int_equal(a->c_oflag, b->c_oflag);
    assert_int_equal(a->c_cflag, b->c_cflag);
    assert_int_equal(a->c_lflag, b->c_lflag);
    assert_memory_equal(a->c_cc, b->c_cc, sizeof a->c_cc);
}

static struct termios settings(void)
{
    struct termios now;
    assert_int_equal(tcgetattr(STDIN_FILENO, &now), 0);
    return now;
}

/* Terminals */

static void terminal_is_raw_for_the_guest_and_then_as_it_was(void **state)
{
    (void)state;
    use_terminal();
    const struct termios before = settings();
    assert_true(before.c_lflag & ICANON);
    console_create(&console);
    assert_true(console.is_terminal);
    const struct termios raw = settings();
    assert_int_equal(raw.c_lflag & (tcflag_t)(ICANON | ECHO | ISIG | IEXTEN), 0);
    assert_int_equal(raw.c_iflag & (tcflag_t)(ICRNL | IXON), 0);
    assert_int_equal(raw.c_oflag & (tcflag_t)OPOST, 0);
    console_destroy(&console);
    const struct termios after = settings();
    expect_same_settings(&after, &before);
}

/* What someone set after the guest had gone stays. */
static void terminal_is_given_back_once(void **state)
{
    (void)state;
    use_terminal();
    console_create(&console);
    console_destroy(&console);
    struct termios theirs = settings();
    theirs.c_lflag &= ~(tcflag_t)ECHO;
    assert_int_equal(tcsetattr(STDIN_FILENO, TCSANOW, &theirs), 0);
    console_destroy(&console);
    const struct termios after = settings();
    expect_same_settings(&after, &theirs);
}

static void keys_that_move_a_terminal_reach_the_guest(void **state)
{
    static const char keys[] = "\x03\x04\x1a\x1c\x11\x13\r\x7f";
    (void)state;
    use_terminal();
    console_create(&console);
    type(ends[0], keys, strlen(keys));
    assert_int_equal(console_in(&console, &serial), CONSOLE_GOES_ON);
    assert_string_equal(received(), keys);
    console_destroy(&console);
}

static void keys_to_quit_are_found_across_reads(void **state)
{
    (void)state;
    use_terminal();
    console_create(&console);
    type(ends[0], "ab\x01", 3);
    assert_int_equal(console_in(&console, &serial), CONSOLE_GOES_ON);
    assert_string_equal(received(), "ab");
    type(ends[0], "x", 1);
    assert_int_equal(console_in(&console, &serial), CONSOLE_QUIT);
    assert_string_equal(received(), "");
    console_destroy(&console);
}

static void terminal_that_hangs_up_is_the_end_of_input(void **state)
{
    (void)state;
    use_terminal();
    console_create(&console);
    close_end(0);
    assert_int_equal(console_in(&console, &serial), CONSOLE_GOES_ON);
    assert_true(console.at_end);
    console_destroy(&console);
}

/* Keys */

static size_t filter(const char *keys, char *left, enum console_input *input)
{
    uint8_t bytes[16];
    size_t length = strlen(keys);
    memcpy(bytes, keys, length);
    size_t count = console_keys(&console, bytes, length, input);
    assert_true(count <= length);
    memcpy(left, bytes, count);
    left[count] = '\0';
    return count;
}

static void sequences_of_a_terminal_are_taken_out(void **state)
{
    static const struct {
        const char *keys;
        const char *left;
        enum console_input input;
    } cases[] = {{"abc", "abc", CONSOLE_GOES_ON},
                 {"", "", CONSOLE_GOES_ON},
                 {"a\x01xb", "a", CONSOLE_QUIT},
                 {"\x01X", "", CONSOLE_QUIT},
                 {"x\x01\x01x", "x\x01x", CONSOLE_GOES_ON},
                 {"\x01\x01\x01\x01", "\x01\x01", CONSOLE_GOES_ON},
                 {"\x01\x01\x01x", "\x01", CONSOLE_QUIT},
                 {"\x01yx", "yx", CONSOLE_GOES_ON}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char left[17];
        enum console_input input;
        console = (struct console){.is_terminal = true};
        (void)filter(cases[i].keys, left, &input);
        assert_string_equal(left, cases[i].left);
        assert_int_equal(input, cases[i].input);
        assert_false(console.escaped && input == CONSOLE_GOES_ON);
    }
    console.is_terminal = false; /* nothing to give back */
}

/* A file may have any byte in it. */
static void what_is_no_terminal_has_no_sequences(void **state)
{
    char left[17];
    enum console_input input;
    (void)state;
    assert_int_equal(filter("\x01x\x01\x01", left, &input), 4);
    assert_string_equal(left, "\x01x\x01\x01");
    assert_int_equal(input, CONSOLE_GOES_ON);
}

/* Other input */

static void pipe_is_read_to_its_end(void **state)
{
    (void)state;
    use_pipe_as_input();
    console_create(&console);
    assert_false(console.is_terminal);
    type(ends[1], "a\x01x", 3);
    assert_int_equal(console_in(&console, &serial), CONSOLE_GOES_ON);
    assert_string_equal(received(), "a\x01x");
    type(ends[1], "last", 4);
    close_end(1);
    assert_int_equal(console_in(&console, &serial), CONSOLE_GOES_ON);
    assert_false(console.at_end);
    assert_string_equal(received(), "last");
    assert_int_equal(console_in(&console, &serial), CONSOLE_GOES_ON);
    assert_true(console.at_end);
    assert_string_equal(received(), "");
}

/* Called on a full port it would wait for ever, or lose what it read. */
static void no_more_is_read_than_the_guest_has_room_for(void **state)
{
    char bytes[2 * SERIAL_QUEUE + 10];
    char heard[sizeof bytes + SERIAL_QUEUE];
    size_t count = 0;
    (void)state;
    use_pipe_as_input();
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)('a' + i % 26);
    type(ends[1], bytes, sizeof bytes);
    while (count < sizeof bytes) {
        assert_int_equal(console_in(&console, &serial), CONSOLE_GOES_ON);
        if (serial_room(&serial) == 0)
            assert_int_equal(console_in(&console, &serial), CONSOLE_GOES_ON);
        const char *some = received();
        memcpy(heard + count, some, strlen(some));
        count += strlen(some);
    }
    assert_int_equal(count, sizeof bytes);
    assert_memory_equal(heard, bytes, sizeof bytes);
}

static void guest_that_does_not_listen_is_read_nothing(void **state)
{
    (void)state;
    use_pipe_as_input();
    serial_write(&serial, UART_IER, 0);
    type(ends[1], "early", 5);
    assert_int_equal(console_in(&console, &serial), CONSOLE_GOES_ON);
    assert_string_equal(received(), "");
    serial_write(&serial, UART_IER, UART_IER_RDI);
    assert_int_equal(console_in(&console, &serial), CONSOLE_GOES_ON);
    assert_string_equal(received(), "early");
}

static void input_that_is_not_there_yet_is_no_end(void **state)
{
    (void)state;
    use_pipe_as_input();
    assert_int_equal(fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(console_in(&console, &serial), CONSOLE_GOES_ON);
    assert_false(console.at_end);
    type(ends[1], "late", 4);
    assert_int_equal(console_in(&console, &serial), CONSOLE_GOES_ON);
    assert_string_equal(received(), "late");
}

static void input_that_cannot_be_read_is_at_its_end(void **state)
{
    (void)state;
    ends[0] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    put_in_place(ends[0], STDIN_FILENO);
    console_create(&console);
    assert_false(console.is_terminal);
    assert_int_equal(console_in(&console, &serial), CONSOLE_GOES_ON);
    assert_true(console.at_end);
}

/* Output: a thread in the guest's place writes more than the pipe takes. */

struct writer {
    pthread_t thread;
    atomic_int id;
    void (*write)(uint8_t byte);
};

static uint8_t pattern(unsigned i)
{
    return (uint8_t)(i * 7 + i / 251);
}

static void write_to_console(uint8_t byte)
{
    console_out(NULL, byte);
}

static void write_to_port(uint8_t byte)
{
    serial_write(&serial, UART_TX, byte);
}

static void *write_all(void *of)
{
    struct writer *writer = of;
    atomic_store(&writer->id, (int)syscall(SYS_gettid));
    for (unsigned i = 0; i < FLOOD; i++)
        writer->write(pattern(i));
    return NULL;
}

/* The kernel says that it sleeps: it has nothing to wait for but the pipe. */
static void await_sleep(const struct writer *writer)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    char path[64], line[128] = "";
    for (;;) {
        (void)nanosleep(&moment, NULL);
        if (atomic_load(&writer->id) == 0)
            continue;
        (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", atomic_load(&writer->id));
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        assert_non_null(fgets(line, sizeof line, file));
        (void)fclose(file);
        const char *state = strrchr(line, ')');
        if (state && state[2] == 'S')
            return;
    }
}

static void start(struct writer *writer, void (*write)(uint8_t byte))
{
    *writer = (struct writer){.write = write};
    assert_int_equal(pthread_create(&writer->thread, NULL, write_all, writer), 0);
    await_sleep(writer);
}

static void expect_everything(const struct writer *writer)
{
    static uint8_t bytes[FLOOD];
    size_t count = 0;
    while (count < FLOOD) {
        ssize_t some = read(ends[0], bytes + count, FLOOD - count);
        assert_true(some > 0);
        count += (size_t)some;
    }
    assert_int_equal(pthread_join(writer->thread, NULL), 0);
    for (unsigned i = 0; i < FLOOD; i++)
        assert_int_equal(bytes[i], pattern(i));
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(read(ends[0], bytes, 1), -1);
}

static const int kinds[] = {0, O_NONBLOCK};

static void slow_reader_gets_everything_in_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct writer writer;
        use_pipe_as_output(kinds[i]);
        start(&writer, write_to_console);
        expect_everything(&writer);
        close_end(0);
    }
}

static void on_kick(int unused)
{
    (void)unused;
}

/* The attendant's kicks interrupt whatever the vCPU thread does. */
static void kicks_lose_no_output(void **state)
{
    const struct sigaction kick = {.sa_handler = on_kick};
    (void)state;
    assert_int_equal(sigaction(SIGUSR1, &kick, NULL), 0);
    for (unsigned i = 0; i < 2; i++) {
        struct writer writer;
        use_pipe_as_output(kinds[i]);
        start(&writer, write_to_console);
        for (unsigned k = 0; k < KICKS; k++) {
            assert_int_equal(pthread_kill(writer.thread, SIGUSR1), 0);
            await_sleep(&writer);
        }
        expect_everything(&writer);
        close_end(0);
    }
}

static void guest_whose_output_waits_still_gets_input(void **state)
{
    struct writer writer;
    (void)state;
    use_pipe_as_output(0);
    start(&writer, write_to_port);
    assert_int_equal(serial_room(&serial), SERIAL_QUEUE);
    serial_input(&serial, (const uint8_t *)"input", 5);
    assert_string_equal(received(), "input");
    expect_everything(&writer);
}

static void reader_that_leaves_is_not_waited_for(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct writer writer;
        use_pipe_as_output(kinds[i]);
        start(&writer, write_to_console);
        close_end(0);
        assert_int_equal(pthread_join(writer.thread, NULL), 0); /* the rest is dropped */
    }
}

static void output_that_is_closed_takes_everything(void **state)
{
    (void)state;
    assert_int_equal(close(STDOUT_FILENO), 0);
    for (unsigned i = 0; i < FLOOD; i++)
        console_out(NULL, pattern(i));
    assert_int_equal(fcntl(STDOUT_FILENO, F_GETFD), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(terminal_is_raw_for_the_guest_and_then_as_it_was),
        TEST(terminal_is_given_back_once),
        TEST(keys_that_move_a_terminal_reach_the_guest),
        TEST(keys_to_quit_are_found_across_reads),
        TEST(terminal_that_hangs_up_is_the_end_of_input),
        TEST(sequences_of_a_terminal_are_taken_out),
        TEST(what_is_no_terminal_has_no_sequences),
        TEST(pipe_is_read_to_its_end),
        TEST(no_more_is_read_than_the_guest_has_room_for),
        TEST(guest_that_does_not_listen_is_read_nothing),
        TEST(input_that_is_not_there_yet_is_no_end),
        TEST(input_that_cannot_be_read_is_at_its_end),
        TEST(slow_reader_gets_everything_in_order),
        TEST(kicks_lose_no_output),
        TEST(guest_whose_output_waits_still_gets_input),
        TEST(reader_that_leaves_is_not_waited_for),
        TEST(output_that_is_closed_takes_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

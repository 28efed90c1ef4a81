/*
 * The program inside the nested machine that runs the command: passes its input, output and results
 * over the port to the host, and then its exit status, upon which the host ends the machine. So it
 * never returns once the command has run.
 *   inside [-o FILE]... -- COMMAND [ARGUMENTS...]
 */
#include "tools/nested/frame.h"
#include "tools/nested/result.h"

#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define PORT "/dev/vport0p1"
#define PORT_WAIT_MS 10000
#define STEP_MS 10

struct command {
    pid_t process;
    int ended;           /* pidfd */
    int in, out, err;    /* our ends; -1: closed */
    struct frame input;  /* what of standard input is not written yet */
    uint32_t input_done; /* so much of it is */
};

static struct frame piece; /* to the host */

/* The port appears when its driver has found it, and works when the host's side is connected. */
static int open_port(void)
{
    int port = -1;
    for (int waited = 0; waited < PORT_WAIT_MS; waited += STEP_MS) {
        struct pollfd ready = {.events = POLLOUT};
        if (port < 0)
            port = open(PORT, O_RDWR | O_CLOEXEC);
        ready.fd = port;
        if (port >= 0 && poll(&ready, 1, 0) >= 0 && !(ready.revents & POLLHUP))
            return port;
        (void)usleep(STEP_MS * 1000);
    }
    return -1;
}

static bool send_bytes(int port, uint32_t kind, const void *bytes, size_t size)
{
    piece.kind = kind;
    piece.size = (uint32_t)size;
    if (size > 0)
        memcpy(piece.payload, bytes, size);
    return frame_send(port, &piece) == CLOISTER_OK;
}

/* In the child. */
static void become(char **words, int in, int out, int err)
{
    (void)signal(SIGPIPE, SIG_DFL);
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
        _exit(125);
    (void)execvp(words[0], words);
    int why = errno;
    (void)fprintf(stderr, "cloister nested: cannot run %s: %s\n", words[0], strerror(why));
    _exit(why == ENOENT ? 127 : 126);
}

static bool start(struct command *command, char **words)
{
    int in[2];
    int out[2];
    int err[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
        return false;
    command->process = fork();
    if (command->process < 0)
        return false;
    if (command->process == 0)
        become(words, in[0], out[1], err[1]);
    (void)close(in[0]);
    (void)close(out[1]);
    (void)close(err[1]);
    command->in = in[1];
    command->out = out[0];
    command->err = err[0];
    command->ended = (int)syscall(SYS_pidfd_open, command->process, 0);
    return command->ended >= 0 && fcntl(command->in, F_SETFL, O_NONBLOCK) == 0;
}

static void close_end(int *fd)
{
    (void)close(*fd);
    *fd = -1;
}

/* One read of what the command wrote, and on to the host. False: the host is gone. */
static bool pass_output(int port, int *fd, uint32_t kind)
{
    ssize_t n = read(*fd, piece.payload, sizeof piece.payload);
    if (n <= 0) {
        if (n == 0 || errno != EINTR)
            close_end(fd);
        return true;
    }
    piece.kind = kind;
    piece.size = (uint32_t)n;
    return frame_send(port, &piece) == CLOISTER_OK;
}

/* What lies in the pipe when the command has ended, and no more: a process that it left behind may
   write for ever. */
static bool pass_rest(int port, int *fd, uint32_t kind)
{
    int left = 0;
    if (*fd < 0 || ioctl(*fd, FIONREAD, &left) != 0)
        return true;
    while (left > 0 && *fd >= 0) {
        piece.size = 0;
        if (!pass_output(port, fd, kind))
            return false;
        left -= (int)piece.size;
    }
    return true;
}

static bool take_input(int port, struct command *command)
{
    if (frame_receive(port, &command->input) != CLOISTER_OK || command->input.kind != FRAME_INPUT)
        return false;
    command->input_done = 0;
    if (command->input.size == 0 && command->in >= 0)
        close_end(&command->in);
    if (command->in < 0)
        command->input.size = 0; /* nobody reads it */
    return true;
}

static void pass_input(struct command *command)
{
    ssize_t n = write(command->in, command->input.payload + command->input_done,
                      command->input.size - command->input_done);
    if (n > 0)
        command->input_done += (uint32_t)n;
    else if (errno != EAGAIN && errno != EINTR)
        close_end(&command->in);
    if (command->in < 0 || command->input_done == command->input.size)
        command->input.size = command->input_done = 0;
}

/* Until the command has ended; its exit status, or -1: the host is gone. */
static int pass_all(int port, struct command *command)
{
    enum { PORT_IN, INPUT, OUTPUT, ERRORS, ENDED, COUNT };
    int status = 0;
    for (;;) {
        bool held = command->input.size > 0;
        struct pollfd ready[COUNT] = {
            [PORT_IN] = {.fd = held ? -1 : port, .events = POLLIN},
            [INPUT] = {.fd = held ? command->in : -1, .events = POLLOUT},
            [OUTPUT] = {.fd = command->out, .events = POLLIN},
            [ERRORS] = {.fd = command->err, .events = POLLIN},
            [ENDED] = {.fd = command->ended, .events = POLLIN},
        };
        if (poll(ready, COUNT, -1) < 0 && errno != EINTR)
            return -1;
        if (ready[PORT_IN].revents && !take_input(port, command))
            return -1;
        if (ready[INPUT].revents)
            pass_input(command);
        if (ready[OUTPUT].revents && !pass_output(port, &command->out, FRAME_OUTPUT))
            return -1;
        if (ready[ERRORS].revents && !pass_output(port, &command->err, FRAME_ERROR))
            return -1;
        if (ready[ENDED].revents)
            break;
    }
    if (!pass_rest(port, &command->out, FRAME_OUTPUT) ||
        !pass_rest(port, &command->err, FRAME_ERROR) ||
        waitpid(command->process, &status, 0) != command->process)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool send_absent(int port, const char *why)
{
    return send_bytes(port, FRAME_FILE_ABSENT, why, strlen(why));
}

static bool send_result(int port, const char *path)
{
    struct stat st;
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return send_absent(port, strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return send_absent(port, "it is not a regular file");
    for (;;) {
        ssize_t n = read(fd, piece.payload, sizeof piece.payload);
        if (n < 0)
            return send_absent(port, strerror(errno));
        if (n == 0)
            return send_bytes(port, FRAME_FILE_END, NULL, 0);
        piece.kind = FRAME_FILE;
        piece.size = (uint32_t)n;
        if (frame_send(port, &piece) != CLOISTER_OK)
            return false;
    }
}

static int complain(const char *what)
{
    (void)fprintf(stderr, "nested: inside: %s\n", what); /* the machine's console */
    return 1;
}

int main(int argc, char **argv)
{
    static struct command command;
    const char *result[RESULTS_MAX];
    unsigned results = 0;
    for (int option; (option = getopt(argc, argv, "+o:")) != -1;) {
        if (option != 'o' || results == RESULTS_MAX)
            return complain("wrong usage");
        result[results++] = optarg;
    }
    if (optind == argc)
        return complain("no command");
    int port = open_port();
    if (port < 0)
        return complain("the port to the host is not there");
    (void)signal(SIGPIPE, SIG_IGN);
    if (!start(&command, argv + optind))
        return complain("cannot start a process");
    int status = pass_all(port, &command);
    bool sent = status >= 0;
    for (unsigned i = 0; sent && i < results; i++)
        sent = send_result(port, result[i]);
    uint8_t last = (uint8_t)status;
    if (!sent || !send_bytes(port, FRAME_STATUS, &last, 1))
        return complain("the port to the host broke");
    for (;;) /* what is still on its way must not be lost by an end of ours */
        (void)pause();
}

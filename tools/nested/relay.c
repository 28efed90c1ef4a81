/*
 * The program on the host that runs the nested machine: starts QEMU with one end of a socket as
 * descriptor 3, passes standard input, output and results between us and the program inside, and
 * ends the machine when the command's status has come, when the time is over or when it is told to.
 *   relay -t SECONDS [-o FILE]... -- QEMU [ARGUMENTS...]
 * Exit status: the command's; 124 the time is over; 125 the machine broke down, or a result is
 * missing; 128 + n ended by signal n.
 */
#include "tools/nested/frame.h"
#include "tools/nested/result.h"
#include "tools/tool.h"

#include "base/file.h"
#include "base/scope.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define COMMAND "nested"
#define HEADER_SIZE offsetof(struct frame, payload)

enum relay_exit { RELAY_LATE = 124, RELAY_BROKEN = 125 };

static pid_t machine; /* read by the signal handler, which is set up after it is known */

static struct frame input; /* to inside */
static size_t input_done;  /* so many of its bytes are sent */
static bool input_held;    /* it is not sent completely */
static bool input_open = true;

static void end_machine(void)
{
    (void)kill(machine, SIGKILL);
    while (waitpid(machine, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* Wherever we are, perhaps waiting for a reader of our output: nothing is left but to go. */
static void give_up(int signal_number)
{
    static const char late[] = "cloister nested: the time is over, and the command has not ended\n";
    if (signal_number == SIGALRM)
        (void)!write(STDERR_FILENO, late, sizeof late - 1);
    end_machine();
    _exit(signal_number == SIGALRM ? RELAY_LATE : 128 + signal_number);
}

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM};

static void end_by_signals(void)
{
    struct sigaction action = {.sa_handler = give_up};
    for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
        (void)sigaddset(&action.sa_mask, ending[i]);
    for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
        (void)sigaction(ending[i], &action, NULL);
}

/* In the child. It takes no input of ours, what it says is no output of the command, and Ctrl-C at
   a terminal is for us: in a session of its own. */
static void become_machine(int link, char **words)
{
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
        dup2(link, 3) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return;
    (void)setsid();
    if (link == 3)
        (void)fcntl(link, F_SETFD, 0);
    (void)execvp(words[0], words);
    (void)fprintf(stderr, "cloister nested: cannot start %s: %s\n", words[0], strerror(errno));
}

static cloister_status start(char **words, int *link, struct reason *why)
{
    int ends[2];
    sigset_t ours;
    sigset_t before;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return refuse_errno(why, "cannot make a pair of sockets");
    (void)sigfillset(&ours);
    (void)sigprocmask(SIG_BLOCK, &ours, &before);
    machine = fork();
    if (machine == 0) {
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        become_machine(ends[1], words);
        _exit(RELAY_BROKEN);
    }
    (void)close(ends[1]);
    *link = ends[0];
    if (machine > 0)
        end_by_signals();
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return machine > 0 ? CLOISTER_OK : refuse_errno(why, "cannot start a process");
}

static void read_input(void)
{
    ssize_t n = read(STDIN_FILENO, input.payload, sizeof input.payload);
    if (n < 0 && errno == EINTR)
        return;
    input.kind = FRAME_INPUT;
    input.size = n > 0 ? (uint32_t)n : 0;
    input_open = n > 0;
    input_held = true;
    input_done = 0;
}

/* As much as there is room for; a command that reads no input fills it, and then we read none. */
static void send_input(int link)
{
    size_t size = HEADER_SIZE + input.size;
    ssize_t n = send(link, (const uint8_t *)&input + input_done, size - input_done,
                     MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
        input_done += (size_t)n;
    if (input_done == size)
        input_held = false;
}

/* Until the status has come. */
static cloister_status take_frame(const struct frame *frame, int *status, struct reason *why)
{
    switch (frame->kind) {
    case FRAME_OUTPUT:
    case FRAME_ERROR:
        if (fd_write_all(frame->kind == FRAME_OUTPUT ? STDOUT_FILENO : STDERR_FILENO,
                         frame->payload, frame->size) != CLOISTER_OK)
            return refuse_errno(why, "cannot write what the command wrote");
        return CLOISTER_OK;
    case FRAME_FILE:
        return result_add(frame->payload, frame->size, why);
    case FRAME_FILE_END:
        return result_write(why);
    case FRAME_FILE_ABSENT:
        return result_skip(frame->payload, frame->size, why);
    case FRAME_STATUS:
        if (frame->size == 1) {
            *status = frame->payload[0];
            return CLOISTER_OK;
        }
    }
    return refuse(why, CLOISTER_BAD_FORMAT, "the program inside the machine talks nonsense");
}

static cloister_status explain_end(struct reason *why)
{
    int status = 0;
    while (waitpid(machine, &status, 0) < 0)
        if (errno != EINTR)
            break;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return refuse(why, CLOISTER_DEAD,
                      "the machine ended before the command did (a kernel panic?)");
    return refuse(why, CLOISTER_DEAD, "QEMU failed with status %d",
                  WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static cloister_status pass_all(int link, int *status, struct reason *why)
{
    static struct frame frame;
    while (*status < 0) {
        struct pollfd ready[] = {
            {.fd = input_open && !input_held ? STDIN_FILENO : -1, .events = POLLIN},
            {.fd = link, .events = (short)(POLLIN | (input_held ? POLLOUT : 0))},
        };
        if (poll(ready, ARRAY_SIZE(ready), -1) < 0 && errno != EINTR)
            return refuse_errno(why, "cannot wait for the machine");
        if (ready[0].revents)
            read_input();
        if (ready[1].revents & POLLOUT)
            send_input(link);
        if (!(ready[1].revents & (POLLIN | POLLHUP | POLLERR)))
            continue;
        cloister_status received = frame_receive(link, &frame);
        if (received == CLOISTER_CLOSED)
            return explain_end(why);
        if (received != CLOISTER_OK)
            return refuse(why, received, "the program inside the machine talks nonsense");
        received = take_frame(&frame, status, why);
        if (received != CLOISTER_OK)
            return received;
    }
    return CLOISTER_OK;
}

static int run(char **words, unsigned seconds)
{
    struct reason why = {0};
    AUTO_FD int link = -1;
    int status = -1;
    /* The machine must not outlive the script that started us and cleans up behind us. */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    cloister_status done = start(words, &link, &why);
    if (done == CLOISTER_OK) {
        (void)alarm(seconds);
        done = pass_all(link, &status, &why);
        (void)alarm(0);
        end_machine();
    }
    if (done != CLOISTER_OK) {
        (void)tool_fail(COMMAND, done, &why);
        return RELAY_BROKEN;
    }
    return result_all_written() || status != 0 ? status : RELAY_BROKEN;
}

int main(int argc, char **argv)
{
    unsigned long long seconds = 0;
    struct reason why;
    for (int option; (option = getopt(argc, argv, "+t:o:")) != -1;) {
        bool taken = option == 'o' && result_expect(optarg);
        if (option == 't')
            taken = tool_number("-t", optarg, 1, UINT32_MAX, &seconds, &why) == CLOISTER_OK;
        if (!taken)
            return RELAY_BROKEN;
    }
    if (optind == argc || seconds == 0)
        return RELAY_BROKEN;
    return run(argv + optind, (unsigned)seconds);
}

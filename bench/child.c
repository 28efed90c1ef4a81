/*
 * fork, exec, wait.
 */
#include "bench/child.h"

#include "bench/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void stop_signals(sigset_t *signals)
{
    (void)sigemptyset(signals);
    (void)sigaddset(signals, SIGINT);
    (void)sigaddset(signals, SIGTERM);
}

/* In the child, which began with them blocked: one that comes before it is another program ends it,
   instead of being taken for this program's. */
static void hear_signals(void)
{
    sigset_t signals;
    stop_signals(&signals);
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
    (void)sigprocmask(SIG_UNBLOCK, &signals, NULL);
}

/* Runs in the child. */
_Noreturn static void become(char *const arguments[], int input, int output, const char *errors,
                             pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    hear_signals();
    pin_nowhere();
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (getppid() != parent || nowhere < 0)
        _exit(127);
    (void)dup2(input < 0 ? nowhere : input, STDIN_FILENO);
    (void)dup2(output < 0 ? nowhere : output, STDOUT_FILENO);
    if (errors) {
        int file = open(errors, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        (void)dup2(file < 0 ? nowhere : file, STDERR_FILENO);
    }
    (void)execv(arguments[0], arguments);
    _exit(127);
}

cloister_status child_start(char *const arguments[], int input, int output, const char *errors,
                            pid_t *child, struct reason *why)
{
    pid_t parent = getpid();
    sigset_t signals;
    sigset_t before;
    stop_signals(&signals);
    (void)pthread_sigmask(SIG_BLOCK, &signals, &before);
    *child = fork();
    if (*child == 0)
        become(arguments, input, output, errors, parent);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (*child < 0)
        return refuse_errno(why, "cannot start %s", arguments[0]);
    return CLOISTER_OK;
}

int child_wait(pid_t child)
{
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

int child_ended(pid_t child)
{
    return waitpid(child, NULL, WNOHANG) == child;
}

cloister_status child_run(char *const arguments[], struct reason *why)
{
    pid_t child;
    cloister_status status = child_start(arguments, -1, -1, NULL, &child, why);
    if (status != CLOISTER_OK)
        return status;
    if (child_wait(child) != 0)
        return refuse(why, CLOISTER_IO, "%s %s failed", arguments[0],
                      arguments[1] ? arguments[1] : "");
    return CLOISTER_OK;
}

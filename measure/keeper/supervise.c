/*
 * One loop over three descriptors: the world host's socket, its pidfd, and signals. A conversation
 * that ends does not end the world host: what becomes of its modules without a keeper is its own
 * business.
 */
#include "measure/keeper/supervise.h"

#include "base/log.h"
#include "base/scope.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define KILLED 128 /* exit status of a shell: this and the signal */

static int send_signal(int process, int number)
{
    return (int)syscall(SYS_pidfd_send_signal, process, number, NULL, 0);
}

/* Returns the signal. */
static int pass_signal_on(int signals, int process)
{
    struct signalfd_siginfo info;
    if (read(signals, &info, sizeof info) != (ssize_t)sizeof info)
        return 0;
    (void)send_signal(process, (int)info.ssi_signo);
    return (int)info.ssi_signo;
}

static void serve(struct conversation *conversation)
{
    struct reason why = {""};
    cloister_status status = conversation_serve(conversation, &why);
    if (status == CLOISTER_OK)
        return;
    /* Why a launch failed the world host says, which knows the file; only we can say this: */
    if (status == CLOISTER_PROTOCOL || status == CLOISTER_BAD_STATE)
        log_warning("the world host broke the protocol: %s", why.text);
    scope_close(&conversation->socket);
    conversation->socket = -1;
}

/* A signal that was passed on is no news. */
static int collect(int process, int passed)
{
    siginfo_t info = {.si_pid = 0};
    while (waitid(P_PIDFD, (id_t)process, &info, WEXITED) != 0)
        if (errno != EINTR)
            return KILLED;
    if (info.si_code == CLD_EXITED)
        return info.si_status;
    const char *name = sigabbrev_np(info.si_status);
    if (info.si_status != passed)
        log_error("the world host was killed by signal %d (SIG%s)", info.si_status,
                  name ? name : "?");
    return KILLED + info.si_status;
}

int supervise(struct conversation *conversation, int process, int signals)
{
    for (int passed = 0;;) {
        struct pollfd watched[] = {
            {process, POLLIN, 0}, {signals, POLLIN, 0}, {conversation->socket, POLLIN, 0}};
        int ready = poll(watched, ARRAY_SIZE(watched), later_wait(conversation));
        if (ready == 0)
            later_do(conversation);
        if (ready <= 0)
            continue; /* below 0: stopped and continued */
        if (watched[0].revents)
            return collect(process, passed);
        if (watched[1].revents)
            passed = pass_signal_on(signals, process);
        if (watched[2].revents)
            serve(conversation);
    }
}

void supervise_abandon(int process)
{
    siginfo_t info;
    (void)send_signal(process, SIGKILL);
    while (waitid(P_PIDFD, (id_t)process, &info, WEXITED) != 0 && errno == EINTR)
        continue;
}

/*
 * Signals that end a program, held back.
 */
#include "base/signals.h"

#include "base/scope.h"

const int signals_ending[SIGNALS_ENDING] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

sigset_t signals_hold(void)
{
    sigset_t ending;
    sigset_t before;
    (void)sigemptyset(&ending);
    (void)sigemptyset(&before);
    for (size_t i = 0; i < ARRAY_SIZE(signals_ending); i++)
        (void)sigaddset(&ending, signals_ending[i]);
    (void)pthread_sigmask(SIG_BLOCK, &ending, &before);
    return before;
}

void signals_release(const sigset_t *before)
{
    int saved = errno;
    (void)pthread_sigmask(SIG_SETMASK, before, NULL);
    errno = saved;
}

/*
 * Signals that end a command, kept by a handler until what was begun is undone.
 */
#include "tools/interrupt.h"

#include "base/scope.h"
#include "base/signals.h"

/* Of the one thread that a command has, and its handler. */
static volatile sig_atomic_t came; /* 0: none */
static volatile pid_t child;
static const char *volatile temporary;
static struct sigaction before[SIGNALS_ENDING];

static void on_signal(int number)
{
    int saved = errno;
    came = number;
    if (child != 0)
        (void)kill(child, number);
    if (temporary) {
        (void)unlink(temporary);
        (void)signal(number, SIG_DFL);
        (void)raise(number); /* when the handler returns */
    }
    errno = saved;
}

void interrupt_hold(void)
{
    struct sigaction keep = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < SIGNALS_ENDING; i++)
        (void)sigaddset(&keep.sa_mask, signals_ending[i]);
    for (size_t i = 0; i < SIGNALS_ENDING; i++) {
        (void)sigaction(signals_ending[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN)
            (void)sigaction(signals_ending[i], &keep, NULL);
    }
}

void interrupt_pass_on(pid_t to)
{
    child = to;
    if (to != 0 && came != 0)
        (void)kill(to, came);
}

void interrupt_remove(const char *file)
{
    temporary = file;
    interrupt_hold();
}

void interrupt_release(void)
{
    for (size_t i = 0; i < SIGNALS_ENDING; i++)
        (void)sigaction(signals_ending[i], &before[i], NULL);
    child = 0;
    temporary = NULL;
    if (came != 0)
        (void)raise(came);
}

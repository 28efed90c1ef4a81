/*
 * The signals that a person ends a program with, held back while it writes what must be there whole
 * or not at all. One that came meanwhile ends the program afterwards.
 *
 *   AUTO_SIGNALS sigset_t before = signals_hold();    until the scope ends
 */
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

#include <signal.h>

#define SIGNALS_ENDING 4

/* SIGINT, SIGTERM, SIGHUP, SIGQUIT. */
extern const int signals_ending[SIGNALS_ENDING];

/* Blocks them in this thread; returns what was blocked before. */
sigset_t signals_hold(void);

/* Back to what was blocked before. */
void signals_release(const sigset_t *before);

#define AUTO_SIGNALS __attribute__((cleanup(signals_release)))

#endif

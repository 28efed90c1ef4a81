/*
 * The keeper's life: serves the world host, passes signals on to it, and ends when it ends.
 */
#ifndef MEASURE_KEEPER_SUPERVISE_H
#define MEASURE_KEEPER_SUPERVISE_H

#include "measure/keeper/conversation.h"

/* Returns the exit status of the world host, or 128 and its signal. `process` is a pidfd of the
   child, `signals` a signalfd. */
int supervise(struct conversation *conversation, int process, int signals);

/* Kills the child and waits for it: for a keeper that cannot go on. */
void supervise_abandon(int process);

#endif

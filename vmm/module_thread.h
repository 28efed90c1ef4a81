/*
 * The loop of one module thread: run the vCPU, see why it stopped, serve or end.
 */
#ifndef VMM_MODULE_THREAD_H
#define VMM_MODULE_THREAD_H

#include "vmm/module.h"

/* Installs the handler of the signal that makes a thread leave vcpu_run. Once, before any thread
   starts. */
CLOISTER_MUST_USE cloister_status module_thread_signals(struct reason *why);

/* Descriptors of the thread: its epoll and its eventfd. */
CLOISTER_MUST_USE cloister_status module_thread_create(struct module_thread *thread,
                                                       struct reason *why);

/* Starts the host thread. It waits at the world's gate, sandboxed. */
CLOISTER_MUST_USE cloister_status module_thread_start(struct module_thread *thread,
                                                      struct reason *why);

/* Runs the loop on the calling thread until the module ends or must leave (cloister exec, where
   nobody limits the time). */
void module_thread_run(struct module_thread *thread);

/* Makes the thread leave vcpu_run, if it is there. Any thread. */
void module_thread_kick(struct module_thread *thread);

/* WAIT: parks until a doorbell, module_thread_wake or the time out. CLO_WAKE_… bits. The first
   thread's first one ends the module's start. */
uint64_t module_thread_wait(struct module_thread *thread, uint64_t timeout_us);

void module_thread_destroy(struct module_thread *thread);

#endif

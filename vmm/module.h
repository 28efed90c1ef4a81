/*
 * One module of a world: what it is, its threads, its channels, its life:
 *
 *   starting → serving → dead (fault, panic, time limit) or ended (it called exit)
 *
 * A module that ends takes nothing with it: its channels say DEAD, its threads leave, the last of
 * them wipes its memory, and the world goes on. Who owns which field: world.h.
 */
#ifndef VMM_MODULE_H
#define VMM_MODULE_H

#include "abi/control.h"
#include "vmm/channel.h"
#include "vmm/errand.h"
#include "vmm/extents.h"
#include "vmm/rate.h"
#include "vmm/time_limit.h"
#include "vmm/vcpu.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

struct world;
struct module;

/* A module thread is a vCPU and the host thread that runs it. */
struct module_thread {
    struct module *module;
    unsigned index;
    struct vcpu vcpu;
    pthread_t pthread;
    bool created;        /* pthread is to be joined */
    pid_t tid;           /* for kicks */
    int epoll;           /* doorbells of its channels and `control` */
    int control;         /* eventfd: the control pages changed, or leave */
    timer_t timer;       /* kicks this thread */
    bool timed;          /* the timer exists */
    bool armed;          /* … and runs */
    uint64_t look_in_ns; /* what to set it to */
    struct time_limit limit;
    struct errand errand;
    volatile sig_atomic_t expired;                  /* set by the kick handler */
    _Atomic bool inside;                            /* in vcpu_run */
    _Atomic bool parked;                            /* in WAIT */
    _Atomic(struct clo_channel_header *) notifying; /* channel.c: not to be unmapped now */
};

#define MODULE_END_SIZE sizeof(((struct clo_module_info *)0)->end)

struct module {
    struct world *world;
    unsigned index; /* in the launch record */
    struct module_file file;
    struct placement placement;
    bool placed;
    uint64_t generation;
    uint8_t measurement[CLO_DIGEST_SIZE];
    uint8_t author[CLO_AUTHOR_SIZE];
    uint64_t allowed; /* bit n: hypercall n */
    unsigned thread_count;
    struct module_thread *thread;

    _Atomic uint32_t state;   /* CLO_MODULE_… */
    _Atomic bool leaving;     /* threads leave their loop */
    _Atomic bool pausing;     /* threads wait outside vcpu_run for world->memory */
    _Atomic unsigned running; /* threads that have not left */

    pthread_mutex_t lock; /* the fields below */
    struct rate seals;
    struct rate logs;
    uint64_t logs_dropped;
    char end[MODULE_END_SIZE]; /* why it ended */
    int exit_status;           /* EXIT's argument, or 128 + signal */

    uint32_t window_first; /* page of the machine's window where its part begins */
    struct extents extents;
    unsigned channel_count; /* slots */
    unsigned channels_live;
    struct channel *channel;
};

/* A module of `file` (which it takes over): its limits, its state before placement. */
CLOISTER_MUST_USE cloister_status module_create(struct module *module, struct world *world,
                                                unsigned index, struct module_file *file,
                                                struct reason *why);

/* Places it and makes its vCPUs, numbered from *vcpu_id on, and its part of the window. */
CLOISTER_MUST_USE cloister_status module_place(struct module *module,
                                               const struct placement_options *options,
                                               uint32_t window_first, uint32_t window_pages,
                                               unsigned *vcpu_id, struct reason *why);

/* Starts its threads; they wait for world->gate. */
CLOISTER_MUST_USE cloister_status module_start(struct module *module, struct reason *why);

/* Starting → serving: its first thread waits for calls. */
void module_serves(struct module *module);

/* Ends it, once: records why, tells its channels, makes its threads leave. Any thread. */
__attribute__((format(printf, 4, 5))) void module_end(struct module *module, uint32_t state,
                                                      int exit_status, const char *format, ...);

/* Makes every thread leave its loop and vcpu_run soon. Any thread. */
void module_leave(struct module *module);

/* Wakes a thread that is parked, or is about to: its control pages changed, or WAKE names it. */
void module_thread_wake(struct module_thread *thread);

/* Kicks every other thread out of vcpu_run and keeps all there until module_resume. The caller
   holds world->memory and is not in vcpu_run itself. */
void module_pause_others(struct module *module, const struct module_thread *self);
void module_resume(struct module *module);

bool module_alive(const struct module *module);

/* Waits for its threads to have left and wiped. Main thread. false: they do not, in 5 s. */
CLOISTER_MUST_USE bool module_join(struct module *module);

/* Facts for the world socket. */
void module_fill_info(struct module *module, struct clo_module_info *info);

void module_destroy(struct module *module);

#endif

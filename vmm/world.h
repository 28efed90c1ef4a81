/*
 * A world: one machine, its modules, the keeper.
 *
 * Threads. The main thread serves the world socket and the signals; each vCPU has a thread of its
 * own that runs it and serves its hypercalls. Who owns what once the world runs:
 *
 *   main thread     connections, guests, the channel tables' shape (open and close, also for
 *                   modules that ask: errand.h), extents, module
 *                   control pages, epoll registrations, mappings in the channel window
 *   vCPU thread     its vcpu, timer, time limit and mailbox
 *   world.memory    page tables and the monitor slot: a channel that opens adds mappings, PROTECT
 *                   takes rights away; a thread that is paused for PROTECT waits on it
 *   module.lock     a module's end, its rate limits, and that a channel that opens and a module
 *                   that dies see each other
 *   keeper_link     one request at a time
 *   atomics         state, leaving, pausing, running, inside, parked, and a channel's header
 *
 * Order of locks: world.memory or keeper_link or module.lock alone; never two. The first two, which
 * may be held for long, go round in turn (fair_lock.h).
 * The call path (ring, WAIT, NOTIFY, re-entry) takes none of them. NOTIFY and a channel that goes
 * exclude each other by a hazard pointer (module_thread.notifying); of a guest's channel it covers
 * the guest's header and eventfds as well, which go only after the guest's channels have.
 */
#ifndef VMM_WORLD_H
#define VMM_WORLD_H

#include "vmm/fair_lock.h"
#include "vmm/keeper_link.h"
#include "vmm/module.h"
#include "vmm/options.h"

struct guests;

struct world {
    uint8_t name[CLO_NAME_SIZE];
    bool debug;
    bool exec; /* one program, no keeper, no socket */
    uint64_t started_at;
    uint32_t owner;      /* uid that the world runs as */
    uint32_t keeper_pid; /* as it was at the start */
    uint32_t spin_us;
    struct machine machine;
    bool machine_created;
    struct runtime_image runtime;
    struct keeper_link keeper;
    unsigned told, heard; /* requests of the launch that were sent, and answered */
    unsigned module_count;
    struct module *module;
    struct fair_lock memory;
    int changed;                 /* eventfd: some module changed its state */
    int processes;               /* /proc; -1: not to be had */
    const struct guests *guests; /* not owned; NULL: none are served */
    _Atomic bool stopping;
    _Atomic bool failed;      /* a thread could not be prepared */
    _Atomic uint32_t gate;    /* futex: threads start when it is 1 */
    uint32_t created;         /* threads */
    _Atomic uint32_t waiting; /* threads that stand at the gate */
};

/* Reads the module files, makes the machine, tells the keeper, places the modules. On failure
   everything is undone. What the keeper says to it: world_launch_wait. */
CLOISTER_MUST_USE cloister_status world_create(struct world *world, const struct options *options,
                                               struct reason *why);

/* The same for one program without a keeper. */
CLOISTER_MUST_USE cloister_status world_create_exec(struct world *world,
                                                    const struct options *options,
                                                    char *const *environment, struct reason *why);

/* Creates the module threads; they sandbox themselves and wait at the gate. */
CLOISTER_MUST_USE cloister_status world_start_threads(struct world *world, struct reason *why);

/* Waits until all created threads stand at the gate, and opens it: they run, or leave at once if
   one of them could not be sandboxed (UNSUPPORTED). */
CLOISTER_MUST_USE cloister_status world_open_gate(struct world *world, struct reason *why);

/* A module thread's part of it. */
void world_wait_at_gate(struct world *world);

/* Has every module left CLO_MODULE_STARTING? */
bool world_started(const struct world *world);

/* The module that ended, or NULL. */
struct module *world_dead_module(struct world *world);

struct module *world_find(struct world *world, const uint8_t name[CLO_NAME_SIZE]);
void world_fill_info(struct world *world, struct clo_world_info *info);
uint32_t world_isolation(const struct world *world);

/* Tells modules and clients, lets calls finish for a moment, ends and wipes all modules. false: a
   thread does not leave its vCPU; nothing may be freed. */
CLOISTER_MUST_USE bool world_stop(struct world *world);

void world_destroy(struct world *world);

/* Monotonic clock, ns. */
uint64_t world_now(void);

#endif

/*
 * Errands: what a module thread wants done that only the main thread may do, because the channel
 * tables are its own: OPEN and CLOSE. The thread waits; the main thread does not wait for it.
 */
#ifndef VMM_ERRAND_H
#define VMM_ERRAND_H

#include "vmm/channel_peer.h"

struct world;

enum errand_kind { ERRAND_OPEN, ERRAND_CLOSE };

/* One per module thread. Whoever moves `state` on owns the rest. */
struct errand {
    _Atomic uint32_t state; /* futex */
    enum errand_kind kind;
    struct module *callee; /* OPEN */
    uint32_t arena_size;
    uint64_t slot; /* CLOSE */
    cloister_status status;
    struct channel_peer made;
    struct reason why;
};

/* Has the thread's errand done. CLOSED: the module must leave. Module thread. */
CLOISTER_MUST_USE cloister_status errand_run(struct module_thread *thread);

/* Does what is asked for, and closes what dead modules had opened. Main thread, at each change. */
void errands_serve(struct world *world);

#endif

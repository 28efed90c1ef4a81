/*
 * A world without a wall and without a KVM: the world host's own code for clients, guests, channels
 * and wake-ups in threads of this process, and one module, "echo", that is a thread as well
 * (unwalled_module.h). What is missing is the vCPU, the keeper and the sandbox.
 */
#ifndef BENCH_UNWALLED_WORLD_H
#define BENCH_UNWALLED_WORLD_H

#include "bench/row.h"
#include "cloister/client.h"

/* Starts it, polling for `spin_us`, its module on plan->server_cpu. `guest_socket`: where VMMs
   connect, NULL for no guests. *world: the caller's connection to it. One at a time; the caller
   ends with unwalled_world_stop, also after a failure. */
CLOISTER_MUST_USE cloister_status unwalled_world_start(const struct row_plan *plan,
                                                       uint32_t spin_us, const char *guest_socket,
                                                       cloister_world **world, struct reason *why);

/* Ends it; no session may be open. */
void unwalled_world_stop(void);

#endif

/*
 * The world that is attacked, and what must hold of it: an honest client of the same module that
 * keeps calling and checks every reply, and what the module and the world host say of themselves.
 */
#ifndef TESTS_ATTACKS_ATTACKED_WORLD_H
#define TESTS_ATTACKS_ATTACKED_WORLD_H

#include "abi/control.h"
#include "tests/e2e/started_world.h"

#include <stdint.h>

extern struct started_world attacked;

/* Group setup and teardown: a debug world of witness.mod; none where there is no KVM. The teardown
   asserts that the world stops cleanly. */
int attacked_start(void **state);
int attacked_stop(void **state);

/* At the start of each test. */
void attacked_or_skip(void);

/* How often to do what is worth doing so often: fewer where everything is emulated or watched. */
unsigned attacked_times(unsigned times);

/* An honest client, in a process of its own. */
struct neighbour;
struct neighbour *neighbour_start(void);

/* Replies that it has got so far, all of them right; fails the test if one was wrong. */
uint64_t neighbour_replies(const struct neighbour *neighbour);

/* Waits until it has got so many replies more. */
void neighbour_goes_on(const struct neighbour *neighbour, uint64_t more);
void neighbour_stop(struct neighbour *neighbour);

/* What the module says of itself (tests/modules/witness.h). */
struct witness_facts {
    uint64_t opened, closed;
    uint64_t begun, most_running;
    uint64_t changed, wrong;
    uint32_t uid, gid, pid; /* of us, as the module is told */
};
struct witness_facts attacked_facts(void);

/* The module lives, is the first instance, and no rule that the SDK keeps for it was broken. */
void attacked_is_sound(void);

/* Waits until it has so many channels. */
void attacked_wait_for_channels(uint32_t wanted);

/* Of the world host. Memory in KiB; descriptors: 0 if they cannot be read. */
unsigned attacked_descriptors(void);
unsigned long attacked_memory(void);

/* fork. The child dies with us, and of a test that fails in it, which is its end and nobody else's.
 */
pid_t attacked_fork(void);

/* Waits for a child; its exit status, or 128 + signal. */
int attacked_wait_for(pid_t child);

#endif

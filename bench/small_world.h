/*
 * A world of one module without its processes: file, machine, sealed slots, address space, vCPU,
 * one channel, made by the very functions that the world host uses. What a measurement needs to
 * look at a part of the work alone. There is no keeper: nothing is sealed or reported.
 */
#ifndef BENCH_SMALL_WORLD_H
#define BENCH_SMALL_WORLD_H

#include "vmm/module_file.h"
#include "vmm/vcpu.h"

#include <stdbool.h>

struct small_world {
    struct module_file file;
    struct machine machine;
    struct runtime_image runtime;
    struct placement placement;
    struct vcpu vcpu;
    bool has_file, has_machine, has_runtime, has_placement, has_vcpu;
    uint8_t *channel; /* in the machine's window */
    uint32_t turn;    /* of the last submission */
    struct vcpu_exit end;
};

/* Reads and checks the module's file. The caller ends with small_world_destroy, whatever fails. */
CLOISTER_MUST_USE cloister_status small_world_read(struct small_world *world, const char *path,
                                                   struct reason *why);

/* Makes the rest, up to a vCPU before its first instruction and a channel with an open session
   submitted. */
CLOISTER_MUST_USE cloister_status small_world_build(struct small_world *world, struct reason *why);

/* Submits a call with 48 bytes in and out, or without parameters. */
void small_world_submit(struct small_world *world, uint16_t method, bool with_bytes);

/* Enters the vCPU as often as it takes until the module waits or a kick ends the entry (OK, see
   world->end), or fails. */
CLOISTER_MUST_USE cloister_status small_world_enter(struct small_world *world, struct reason *why);

/* Is the reply to the last submission there? */
bool small_world_replied(const struct small_world *world);

/* Checks that reply. */
CLOISTER_MUST_USE cloister_status small_world_check_reply(const struct small_world *world,
                                                          struct reason *why);

/* Is the module in a handler now? */
bool small_world_busy(const struct small_world *world);

/* Only when no thread is inside small_world_enter. */
void small_world_destroy(struct small_world *world);

#endif

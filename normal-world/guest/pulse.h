/*
 * Judges by its heartbeat (abi/guest.h) whether a world lives. Pure: who looks says what it sees
 * and when. Any thread may look.
 */
#ifndef GUEST_PULSE_H
#define GUEST_PULSE_H

#include "abi/guest.h"

#include <stdatomic.h>
#include <stdbool.h>

struct pulse {
    _Atomic uint64_t seen;      /* the beat, << 32, and for how long it has stood still, ms */
    _Atomic uint64_t looked_ms; /* when somebody looked last */
};

void pulse_start(struct pulse *pulse, uint32_t beat, uint64_t now_ms);

/* A look at the world's `beat` at `now_ms` of a clock that never goes back. false: it has stood
   still for CLO_GUEST_DEAD_MS in which we looked; true again if it moves after all. */
__attribute__((warn_unused_result)) bool pulse_felt(struct pulse *pulse, uint32_t beat,
                                                    uint64_t now_ms);

#endif

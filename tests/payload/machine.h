/*
 * What test_machine and its payload agree on.
 */
#ifndef TESTS_PAYLOAD_MACHINE_H
#define TESTS_PAYLOAD_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#define PAYLOAD_TEXT_(value) #value
#define PAYLOAD_TEXT(value) PAYLOAD_TEXT_(value)

#define PAYLOAD_HEAP 0x100000
#define PAYLOAD_STACK 0x10000

/* Numbers of its hypercalls. */
#define PAYLOAD_DONE 0x101     /* a step is done */
#define PAYLOAD_SURVIVED 0x102 /* an instruction that should not have worked did */
#define PAYLOAD_UNKNOWN 0x103  /* it knows no such thing */

/* In its mailbox's payload: at 8 the registers it started with, RBX first, RSP and RDI left out; at
   PAYLOAD_FXSAVE the floating-point state that it started with. */
#define PAYLOAD_REGISTERS 13
#define PAYLOAD_NOTES 256
#define PAYLOAD_FXSAVE 512

struct payload_notes {
    uint64_t rip;
    uint64_t address;
};

/* Word `i` of the secret; computed, so that no file and no scanner holds it. */
static inline uint64_t payload_secret(unsigned i)
{
    volatile uint64_t seed = 0x5ec7e75ec7e7ull;
    return (seed + i) * 0x9e3779b97f4a7c15ull ^ (seed << (i % 13));
}

#endif

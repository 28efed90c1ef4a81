/*
 * Parameters into a submission, completion into parameters. What comes back is checked against what
 * was asked before a byte of it is used; the arena is wiped when a call ends. Freestanding.
 */
#ifndef CLIENT_MARSHAL_H
#define CLIENT_MARSHAL_H

#include "normal-world/client/parameters.h"
#include "normal-world/client/ring.h"

/* Fills the entry, and the call's part of the arena. */
void marshal_write(struct ring *ring, const struct ring_call *call, unsigned method,
                   unsigned session, const struct placement *placement,
                   const cloister_parameter parameters[4], uint64_t deadline_us);

static_assert(offsetof(struct clo_submission, method) == 8 &&
                  offsetof(struct clo_submission, inline_out) == 15,
              "the words from method to inline_out are one store");

/* The head of the entry alone, whose turn comes last. */
static inline void marshal_line(struct clo_submission *entry, unsigned method, unsigned session,
                                uint16_t kinds, uint8_t inline_in, uint8_t inline_out,
                                uint64_t deadline_us)
{
    entry->deadline_us = deadline_us <= UINT32_MAX ? (uint32_t)deadline_us : 0;
    shared_set_pair(&entry->method, (uint64_t)(uint16_t)method | (uint64_t)kinds << 16 |
                                        (uint64_t)(uint16_t)session << 32 |
                                        (uint64_t)inline_in << 48 | (uint64_t)inline_out << 56);
}

/* Reads the completion that has come, and ends the call. Parameters are written only where the
   placement has something that comes out. */
cloister_result marshal_read(struct ring *ring, struct in_flight_call *slot,
                             const struct placement *placement, cloister_parameter parameters[4]);

/* A call that fails makes no bytes. */
void marshal_nothing(const struct placement *placement, cloister_parameter parameters[4]);

/* Up to CLO_INLINE_SIZE bytes; a full line, the case worth measuring, without a call. */
static inline void marshal_small(void *to, const void *from, size_t size)
{
    if (size == CLO_INLINE_SIZE)
        __builtin_memcpy(to, from, CLO_INLINE_SIZE);
    else if (size > 0)
        __builtin_memcpy(to, from, size);
}

#endif

/*
 * Time limit of one module thread: how long a call, and how long the start may take. Pure: the
 * caller brings the clock and the progress word (abi/hypercall.h, clo_mailbox.progress), which the
 * module writes and no client can. A module that forges it lengthens its own calls only.
 */
#ifndef VMM_TIME_LIMIT_H
#define VMM_TIME_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define TIME_LIMIT_CALL_DEFAULT_US 1000000u
#define TIME_LIMIT_START_NS 10000000000ull
/* A polling module is looked at no more often than this while it has no call. */
#define TIME_LIMIT_IDLE_NS 10000000ull

struct time_limit {
    uint64_t call_ns;  /* most that one call may take */
    uint64_t start_by; /* clock by which the module must have started */
    bool started;
    uint64_t busy;  /* odd progress value last seen; 0: none */
    uint64_t since; /* clock when it was first seen */
};

enum time_verdict { TIME_GOES_ON, TIME_CALL_EXCEEDED, TIME_START_EXCEEDED };

struct time_limit time_limit_of(uint32_t max_call_us, uint64_t now_ns);

/* Judges one look at the progress word. GOES_ON: sets *next_ns, how long until the next look. */
enum time_verdict time_limit_look(struct time_limit *limit, uint64_t progress, uint64_t now_ns,
                                  uint64_t *next_ns);

#endif

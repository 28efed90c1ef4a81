/*
 * Both sides of channels in one process: the client library on one, the SDK's serving loop on the
 * other in threads of its own, and in between what a world host does for them, which is to wake who
 * sleeps. Nothing ever wakes up because time passes, so that a lost wake-up is an end without end.
 */
#ifndef TESTS_STRESS_ONE_PROCESS_H
#define TESTS_STRESS_ONE_PROCESS_H

#include <stdint.h>

struct cloister_session;

#define PROCESS_CHANNELS 8u
#define PROCESS_ARENA 65536u

/* Methods of the module. Each echoes: bytes in, the same bytes xor 0x5a out. */
#define PROCESS_SMALL 0u /* up to 48 bytes */
#define PROCESS_LARGE 1u /* up to PROCESS_MOST */
#define PROCESS_SLOW 2u  /* the same, and takes a while; looks whether it is cancelled */
#define PROCESS_ZERO 3u  /* the same as LARGE, zero-copy both ways */
#define PROCESS_MOST 8192u

/* A module with `threads` threads. */
void process_start(unsigned threads);
void process_stop(void);

/* A session on a channel of its own, number 0 … PROCESS_CHANNELS - 1. */
struct cloister_session *process_connect(unsigned channel);

/* After it no byte of the channel is used. */
void process_disconnect(unsigned channel, struct cloister_session *session);

/* A small pseudo-random number, a state for each thread. */
static inline uint32_t process_random(uint64_t *state)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(*state >> 33);
}

#endif

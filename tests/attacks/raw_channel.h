/*
 * A client that keeps no rule: it speaks to the world socket itself, maps the channel and writes
 * there what it likes. Functions fail the test where the world does not answer at all.
 */
#ifndef TESTS_ATTACKS_RAW_CHANNEL_H
#define TESTS_ATTACKS_RAW_CHANNEL_H

#include "abi/control.h"

#include <stdbool.h>

struct raw_channel {
    int socket;
    int memfd;
    int doorbell;
    uint32_t size;
    uint32_t arena_size;
    struct clo_channel_header *header; /* NULL: no channel */
    struct clo_submission *submissions;
    struct clo_completion *completions;
    uint8_t *arena;
    uint32_t submitted; /* turns so far */
    uint32_t completed;
};

/* Connects to a world's socket: a blocking descriptor that gives up after 20 s, or -1 with errno.
 */
int raw_connect(const char *path);

/* Sends a request of these bytes behind a sound header. */
void raw_send(int socket, uint16_t type, const void *body, size_t size);

/* Status of the reply, or -1 if the connection is over. Descriptors of the reply go to `got`, which
   may be NULL. */
int raw_receive(int socket, void *body, size_t room, int got[2]);
int raw_ask(int socket, uint16_t type, const void *request, size_t size, void *body, size_t room);

/* Asks for a channel and does not look at the answer. */
void raw_ask_for_channel(int socket, const char *module, uint32_t arena_size);

/* Connects and opens a channel; the status of the reply. Without OK there is nothing to close. */
int raw_channel_open(struct raw_channel *channel, const char *path, const char *module,
                     uint32_t arena_size);
void raw_channel_close(struct raw_channel *channel);

/* The entry of the next submission. */
struct clo_submission *raw_entry(const struct raw_channel *channel);

/* Writes all of it but the turn into the next entry, publishes it and rings. */
void raw_submit(struct raw_channel *channel, const struct clo_submission *submission);
void raw_publish(struct raw_channel *channel);
void raw_ring(const struct raw_channel *channel);

/* Waits for the next completion and copies it; false: the channel is over. */
bool raw_wait(struct raw_channel *channel, struct clo_completion *completion);

/* raw_submit and raw_wait: the completion's status, or -1 if the channel is over. */
int raw_call(struct raw_channel *channel, const struct clo_submission *submission);

/* Waits until the channel is broken, and returns why. */
uint32_t raw_wait_broken(const struct raw_channel *channel);

/* Submissions. Echo takes `size` bytes at offset 0 of the arena to the middle of it. */
struct clo_submission raw_plain(uint16_t method, uint16_t session);
struct clo_submission raw_echo(const struct raw_channel *channel, uint16_t session, uint32_t size);
struct clo_submission raw_slow(uint16_t session, uint64_t us);

/* To witness, and again while it is BUSY: channels that were closed may still be leaving. */
int raw_channel_open_soon(struct raw_channel *channel, const char *path, uint32_t arena_size);

/* Opens a channel to the witness with session 0; fails the test otherwise. */
void raw_channel_ready(struct raw_channel *channel, const char *path);

#endif

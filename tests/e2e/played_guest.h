/*
 * A test that plays QEMU and the guest in it: it connects to a guest socket, takes what a VMM is
 * given, and uses lanes and channels as a guest's user space would. Functions fail the test where
 * the world does not answer at all.
 */
#ifndef TESTS_E2E_PLAYED_GUEST_H
#define TESTS_E2E_PLAYED_GUEST_H

#include "abi/guest.h"
#include "tests/attacks/raw_channel.h"

struct played_guest {
    int socket;
    int64_t id; /* in the protocol */
    int memfd;
    struct clo_guest_header *header; /* all of the memory is mapped */
    struct clo_lane *lanes;
    size_t size;
    int doorbell[CLO_GUEST_VECTORS];
    int interrupt[CLO_GUEST_VECTORS];
};

/* Connects; a blocking descriptor that gives up after 20 s, or -1. */
int played_guest_connect(const char *path);

/* Takes the greeting; false: the connection ended instead. */
bool played_guest_greeted(struct played_guest *guest, int socket);

/* Both, and says `measured` if it is not NULL; fails the test otherwise. */
void played_guest_start(struct played_guest *guest, const char *path,
                        const struct clo_guest_measured *measured);

/* The VMM and the guest are gone. */
void played_guest_end(struct played_guest *guest);

/* Hands a request to a lane and rings, as soon as the lane is free. */
void played_guest_send(const struct played_guest *guest, unsigned lane, uint16_t type,
                       const void *body, size_t size);

/* Rings for requests. */
void played_guest_ring(const struct played_guest *guest);

/* Has the lane's request been answered? */
bool played_guest_answered(const struct played_guest *guest, unsigned lane);

/* Waits for the answer: its status; its body's bytes go to `body`, their number to `got`, both of
   which may be NULL. */
int played_guest_receive(const struct played_guest *guest, unsigned lane, void *body, size_t room,
                         size_t *got);
int played_guest_ask(const struct played_guest *guest, unsigned lane, uint16_t type,
                     const void *request, size_t size, void *body, size_t room);

/* Opens a channel in a lane; the status. raw_channel_close lets go of our side of it alone. */
int played_guest_open(const struct played_guest *guest, unsigned lane, const char *module,
                      uint32_t arena_size, struct raw_channel *channel);

/* To the witness with session 0; fails the test otherwise. */
void played_guest_ready(const struct played_guest *guest, unsigned lane,
                        struct raw_channel *channel);

#endif

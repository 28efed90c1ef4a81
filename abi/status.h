/*
 * Status and origin numbers: what a call, a hypercall or a message came to, and who says so.
 * One list serves the C enum, the names and the one-line texts. Numbers are never reused.
 */
#ifndef CLO_ABI_STATUS_H
#define CLO_ABI_STATUS_H

/* X(NAME, number, text) */
#define CLO_STATUS_LIST(X)                                                                         \
    X(OK, 0, "success")                                                                            \
    X(BAD_ARGUMENT, 1, "an argument is not acceptable")                                            \
    X(BAD_FORMAT, 2, "the bytes are not in the required format")                                   \
    X(TOO_BIG, 3, "larger than the limit")                                                         \
    X(NO_MEMORY, 4, "out of memory")                                                               \
    X(NOT_FOUND, 5, "no such thing")                                                               \
    X(DENIED, 6, "not permitted")                                                                  \
    X(BUSY, 7, "no free capacity now; try again")                                                  \
    X(TIMEOUT, 8, "the deadline passed")                                                           \
    X(CANCELLED, 9, "cancelled by the caller")                                                     \
    X(DEAD, 10, "the module has ended")                                                            \
    X(CLOSED, 11, "the channel or session is closed")                                              \
    X(UNSUPPORTED, 12, "not supported here")                                                       \
    X(REFUSED, 13, "refused by policy")                                                            \
    X(STALE, 14, "not the latest version")                                                         \
    X(LIMIT, 15, "a quota is used up")                                                             \
    X(IO, 16, "a system call failed")                                                              \
    X(PROTOCOL, 17, "the other side broke the protocol")                                           \
    X(CORRUPT, 18, "authentication of the bytes failed")                                           \
    X(BAD_STATE, 19, "not possible in this state")                                                 \
    X(INTERNAL, 20, "an internal error")

/* A module's own statuses are CLO_STATUS_MODULE_FIRST and above; 16 bits in all. */
#define CLO_STATUS_MODULE_FIRST 0x8000u
#define CLO_STATUS_MAX 0xffffu

#define CLO_ORIGIN_LIST(X)                                                                         \
    X(NONE, 0, "nobody")                                                                           \
    X(CLIENT, 1, "client")                                                                         \
    X(TRANSPORT, 2, "transport")                                                                   \
    X(WORLD, 3, "world")                                                                           \
    X(MODULE, 4, "module")

#endif

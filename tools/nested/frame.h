/*
 * Frames between the program on the host (relay) and the one inside the nested machine (inside):
 * one stream each way, so that what was sent before the status has arrived before it. Both run on
 * the same kind of processor: numbers are little-endian.
 */
#ifndef TOOLS_NESTED_FRAME_H
#define TOOLS_NESTED_FRAME_H

#include "base/reason.h"

#include <stdint.h>

#define FRAME_PAYLOAD_MAX 32768u

enum frame_kind {
    FRAME_INPUT = 1,       /* to inside: standard input; without payload its end */
    FRAME_OUTPUT = 2,      /* to the host, as all below: standard output */
    FRAME_ERROR = 3,       /* standard error */
    FRAME_FILE = 4,        /* a piece of a result; results come in the order they were asked for */
    FRAME_FILE_END = 5,    /* the result is complete */
    FRAME_FILE_ABSENT = 6, /* there is none; the payload is a text that says why */
    FRAME_STATUS = 7,      /* one byte: the command's exit status; nothing follows */
};

struct frame {
    uint32_t kind;
    uint32_t size; /* of the payload in use: at most FRAME_PAYLOAD_MAX */
    uint8_t payload[FRAME_PAYLOAD_MAX];
};

/* Writes the whole frame to a descriptor that blocks. IO. */
CLOISTER_MUST_USE cloister_status frame_send(int fd, const struct frame *frame);

/* Reads one whole frame from a descriptor that blocks. CLOSED: the stream ended, also within a
   frame. BAD_FORMAT: no frame of ours. IO. */
CLOISTER_MUST_USE cloister_status frame_receive(int fd, struct frame *frame);

#endif

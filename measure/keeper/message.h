/*
 * Packets of the keeper socket: one in, one out. Knows their form, not their meaning.
 */
#ifndef MEASURE_KEEPER_MESSAGE_H
#define MEASURE_KEEPER_MESSAGE_H

#include "abi/keeper.h"
#include "base/reason.h"
#include "measure/report.h"

#define MESSAGE_REQUEST_MAX sizeof(struct clo_keeper_module)
#define MESSAGE_REPLY_MAX REPORT_SIZE_MAX

/* A request, in memory that nobody else can change. */
struct message {
    struct clo_keeper_header header;
    uint8_t body[MESSAGE_REQUEST_MAX]; /* header.size bytes */
    int descriptor;                    /* that came along, or -1; the receiver's */
};

/* Receives a request and checks its form: size, magic, unused fields, descriptors. Waits for it.
   CLOSED: the other side is gone; PROTOCOL names what is wrong. */
CLOISTER_MUST_USE cloister_status message_receive(int socket, struct message *message,
                                                  struct reason *why);

/* Answers: status OK with a body, or another with a reason and no body. Never blocks: a peer that
   does not read is CLOSED. */
CLOISTER_MUST_USE cloister_status message_reply(int socket, const struct message *request,
                                                cloister_status status, const void *body,
                                                size_t size, const struct reason *why);

#endif

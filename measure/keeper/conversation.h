/*
 * The conversation with one world host: LAUNCH, MODULE …, START, then requests of the modules in
 * the launch record (abi/keeper.h). Answers one packet at a time.
 */
#ifndef MEASURE_KEEPER_CONVERSATION_H
#define MEASURE_KEEPER_CONVERSATION_H

#include "measure/keeper/later.h"
#include "measure/keeper/message.h"
#include "measure/launch.h"

struct conversation {
    int socket;
    const char *folder; /* of the state: for reasons */
    struct platform platform;
    struct launch launch; /* its posture is there from the start */
    struct later later;
    struct message message;
    size_t reply_size;
    uint8_t reply[MESSAGE_REPLY_MAX];
};

/* Waits for one request and answers it. OK: the conversation goes on, even if the request was
   refused. Any other status ends it: CLOSED, the other side is gone; else the other side broke the
   protocol or the launch failed, and `why` says how. */
CLOISTER_MUST_USE cloister_status conversation_serve(struct conversation *conversation,
                                                     struct reason *why);

#endif

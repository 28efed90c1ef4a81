/*
 * The requests that build the launch record. Each copies and checks a hostile body; `why` is for
 * the operator. Called by conversation.c in the right order, with bodies of the right size.
 */
#ifndef MEASURE_KEEPER_LAUNCH_REQUESTS_H
#define MEASURE_KEEPER_LAUNCH_REQUESTS_H

#include "measure/keeper/conversation.h"

CLOISTER_MUST_USE cloister_status launch_request_launch(struct conversation *conversation,
                                                        struct reason *why);
CLOISTER_MUST_USE cloister_status launch_request_module(struct conversation *conversation,
                                                        struct reason *why);
CLOISTER_MUST_USE cloister_status launch_request_start(struct conversation *conversation,
                                                       struct reason *why);

#endif

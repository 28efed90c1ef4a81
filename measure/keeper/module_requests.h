/*
 * The requests of modules in a started world. Each copies and checks a hostile body; a refusal's
 * `why` is for the operator. Called by conversation.c for a module of the record, with bodies of
 * the right size.
 */
#ifndef MEASURE_KEEPER_MODULE_REQUESTS_H
#define MEASURE_KEEPER_MODULE_REQUESTS_H

#include "measure/keeper/conversation.h"

CLOISTER_MUST_USE cloister_status module_request_seal(struct conversation *conversation,
                                                      struct reason *why);
CLOISTER_MUST_USE cloister_status module_request_unseal(struct conversation *conversation,
                                                        struct reason *why);
CLOISTER_MUST_USE cloister_status module_request_report(struct conversation *conversation,
                                                        struct reason *why);
CLOISTER_MUST_USE cloister_status module_request_extend(struct conversation *conversation,
                                                        struct reason *why);
CLOISTER_MUST_USE cloister_status module_request_read(struct conversation *conversation,
                                                      struct reason *why);
CLOISTER_MUST_USE cloister_status module_request_restart(struct conversation *conversation,
                                                         struct reason *why);

#endif

/*
 * Sealing: makes and opens headers (abi/seal.h). Runs in the keeper only.
 */
#ifndef MEASURE_SEAL_H
#define MEASURE_SEAL_H

#include "measure/launch.h"
#include "measure/platform.h"

/* A fresh key and its header for launch->module[index]. BAD_ARGUMENT, UNSUPPORTED (rollback). */
CLOISTER_MUST_USE cloister_status seal_make(const struct platform *platform,
                                            const struct launch *launch, uint32_t index,
                                            const struct clo_seal_request *request, uint64_t now,
                                            struct clo_seal_reply *reply, struct reason *why);

/* Opens a hostile header for launch->module[index]. One status for every refusal, REFUSED; `why` is
   for the operator's log and names expected and actual field. */
CLOISTER_MUST_USE cloister_status seal_open(const struct platform *platform,
                                            const struct launch *launch, uint32_t index,
                                            const struct clo_seal_header *header,
                                            struct clo_unseal_reply *reply, struct reason *why);

#endif

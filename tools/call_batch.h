/*
 * cloister call --in-flight: the same call many times, some of them in flight.
 */
#ifndef TOOLS_CALL_BATCH_H
#define TOOLS_CALL_BATCH_H

#include "cloister/client.h"

/* Makes `count` calls, at most `in_flight` (1 … CLO_RING_SIZE) at a time, and says on standard
   error how many that is a second. Returns the first result that is not OK. */
cloister_result call_batch(cloister_session *session, const char *method,
                           const cloister_parameter parameters[CLO_PARAMETERS_MAX],
                           uint64_t deadline_us, unsigned long long count, unsigned in_flight);

#endif

/*
 * Many calls in flight: see call_batch.h. All of them read and write the same buffers, one after
 * the other as they are submitted and collected.
 */
#include "tools/call_batch.h"

#include "tools/call_latency.h"

#include <stdio.h>
#include <string.h>

struct batch {
    cloister_parameter parameter[CLO_RING_SIZE][CLO_PARAMETERS_MAX];
    cloister_ticket ticket[CLO_RING_SIZE];
};

/* One batch of `count` calls. */
static cloister_result call_some(cloister_session *session, const char *method,
                                 const cloister_parameter parameters[CLO_PARAMETERS_MAX],
                                 uint64_t deadline_us, unsigned count, struct batch *batch)
{
    cloister_result result = {CLOISTER_OK, CLOISTER_ORIGIN_NONE};
    unsigned sent = 0;
    while (sent < count && result.status == CLOISTER_OK) {
        memcpy(batch->parameter[sent], parameters, sizeof batch->parameter[sent]);
        result = cloister_submit(session, method, batch->parameter[sent], deadline_us,
                                 &batch->ticket[sent]);
        sent += result.status == CLOISTER_OK;
    }
    cloister_result collected = cloister_wait_all(session, batch->ticket, sent, NULL);
    return result.status == CLOISTER_OK ? collected : result;
}

cloister_result call_batch(cloister_session *session, const char *method,
                           const cloister_parameter parameters[CLO_PARAMETERS_MAX],
                           uint64_t deadline_us, unsigned long long count, unsigned in_flight)
{
    struct batch batch;
    cloister_result result = {CLOISTER_OK, CLOISTER_ORIGIN_NONE};
    uint64_t start = latency_now_ns();
    for (unsigned long long left = count; left > 0 && result.status == CLOISTER_OK;) {
        unsigned now = left < in_flight ? (unsigned)left : in_flight;
        result = call_some(session, method, parameters, deadline_us, now, &batch);
        left -= now;
    }
    uint64_t ns = latency_now_ns() - start;
    if (result.status == CLOISTER_OK && ns > 0)
        (void)fprintf(stderr, "%llu calls, %u in flight: %.0f a second\n", count, in_flight,
                      (double)count * 1e9 / (double)ns);
    return result;
}

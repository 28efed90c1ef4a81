/*
 * A pair of buffers, there and back: see pair_call.h.
 */
#include "normal-world/client/pair_call.h"

#include "normal-world/client/shared_word.h"

#include <string.h>

/* Do its words fit the line? */
static inline bool pair_is_lean(const struct method_plan *plan, const struct pair_parameters *pair)
{
    return plan->lean && !pair->in_line;
}

/* The first line, all but its turn. */
static inline void write_head(const cloister_session *session, struct clo_submission *entry,
                              unsigned method, const struct pair_parameters *pair,
                              uint64_t deadline_us)
{
    const struct method_plan *plan = &session->plan[method];
    uint8_t inline_in = pair->in_line ? (uint8_t)pair->size : 0;
    if (pair_is_lean(plan, pair))
        inline_in = CLO_WORDS_IN_LINE;
    marshal_line(entry, method, SESSION_NUMBER, pair_kinds(plan, pair), inline_in,
                 pair->out_line ? (uint8_t)pair->capacity : 0, deadline_us);
    if (pair->in_line)
        marshal_small(entry->data, pair->input, pair->size);
}

/* What lies in the arena, and where. Comes before the head, for the line is being polled. */
static inline void write_parameters(cloister_session *session, struct clo_submission *entry,
                                    unsigned method, const struct pair_parameters *pair)
{
    const struct method_plan *plan = &session->plan[method];
    struct clo_parameter words[CLO_PARAMETERS_MAX] = {{0}};
    if (!pair->in_line) {
        words[plan->in].b = pair->size;
        memcpy(session->ring.in_flight.arena.bytes, pair->input, pair->size);
    }
    if (!pair->out_line)
        words[plan->out] = (struct clo_parameter){pair_out_at(plan, pair), pair->capacity};
    if (pair_is_lean(plan, pair))
        memcpy(entry->data, words, sizeof entry->data);
    else
        memcpy(entry->parameter, words, sizeof words);
}

/* What the module made of the output in the arena. */
static inline uint64_t bytes_made(const struct method_plan *plan,
                                  const struct pair_parameters *pair,
                                  const struct clo_completion *reply)
{
    struct clo_parameter words[CLO_PARAMETERS_MAX - 1];
    if (!pair_is_lean(plan, pair))
        return reply->parameter[plan->out].b;
    memcpy(words, reply->data, sizeof words);
    return words[plan->out].b;
}

/* The reply says OK: its bytes into the caller's buffer. PROTOCOL: more than there is room for. */
static cloister_result read_pair(cloister_session *session, unsigned method,
                                 const struct pair_parameters *pair,
                                 const struct clo_completion *reply)
{
    const uint8_t *arena = session->ring.in_flight.arena.bytes;
    cloister_result result = {.status = reply->status, .origin = reply->origin};
    if (!pair->out)
        return result;
    if (pair->out_line) {
        pair->out->size = reply->inline_out;
        marshal_small(pair->out->output, reply->data, reply->inline_out);
        return result;
    }
    uint64_t made = bytes_made(&session->plan[method], pair, reply);
    if (made > pair->capacity)
        return ring_break(&session->ring);
    pair->out->size = made;
    size_t out_at = pair_out_at(&session->plan[method], pair);
    if (out_at == 0)
        shared_expect_writes(arena, made); /* by the wipe */
    shared_copy(pair->out->output, arena + out_at, made);
    return result;
}

static void wipe(uint8_t *bytes, size_t size)
{
    shared_expect_writes(bytes, size);
    shared_wipe(bytes, size);
}

/* What went in and what came out; the rest of the output's room has not been touched. */
static void wipe_pair(cloister_session *session, unsigned method,
                      const struct pair_parameters *pair)
{
    uint8_t *arena = session->ring.in_flight.arena.bytes;
    size_t in = pair->in_line ? 0 : pair->size;
    size_t out = pair->out_line ? 0 : pair->out->size;
    size_t out_at = pair_out_at(&session->plan[method], pair);
    if (out_at == 0) {
        wipe(arena, in > out ? in : out);
    } else {
        wipe(arena, in);
        wipe(arena + out_at, out);
    }
}

/* `wide`, a constant to the compiler: some buffer lies in the arena. */
static inline __attribute__((always_inline)) cloister_result
call(cloister_session *session, unsigned method, const struct pair_parameters *pair,
     uint64_t deadline_us, bool wide)
{
    struct ring *ring = &session->ring;
    struct ring_deadline deadline = ring_deadline_in(ring, deadline_us);
    struct clo_submission *entry = ring_entry(ring);
    struct clo_completion reply;
    const struct ring_expectation expected = {
        .wide = wide && !pair_is_lean(&session->plan[method], pair),
        .inline_capacity = pair->out_line ? (uint8_t)pair->capacity : 0,
        .arena_size = wide ? (uint32_t)pair_arena(&session->plan[method], pair) : 0,
    };
    if (pair->out)
        pair->out->size = 0;
    if (wide)
        write_parameters(session, entry, method, pair);
    write_head(session, entry, method, pair, deadline_us);
    ring_send(ring, entry);
    cloister_result result = ring_receive(ring, &expected, deadline, &reply);
    if (result.status != CLOISTER_OK)
        return result;
    result = (cloister_result){.status = reply.status, .origin = reply.origin};
    if (result.status == CLOISTER_OK)
        result = read_pair(session, method, pair, &reply);
    if (wide)
        wipe_pair(session, method, pair);
    return result;
}

cloister_result pair_call(cloister_session *session, unsigned method,
                          const struct pair_parameters *pair, uint64_t deadline_us)
{
    if (pair->in_line && pair->out_line)
        return call(session, method, pair, deadline_us, false);
    return call(session, method, pair, deadline_us, true);
}

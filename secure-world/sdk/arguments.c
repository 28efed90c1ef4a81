/*
 * Arguments in and results out: see arguments.h.
 */
#include "arguments.h"

#include "submission.h"

#include <string.h>

size_t arguments_scratch_size(const struct clo_manifest *manifest)
{
    size_t most = 0;
    for (unsigned m = 0; m < manifest->method_count && m < CLO_METHODS_MAX; m++) {
        const struct clo_method *method = &manifest->method[m];
        size_t sum = 0;
        for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
            if (!(method->flags & CLO_METHOD_ZERO_COPY(i)))
                sum += CLO_ARENA_LINES(method->size_max[i]);
        if (sum > most)
            most = sum;
    }
    return most;
}

/* In */

/* Results go straight to the private completion, which is where an in-out buffer starts. */
static inline uint8_t *place_inline(struct server *server, unsigned plain)
{
    if (plain == CLO_PARAM_BUFFER_IN)
        return server->in.data;
    if (plain == CLO_PARAM_BUFFER_INOUT)
        memcpy(server->out.data, server->in.data, CLO_INLINE_SIZE);
    return server->out.data;
}

static inline uint8_t *take_scratch(struct server *server, uint32_t size)
{
    uint8_t *bytes = server->scratch + server->scratch_used;
    server->scratch_used += CLO_ARENA_LINES(size);
    return bytes;
}

static inline uint8_t *place_arena(struct server *server, const struct channel *channel, unsigned i,
                                   bool zero_copy, struct submission_size size)
{
    uint8_t *shared = channel->arena + server->in.parameter[i].a;
    if (zero_copy)
        return shared;
    uint8_t *copy = take_scratch(server, submission_size_larger(size));
    if (size.in > 0)
        sdk_copy_once(copy, shared, size.in);
    return copy;
}

static inline void place_buffer(struct server *server, unsigned i, uint8_t *bytes,
                                struct submission_size size)
{
    cloister_argument *argument = &server->call.argument[i];
    server->place[i] = bytes;
    if (submission_kind_goes_in(argument->kind))
        argument->in = bytes;
    if (submission_kind_comes_out(argument->kind))
        argument->out = bytes;
    argument->size = size.in;
    argument->capacity = size.capacity;
}

void arguments_place(struct server *server, const struct channel *channel,
                     const struct clo_method *method)
{
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        cloister_argument *argument = &server->call.argument[i];
        unsigned kind = submission_kind(server->in.kinds, i);
        struct submission_size size = submission_size(&server->in, i);
        bool zero_copy = method->flags & CLO_METHOD_ZERO_COPY(i);
        argument->kind = kind & ~CLO_PARAM_INLINE;
        if (kind & CLO_PARAM_INLINE) {
            place_buffer(server, i, place_inline(server, argument->kind), size);
        } else if (submission_kind_is_buffer(kind)) {
            place_buffer(server, i, place_arena(server, channel, i, zero_copy, size), size);
        } else if (kind != CLO_PARAM_NONE) {
            argument->a = server->in.parameter[i].a;
            argument->b = server->in.parameter[i].b;
        }
    }
}

void arguments_place_pair(struct server *server, const struct channel *channel,
                          const struct pair_method *method, const struct pair *pair)
{
    cloister_argument *argument = server->call.argument;
    uint8_t *in = server->in.data;
    uint8_t *out = server->out.data;
    if (!pair->out_line)
        shared_expect_writes(channel->arena + pair->out_at, pair->out_capacity);
    if (!pair->in_line) {
        in = take_scratch(server, pair->in_size);
        sdk_copy_once(in, channel->arena + pair->in_at, pair->in_size);
    }
    if (!pair->out_line)
        out = take_scratch(server, pair->out_capacity);
    if (method->in_bit) {
        argument[method->in].kind = CLO_PARAM_BUFFER_IN;
        argument[method->in].in = in;
        argument[method->in].size = pair->in_size;
    }
    if (method->out_bit) {
        argument[method->out].kind = CLO_PARAM_BUFFER_OUT;
        argument[method->out].out = out;
        argument[method->out].capacity = pair->out_capacity;
    }
}

/* Out */

/* What the handler left behind a result of `size` bytes stays here. Words, for a call of memset
   takes longer. */
static inline void clear_behind(uint8_t data[CLO_INLINE_SIZE], unsigned size)
{
    for (unsigned at = size & ~7u; at < CLO_INLINE_SIZE; at += 8) {
        uint64_t word;
        memcpy(&word, data + at, sizeof word);
        word = at < size ? word & ((1ull << 8 * (size - at)) - 1) : 0;
        memcpy(data + at, &word, sizeof word);
    }
}

static bool sizes_are_sound(const struct server *server)
{
    for (unsigned i = 0; server->in.kinds >> (4 * i) != 0; i++) {
        unsigned plain = submission_kind(server->in.kinds, i) & ~CLO_PARAM_INLINE;
        if (submission_kind_comes_out(plain) &&
            server->call.argument[i].size > submission_size(&server->in, i).capacity)
            return false;
    }
    return true;
}

static inline void deliver_one(struct server *server, const struct channel *channel, unsigned i)
{
    const cloister_argument *argument = &server->call.argument[i];
    struct clo_parameter *out = &server->out.parameter[i];
    unsigned kind = submission_kind(server->in.kinds, i);
    if (kind == CLO_PARAM_OUT || kind == CLO_PARAM_INOUT) {
        out->a = argument->a;
        out->b = argument->b;
    } else if (submission_kind_comes_out(kind)) {
        uint8_t *shared = channel->arena + server->in.parameter[i].a;
        out->b = argument->size;
        if (argument->size > 0 && server->place[i] != shared)
            memcpy(shared, server->place[i], argument->size);
    } else if (submission_kind_comes_out(kind & ~CLO_PARAM_INLINE)) {
        reply_set_head(&server->out, CLOISTER_OK, CLOISTER_ORIGIN_MODULE, (uint8_t)argument->size);
        clear_behind(server->out.data, (unsigned)argument->size);
    }
}

static bool is_a_status(cloister_status status)
{
    return status >= 0 && (unsigned)status <= CLO_STATUS_MAX;
}

/* Nothing leaves a call that failed. */
void arguments_deliver(struct server *server, const struct channel *channel, cloister_status status)
{
    if (!is_a_status(status) || (status == CLOISTER_OK && !sizes_are_sound(server)))
        status = CLOISTER_INTERNAL;
    reply_set_head(&server->out, status, CLOISTER_ORIGIN_MODULE, 0);
    if (status != CLOISTER_OK) {
        memset(server->out.data, 0, CLO_INLINE_SIZE);
        return;
    }
    for (unsigned i = 0; server->in.kinds >> (4 * i) != 0; i++)
        deliver_one(server, channel, i);
}

void arguments_deliver_pair(struct server *server, const struct channel *channel,
                            const struct pair_method *method, const struct pair *pair,
                            cloister_status status)
{
    size_t size = method->out_bit ? server->call.argument[method->out].size : 0;
    if (!is_a_status(status) || (status == CLOISTER_OK && size > pair->out_capacity))
        status = CLOISTER_INTERNAL;
    if (status != CLOISTER_OK)
        size = 0;
    reply_set_head(&server->out, status, CLOISTER_ORIGIN_MODULE,
                   pair->out_line ? (uint8_t)size : 0);
    if (pair->out_line) {
        clear_behind(server->out.data, (unsigned)size);
        return;
    }
    server->out.parameter[method->out].b = size;
    /* Behind the input's copy, as it was placed. */
    const uint8_t *made = server->scratch + (pair->in_line ? 0 : CLO_ARENA_LINES(pair->in_size));
    if (size > 0)
        memcpy(channel->arena + pair->out_at, made, size);
}

void arguments_wipe(struct server *server)
{
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX && server->in.kinds >> (4 * i) != 0; i++)
        server->call.argument[i] = (cloister_argument){0};
    if (server->scratch_used > 0)
        sdk_wipe(server->scratch, server->scratch_used);
    server->scratch_used = 0;
}

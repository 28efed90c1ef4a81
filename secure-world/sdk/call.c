/*
 * One call: private copy of the submission, checks, private copies of the inputs, the handler, the
 * results out, everything wiped. The handler never sees memory that a client can change, unless the
 * manifest says so for a parameter (CLO_METHOD_ZERO_COPY).
 */
#include "server.h"
#include "submission.h"

#include <string.h>

#define LINE_SIZE offsetof(struct clo_submission, parameter)

static uint32_t align_up(uint32_t size)
{
    return (size + CLO_ARENA_ALIGN - 1) & ~(CLO_ARENA_ALIGN - 1);
}

size_t server_scratch_size(const struct clo_manifest *manifest)
{
    size_t most = 0;
    for (unsigned m = 0; m < manifest->method_count && m < CLO_METHODS_MAX; m++) {
        const struct clo_method *method = &manifest->method[m];
        size_t sum = 0;
        for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++)
            if (!(method->flags & CLO_METHOD_ZERO_COPY(i)))
                sum += align_up(method->size_max[i]);
        if (sum > most)
            most = sum;
    }
    return most;
}

void server_settle(struct server *server)
{
    struct channel *channel = server->owed;
    server->owed = NULL;
    if (channel->header && channel_client_sleeps(channel))
        (void)sdk_hypercall(CLO_HC_NOTIFY, channel->slot, 0, 0);
}

void server_plan(struct server *server)
{
    for (unsigned m = 0; m < server->manifest->method_count && m < CLO_METHODS_MAX; m++)
        server->small[m] = small_method_of(&server->manifest->method[m]);
}

/* `number` if it is below `count`, else 0, also where the processor runs ahead of the check. */
static inline uint32_t clamp_index(uint32_t number, uint32_t count)
{
    uint32_t mask;
    __asm__ volatile("cmp %2, %1; sbb %0, %0" : "=r"(mask) : "r"(number), "r"(count) : "cc");
    return number & mask;
}

/* The first line always, the second one where it is in use; once each. */
static void copy_submission(struct server *server, const struct channel *channel)
{
    const struct clo_submission *entry = channel_entry(channel);
    sdk_copy_once(&server->in, entry, LINE_SIZE);
    if (submission_is_wide(server->in.kinds))
        sdk_copy_once(server->in.parameter, entry->parameter, sizeof entry->parameter);
}

/* Arguments */

/* Results go straight to the private completion, which is where an in-out buffer starts. */
static uint8_t *place_inline(struct server *server, unsigned plain)
{
    if (plain == CLO_PARAM_BUFFER_IN)
        return server->in.data;
    if (plain == CLO_PARAM_BUFFER_INOUT)
        memcpy(server->out.data, server->in.data, CLO_INLINE_SIZE);
    return server->out.data;
}

static uint8_t *place_arena(struct server *server, const struct channel *channel, unsigned i,
                            bool zero_copy, uint32_t *scratch_used)
{
    struct submission_size size = submission_size(&server->in, i);
    uint8_t *shared = channel->arena + server->in.parameter[i].a;
    if (zero_copy)
        return shared;
    uint8_t *copy = server->scratch + *scratch_used;
    *scratch_used += align_up(submission_size_larger(size));
    if (size.in > 0)
        sdk_copy_once(copy, shared, size.in);
    return copy;
}

static void place_buffer(struct server *server, unsigned i, uint8_t *bytes)
{
    cloister_argument *argument = &server->call.argument[i];
    struct submission_size size = submission_size(&server->in, i);
    server->place[i] = bytes;
    if (submission_kind_goes_in(argument->kind))
        argument->in = bytes;
    if (submission_kind_comes_out(argument->kind))
        argument->out = bytes;
    argument->size = size.in;
    argument->capacity = size.capacity;
}

static void place_arguments(struct server *server, const struct channel *channel,
                            const struct clo_method *method)
{
    uint32_t used = 0;
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        cloister_argument *argument = &server->call.argument[i];
        unsigned kind = submission_kind(server->in.kinds, i);
        bool zero_copy = method->flags & CLO_METHOD_ZERO_COPY(i);
        *argument = (cloister_argument){.kind = kind & ~CLO_PARAM_INLINE};
        if (kind & CLO_PARAM_INLINE) {
            place_buffer(server, i, place_inline(server, argument->kind));
        } else if (submission_kind_is_buffer(kind)) {
            place_buffer(server, i, place_arena(server, channel, i, zero_copy, &used));
        } else if (kind != CLO_PARAM_NONE) {
            argument->a = server->in.parameter[i].a;
            argument->b = server->in.parameter[i].b;
        }
    }
}

/* Results. The handler may have changed every pointer in its call; ours count. */

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

/* What the handler left behind its result stays here. Words, for a call of memset takes longer. */
static void clear_behind(uint8_t data[CLO_INLINE_SIZE], unsigned size)
{
    for (unsigned at = size & ~7u; at < CLO_INLINE_SIZE; at += 8) {
        uint64_t word;
        memcpy(&word, data + at, sizeof word);
        word = at < size ? word & ((1ull << 8 * (size - at)) - 1) : 0;
        memcpy(data + at, &word, sizeof word);
    }
}

static void deliver_one(struct server *server, const struct channel *channel, unsigned i)
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
        server->out.inline_out = (uint8_t)argument->size;
        clear_behind(server->out.data, (unsigned)argument->size);
    }
}

/* Nothing leaves a call that failed. */
static void deliver(struct server *server, const struct channel *channel, cloister_status status)
{
    if (status < 0 || (unsigned)status > CLO_STATUS_MAX ||
        (status == CLOISTER_OK && !sizes_are_sound(server)))
        status = CLOISTER_INTERNAL;
    server->out.status = (uint16_t)status;
    if (status != CLOISTER_OK) {
        memset(server->out.data, 0, CLO_INLINE_SIZE);
        return;
    }
    for (unsigned i = 0; server->in.kinds >> (4 * i) != 0; i++)
        deliver_one(server, channel, i);
}

/* Private copies always; inputs in the arena while the channel is still ours. Results there are the
   client's to wipe. */
static void wipe(struct server *server, uint8_t *arena)
{
    for (unsigned i = 0; i < CLO_PARAMETERS_MAX; i++) {
        unsigned kind = submission_kind(server->in.kinds, i);
        uint32_t larger = submission_size_larger(submission_size(&server->in, i));
        if (!submission_kind_is_buffer(kind) || larger == 0)
            continue;
        if (server->place[i] >= server->scratch &&
            server->place[i] < server->scratch + server->scratch_size)
            sdk_wipe(server->place[i], larger);
        if (kind == CLO_PARAM_BUFFER_IN && arena)
            sdk_wipe(arena + server->in.parameter[i].a, larger);
    }
}

/* What lay in the entry's line. */
static void wipe_lines(struct server *server)
{
    sdk_wipe(server->in.data, CLO_INLINE_SIZE);
    sdk_wipe(server->out.data, CLO_INLINE_SIZE);
}

/* Calls and sessions */

static void refuse_call(struct server *server, cloister_status status)
{
    server->out.status = (uint16_t)status;
    server->out.origin = CLOISTER_ORIGIN_TRANSPORT;
}

/* Has the channel been withdrawn since the call began? Then its memory may be another client's. */
static bool gone(struct server *server, const struct channel *channel)
{
    const struct clo_channel_header *header = channel->header;
    uint32_t generation = channel->generation;
    serve_refresh(server);
    return channel->header != header || channel->generation != generation;
}

static cloister_status run_handler(struct server *server, uint32_t method)
{
    server_progress(server);
    cloister_status status = server->handlers[method](&server->call);
    server_progress(server);
    return status;
}

/* False: the channel went while the handler ran. */
static bool call_method(struct server *server, struct channel *channel)
{
    uint32_t count = server->manifest->method_count;
    if (server->in.method >= count) {
        refuse_call(server, CLOISTER_NOT_FOUND);
        return true;
    }
    uint32_t number = clamp_index(server->in.method, count);
    const struct clo_method *method = &server->manifest->method[number];
    cloister_status status = submission_check(&server->in, method);
    if (status != CLOISTER_OK) {
        refuse_call(server, status);
        return true;
    }
    place_arguments(server, channel, method);
    status = run_handler(server, number);
    if (server_control_changed(server) && gone(server, channel)) {
        wipe(server, NULL);
        wipe_lines(server);
        return false;
    }
    deliver(server, channel, status);
    if (submission_is_wide(server->in.kinds))
        wipe(server, channel->arena);
    return true;
}

static void open_session(struct server *server, struct channel *channel, uint64_t bit)
{
    memset(server->call.argument, 0, sizeof server->call.argument);
    server_progress(server);
    cloister_status status = cloister_session_opened(&server->call);
    server_progress(server);
    if (status < 0 || (unsigned)status > CLO_STATUS_MAX)
        status = CLOISTER_INTERNAL;
    server->out.status = (uint16_t)status;
    if (status == CLOISTER_OK)
        channel->sessions |= bit;
}

static void close_session(struct server *server, struct channel *channel, uint64_t bit)
{
    channel->sessions &= ~bit;
    server_progress(server);
    cloister_session_closed(channel->slot, server->in.session);
    server_progress(server);
}

/* Dispatch. False: the channel went. */
static bool perform(struct server *server, struct channel *channel)
{
    uint16_t method = server->in.method;
    if (channel_cancelled(channel) && method != CLO_METHOD_CLOSE) {
        refuse_call(server, CLOISTER_CANCELLED);
        return true;
    }
    uint64_t bit = 1ull << (server->in.session % CLO_SESSIONS_MAX);
    bool is_open = server->in.session < CLO_SESSIONS_MAX && (channel->sessions & bit);
    if (__builtin_expect(is_open && method < CLO_METHOD_OPEN, 1))
        return call_method(server, channel);
    if (server->in.session >= CLO_SESSIONS_MAX)
        refuse_call(server, CLOISTER_LIMIT);
    else if (is_open ? method == CLO_METHOD_OPEN : method != CLO_METHOD_OPEN)
        refuse_call(server, CLOISTER_BAD_STATE);
    else if (server->in.kinds)
        refuse_call(server, CLOISTER_BAD_ARGUMENT);
    else if (method == CLO_METHOD_OPEN)
        open_session(server, channel, bit);
    else
        close_session(server, channel, bit);
    return true;
}

static void begin(struct server *server, const struct channel *channel, bool wide)
{
    server->out.submission = channel->turn;
    server->out.status = CLOISTER_OK;
    server->out.origin = CLOISTER_ORIGIN_MODULE;
    server->out.inline_out = 0;
    if (wide)
        memset(server->out.parameter, 0, sizeof server->out.parameter);
    server->call.method = server->in.method;
    server->call.session = server->in.session;
    server->call.channel = channel->slot;
    server->call.deadline_us = server->in.deadline_us;
    server->call.caller = &channel->caller;
}

/* `begun`: when it did, 0 if nobody measures. Waking the client is no part of the call's time. */
static void end(struct server *server, struct channel *channel, bool wide, uint64_t begun)
{
    channel_publish(channel, &server->out, wide);
    if (__builtin_expect(begun != 0, 0))
        service_time_end(&server->service, begun, server->mailbox);
    __atomic_store_n(&server->mailbox->calls, server->mailbox->calls + 1, __ATOMIC_RELAXED);
    wipe_lines(server);
    server->owed = channel;
    /* If there is more, the fence costs less once the completion has left for the client: the next
       call settles the debt before its handler runs. */
    if (channel_look(channel) != CHANNEL_FULL)
        server_settle(server);
}

/* The plan of a small call of an open session that is wanted; NULL: it goes the long way, which
   finds what is wrong with it, if something is. */
static const struct small_method *find_small(struct server *server, const struct channel *channel)
{
    const struct clo_submission *in = &server->in;
    uint32_t count = server->manifest->method_count;
    if (in->method >= count || in->session >= CLO_SESSIONS_MAX ||
        !(channel->sessions >> in->session & 1) || channel_cancelled(channel))
        return NULL;
    const struct small_method *small = &server->small[clamp_index(in->method, count)];
    return small_fits(small, in) ? small : NULL;
}

static void deliver_small(struct server *server, const struct small_method *small,
                          cloister_status status)
{
    size_t size = small->out < CLO_PARAMETERS_MAX ? server->call.argument[small->out].size : 0;
    if (status < 0 || (unsigned)status > CLO_STATUS_MAX ||
        (status == CLOISTER_OK && size > server->in.inline_out))
        status = CLOISTER_INTERNAL;
    server->out.status = (uint16_t)status;
    server->out.inline_out = status == CLOISTER_OK ? (uint8_t)size : 0;
    clear_behind(server->out.data, server->out.inline_out);
}

/* The same as below, without a loop over parameters. */
static bool serve_small(struct server *server, struct channel *channel,
                        const struct small_method *small)
{
    uint64_t begun = service_time_begin(&server->service);
    begin(server, channel, false);
    small_place(small, &server->in, &server->out, server->call.argument);
    uint32_t number = (uint32_t)(small - server->small);
    cloister_status status = run_handler(server, number);
    if (server_control_changed(server) && gone(server, channel)) {
        wipe_lines(server);
        return false;
    }
    deliver_small(server, small, status);
    end(server, channel, false, begun);
    return true;
}

bool call_serve(struct server *server, struct channel *channel)
{
    copy_submission(server, channel);
    if (server->owed)
        server_settle(server);
    const struct small_method *small = find_small(server, channel);
    if (__builtin_expect(small != NULL, 1))
        return serve_small(server, channel, small);
    uint32_t broken = submission_broken(&server->in, channel->arena_size);
    if (broken) {
        channel_break(channel, broken);
        (void)sdk_hypercall(CLO_HC_NOTIFY, channel->slot, 0, 0);
        return false;
    }
    bool wide = submission_is_wide(server->in.kinds);
    uint64_t begun = service_time_begin(&server->service);
    begin(server, channel, wide);
    if (!perform(server, channel))
        return false;
    end(server, channel, wide, begun);
    return true;
}

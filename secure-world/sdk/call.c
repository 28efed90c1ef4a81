/*
 * One call: private copy of the submission, checks, arguments in (arguments.h), the handler,
 * results out, everything private wiped. The handler never sees memory that a client can change,
 * unless the manifest says so for a parameter (CLO_METHOD_ZERO_COPY).
 */
#include "arguments.h"
#include "submission.h"

#include <string.h>

#define LINE_SIZE offsetof(struct clo_submission, parameter)

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
        server->pair[m] = pair_method_of(&server->manifest->method[m]);
}

/* `number` if it is below `count`, else 0, also where the processor runs ahead of the check. */
static inline uint32_t clamp_index(uint32_t number, uint32_t count)
{
    uint32_t mask;
    __asm__ volatile("cmp %2, %1; sbb %0, %0" : "=r"(mask) : "r"(number), "r"(count) : "cc");
    return number & mask;
}

/* The first line always, the second one where it is in use; once each. Words that came in the line
   are moved to where they belong; where they cannot be, the mark of them breaks the channel. */
static void copy_submission(struct server *server, const struct channel *channel)
{
    const struct clo_submission *entry = channel_entry(channel);
    struct clo_submission *in = &server->in;
    sdk_copy_once(in, entry, LINE_SIZE);
    server->lean = in->inline_in == CLO_WORDS_IN_LINE && clo_words_fit_line(in->kinds);
    if (server->lean) {
        memcpy(in->parameter, in->data, sizeof in->data);
        in->parameter[CLO_PARAMETERS_MAX - 1] = (struct clo_parameter){0};
        in->inline_in = 0;
    } else if (submission_is_wide(in->kinds)) {
        sdk_copy_once(in->parameter, entry->parameter, sizeof entry->parameter);
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
    reply_set_head(&server->out, status, CLOISTER_ORIGIN_TRANSPORT, 0);
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
    arguments_place(server, channel, method);
    status = run_handler(server, number);
    if (server_control_changed(server) && gone(server, channel)) {
        arguments_wipe(server);
        wipe_lines(server);
        return false;
    }
    arguments_deliver(server, channel, status);
    return true;
}

static void open_session(struct server *server, struct channel *channel, uint64_t bit)
{
    server_progress(server);
    cloister_status status = cloister_session_opened(&server->call);
    server_progress(server);
    if (status < 0 || (unsigned)status > CLO_STATUS_MAX)
        status = CLOISTER_INTERNAL;
    reply_set_head(&server->out, status, CLOISTER_ORIGIN_MODULE, 0);
    if (status == CLOISTER_OK)
        channel->sessions |= bit;
}

static void close_session(struct server *server, struct channel *channel, uint64_t bit)
{
    channel->sessions &= ~bit;
    server->known.channel = NULL;
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
    reply_set_head(&server->out, CLOISTER_OK, CLOISTER_ORIGIN_MODULE, 0);
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
    bool second = wide && !server->lean;
    if (server->lean && !submission_has_inline(server->in.kinds))
        memcpy(server->out.data, server->out.parameter, sizeof server->out.data);
    channel_publish(channel, &server->out, second);
    channel->wide = second;
    if (__builtin_expect(begun != 0, 0))
        service_time_end(&server->service, begun, server->mailbox);
    __atomic_store_n(&server->mailbox->calls, server->mailbox->calls + 1, __ATOMIC_RELAXED);
    wipe_lines(server);
    server->owed = channel;
    /* If there is more, the fence costs less once the completion has left for the client: the next
       call settles the debt before its handler runs. Wiping much may take long. */
    bool more = channel_look(channel) == CHANNEL_FULL;
    if (more)
        channel_look_ahead(channel);
    if (!more || wide)
        server_settle(server);
    arguments_wipe(server);
}

/* Looks at a call of an open session that nobody has checked yet. */
static const struct pair_method *check_pair(struct server *server, const struct channel *channel,
                                            struct pair *pair)
{
    const struct clo_submission *in = &server->in;
    uint32_t count = server->manifest->method_count;
    if (in->method >= count || in->session >= CLO_SESSIONS_MAX ||
        !(channel->sessions >> in->session & 1))
        return NULL;
    const struct pair_method *method = &server->pair[clamp_index(in->method, count)];
    if (!pair_fits(method, in, channel->arena_size, pair))
        return NULL;
    if (!pair_is_wide(pair))
        server->known = (struct known_head){channel, submission_head(in), method, *pair};
    return method;
}

/* The plan of a call of an open session that is wanted and fits one; NULL: it goes the long way. */
static const struct pair_method *find_pair(struct server *server, const struct channel *channel,
                                           struct pair *pair)
{
    const struct known_head *known = &server->known;
    if (channel_cancelled(channel))
        return NULL;
    if (known->channel != channel || known->head != submission_head(&server->in))
        return check_pair(server, channel, pair);
    *pair = known->pair;
    return known->method;
}

/* The same as below, without a loop over parameters. */
static bool serve_pair(struct server *server, struct channel *channel,
                       const struct pair_method *method, const struct pair *pair)
{
    bool wide = pair_is_wide(pair);
    uint64_t begun = service_time_begin(&server->service);
    begin(server, channel, wide);
    arguments_place_pair(server, channel, method, pair);
    cloister_status status = run_handler(server, (uint32_t)(method - server->pair));
    if (server_control_changed(server) && gone(server, channel)) {
        arguments_wipe(server);
        wipe_lines(server);
        return false;
    }
    arguments_deliver_pair(server, channel, method, pair, status);
    end(server, channel, wide, begun);
    return true;
}

bool call_serve(struct server *server, struct channel *channel)
{
    struct pair pair;
    copy_submission(server, channel);
    if (server->owed)
        server_settle(server);
    const struct pair_method *method = find_pair(server, channel, &pair);
    if (__builtin_expect(method != NULL, 1))
        return serve_pair(server, channel, method, &pair);
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

/*
 * Clients and module at full speed, spinning and sleeping at random: no wake-up is lost, no reply
 * is wrong, no call ends otherwise than docs/calls.md says. Made for ThreadSanitizer, and worth
 * running without it for the machine's own order of memory. CLOISTER_STRESS_S: seconds for each
 * test (default 1)
 */
#include "cloister/client.h"
#include "tests/stress/one_process.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define HANG_S 60u /* without progress */

struct client {
    pthread_t thread;
    unsigned channel;
    cloister_session *session;
    uint64_t random;
    uint64_t until; /* ms */
    uint64_t calls;
    uint64_t cancelled;
    uint64_t late;
    bool shared;
    bool wrong;
};

static uint64_t milliseconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t duration_ms(void)
{
    const char *wanted = getenv("CLOISTER_STRESS_S");
    return 1000 * (wanted ? strtoull(wanted, NULL, 10) : 1);
}

/* One call's buffers. */
struct message {
    cloister_parameter parameter[4];
    size_t size;
    uint8_t in[PROCESS_MOST];
    uint8_t out[PROCESS_MOST];
};

static size_t some_size(struct client *client, unsigned method)
{
    uint32_t random = process_random(&client->random);
    if (method == PROCESS_SMALL)
        return random % (CLO_INLINE_SIZE + 1);
    return random % 4 ? random % 200 : random % PROCESS_MOST;
}

static void write_message(struct client *client, unsigned method, struct message *message)
{
    message->size = some_size(client, method);
    for (size_t i = 0; i < message->size; i++)
        message->in[i] = (uint8_t)process_random(&client->random);
    size_t room = method == PROCESS_SMALL ? CLO_INLINE_SIZE : message->size;
    message->parameter[0] = cloister_in(message->in, message->size);
    message->parameter[1] = cloister_out(message->out, room);
    message->parameter[2] = message->parameter[3] = (cloister_parameter){0};
}

/* What `message` came to. `may_end`: a deadline or a cancel was in play. */
static void check(struct client *client, const struct message *message, cloister_result result,
                  bool may_end)
{
    client->calls++;
    if (result.status != CLOISTER_OK) {
        bool cancelled = result.status == CLOISTER_CANCELLED;
        bool late = result.status == CLOISTER_TIMEOUT && result.origin == CLOISTER_ORIGIN_CLIENT;
        client->cancelled += cancelled;
        client->late += late;
        if (!may_end || !(cancelled || late) || message->parameter[1].size != 0)
            client->wrong = true;
        return;
    }
    if (message->parameter[1].size != message->size)
        client->wrong = true;
    for (size_t i = 0; i < message->size; i++)
        if (message->out[i] != (message->in[i] ^ 0x5a))
            client->wrong = true;
}

static void maybe_pause(struct client *client)
{
    uint32_t random = process_random(&client->random);
    cloister_session_set_spin(client->session, random % 4);
    if (random % 64 == 0)
        (void)usleep(random / 64 % 200);
}

static bool goes_on(const struct client *client)
{
    return !client->wrong && milliseconds() < client->until;
}

/* Ways to call */

static void call_one(struct client *client, struct message *message)
{
    unsigned method = process_random(&client->random) % 4;
    write_message(client, method, message);
    cloister_result result = cloister_call_number(client->session, method, message->parameter, 0);
    /* Others' batches may have everything, and not be collecting just now. */
    if (client->shared && result.status == CLOISTER_BUSY)
        return;
    check(client, message, result, false);
}

static void *call_one_by_one(void *context)
{
    struct client *client = context;
    static _Thread_local struct message message;
    while (goes_on(client)) {
        maybe_pause(client);
        call_one(client, &message);
    }
    return NULL;
}

#define BATCH 40u

struct batch {
    struct message message[BATCH];
    cloister_ticket ticket[BATCH];
    bool may_end[BATCH];
    unsigned count;
};

static void submit_some(struct client *client, struct batch *batch, bool may_end)
{
    unsigned wanted = 1 + process_random(&client->random) % BATCH;
    batch->count = 0;
    while (batch->count < wanted) {
        struct message *message = &batch->message[batch->count];
        unsigned method = process_random(&client->random) % 4;
        uint64_t deadline = may_end && method == PROCESS_SLOW ? 20 : 0;
        write_message(client, method, message);
        cloister_result result = cloister_submit_number(client->session, method, message->parameter,
                                                        deadline, &batch->ticket[batch->count]);
        if (result.status != CLOISTER_OK) {
            client->wrong |= result.status != CLOISTER_BUSY;
            return;
        }
        batch->may_end[batch->count++] = deadline != 0;
    }
}

static void cancel_some(struct client *client, struct batch *batch)
{
    for (unsigned i = 0; i < batch->count; i++) {
        if (process_random(&client->random) % 4)
            continue;
        batch->may_end[i] = true;
        client->wrong |= cloister_cancel(client->session, batch->ticket[i]) != CLOISTER_OK;
    }
}

static void collect_each(struct client *client, struct batch *batch)
{
    for (unsigned i = 0; i < batch->count; i++) {
        cloister_result result;
        if (i % 2)
            result = cloister_wait(client->session, batch->ticket[i]);
        else
            while (!cloister_poll(client->session, batch->ticket[i], &result))
                ;
        check(client, &batch->message[i], result, batch->may_end[i]);
    }
}

static void collect_any(struct client *client, struct batch *batch)
{
    for (unsigned i = 0; i < batch->count; i++) {
        size_t index;
        cloister_result result =
            cloister_wait_any(client->session, batch->ticket, batch->count, &index);
        check(client, &batch->message[index], result, batch->may_end[index]);
    }
}

static void collect_all(struct client *client, struct batch *batch)
{
    cloister_result results[BATCH];
    (void)cloister_wait_all(client->session, batch->ticket, batch->count, results);
    for (unsigned i = 0; i < batch->count; i++)
        check(client, &batch->message[i], results[i], batch->may_end[i]);
}

static void *call_in_batches(void *context)
{
    static void (*const collect[])(struct client *, struct batch *) = {collect_each, collect_any,
                                                                       collect_all};
    struct client *client = context;
    struct batch *batch = calloc(1, sizeof *batch);
    while (batch && goes_on(client)) {
        maybe_pause(client);
        bool may_end = process_random(&client->random) % 2;
        submit_some(client, batch, may_end);
        if (may_end)
            cancel_some(client, batch);
        collect[process_random(&client->random) % 3](client, batch);
    }
    free(batch);
    return NULL;
}

/* Sessions come and go beside those that call. */
static void *call_and_reconnect(void *context)
{
    struct client *client = context;
    static _Thread_local struct message message;
    while (goes_on(client)) {
        process_disconnect(client->channel, client->session);
        client->session = process_connect(client->channel);
        for (unsigned i = 0; i < 20; i++) {
            maybe_pause(client);
            call_one(client, &message);
        }
    }
    return NULL;
}

/* Zero-copy: what the module reads and writes is the client's own. */
static void *call_without_copies(void *context)
{
    struct client *client = context;
    cloister_session *session = client->session;
    while (goes_on(client)) {
        size_t size = 1 + process_random(&client->random) % PROCESS_MOST;
        void *in;
        void *out;
        maybe_pause(client);
        if (cloister_arena_reserve(session, size, &in) != CLOISTER_OK ||
            cloister_arena_reserve(session, size, &out) != CLOISTER_OK) {
            client->wrong = true;
            return NULL;
        }
        memset(in, (int)(size & 0xff), size);
        cloister_parameter p[4] = {cloister_in(in, size), cloister_out(out, size)};
        cloister_result result = cloister_call_number(session, PROCESS_ZERO, p, 0);
        const uint8_t *made = out;
        client->wrong |= result.status != CLOISTER_OK || p[1].size != size;
        for (size_t i = 0; i < size; i++)
            client->wrong |= made[i] != ((size & 0xff) ^ 0x5a);
        client->calls++;
        cloister_arena_release(session, in);
        cloister_arena_release(session, out);
    }
    return NULL;
}

/* Tests */

static void run_clients(struct client *clients, unsigned count, void *(*const ways[])(void *),
                        unsigned way_count)
{
    uint64_t until = milliseconds() + duration_ms();
    uint64_t calls = 0;
    (void)alarm((unsigned)(duration_ms() / 1000) + HANG_S);
    for (unsigned i = 0; i < count; i++) {
        clients[i].random = 1000 + i;
        clients[i].until = until;
        assert_int_equal(pthread_create(&clients[i].thread, NULL, ways[i % way_count], &clients[i]),
                         0);
    }
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(pthread_join(clients[i].thread, NULL), 0);
        assert_false(clients[i].wrong);
        calls += clients[i].calls;
    }
    (void)alarm(0);
    print_message("%lu calls\n", (unsigned long)calls);
    assert_true(calls > 0);
}

static void run_own_sessions(unsigned threads, unsigned count, void *(*const ways[])(void *),
                             unsigned way_count)
{
    struct client clients[PROCESS_CHANNELS];
    memset(clients, 0, sizeof clients);
    process_start(threads);
    for (unsigned i = 0; i < count; i++) {
        clients[i].channel = i;
        clients[i].session = process_connect(i);
    }
    run_clients(clients, count, ways, way_count);
    for (unsigned i = 0; i < count; i++)
        process_disconnect(i, clients[i].session);
    process_stop();
}

static void one_client_loses_no_wake_up(void **state)
{
    (void)state;
    static void *(*const ways[])(void *) = {call_one_by_one};
    run_own_sessions(1, 1, ways, 1);
}

static void batches_get_the_right_replies(void **state)
{
    (void)state;
    static void *(*const ways[])(void *) = {call_in_batches};
    run_own_sessions(1, 1, ways, 1);
}

static void sessions_of_their_own_do_not_meet(void **state)
{
    (void)state;
    static void *(*const ways[])(void *) = {call_one_by_one, call_in_batches, call_without_copies};
    run_own_sessions(2, 6, ways, 3);
}

static void sessions_come_and_go(void **state)
{
    (void)state;
    static void *(*const ways[])(void *) = {call_and_reconnect, call_one_by_one, call_in_batches};
    run_own_sessions(2, 3, ways, 3);
}

/* All ways at once on one session. */
static void threads_share_a_session(void **state)
{
    (void)state;
    static void *(*const ways[])(void *) = {call_one_by_one, call_in_batches};
    struct client clients[6];
    memset(clients, 0, sizeof clients);
    process_start(1);
    cloister_session *session = process_connect(0);
    assert_int_equal(cloister_session_share(session), CLOISTER_OK);
    for (unsigned i = 0; i < 6; i++)
        clients[i] = (struct client){.session = session, .shared = true};
    run_clients(clients, 6, ways, 2);
    process_disconnect(0, session);
    process_stop();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_client_loses_no_wake_up),
        cmocka_unit_test(batches_get_the_right_replies),
        cmocka_unit_test(sessions_of_their_own_do_not_meet),
        cmocka_unit_test(sessions_come_and_go),
        cmocka_unit_test(threads_share_a_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

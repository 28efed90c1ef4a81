/*
 * The world host's end of the keeper socket: what it makes of replies that a keeper never sends.
 */
#include "vmm/keeper_link.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct conversation {
    struct keeper_link link;
    int keeper;
    uint8_t reply[48];
    struct keeper_request request;
};

static void begin(struct conversation *conversation)
{
    int ends[2];
    *conversation = (struct conversation){0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    keeper_link_open(&conversation->link, ends[0]);
    conversation->keeper = ends[1];
    conversation->request = (struct keeper_request){.type = CLO_KEEPER_READ,
                                                    .module = 3,
                                                    .descriptor = -1,
                                                    .reply = conversation->reply,
                                                    .capacity = sizeof conversation->reply,
                                                    .exact = true};
}

static void end(struct conversation *conversation)
{
    (void)close(conversation->link.fd);
    (void)close(conversation->keeper);
}

/* The reply waits in the socket before the request is sent. */
static cloister_status ask(struct conversation *conversation, struct clo_keeper_header header,
                           size_t body, struct reason *why)
{
    uint8_t packet[sizeof header + 4096];
    memset(packet, 0xa5, sizeof packet);
    memcpy(packet, &header, sizeof header);
    assert_int_equal(send(conversation->keeper, packet, sizeof header + body, 0),
                     (ssize_t)(sizeof header + body));
    return keeper_link_ask(&conversation->link, &conversation->request, why);
}

static struct clo_keeper_header good(void)
{
    return (struct clo_keeper_header){
        .magic = CLO_KEEPER_MAGIC, .type = CLO_KEEPER_READ, .module = 3, .size = 48};
}

static void assert_breaks(struct clo_keeper_header header, size_t body)
{
    struct conversation conversation;
    struct reason why;
    begin(&conversation);
    assert_int_equal(ask(&conversation, header, body, &why), CLOISTER_PROTOCOL);
    assert_true(bytes_are_zero(conversation.reply, sizeof conversation.reply));
    /* … and for good. */
    assert_int_equal(keeper_link_ask(&conversation.link, &conversation.request, &why),
                     CLOISTER_CLOSED);
    end(&conversation);
}

static void good_reply_is_taken(void **state)
{
    (void)state;
    struct conversation conversation;
    struct reason why;
    begin(&conversation);
    assert_int_equal(ask(&conversation, good(), 48, &why), CLOISTER_OK);
    assert_int_equal(conversation.request.reply_size, 48);
    assert_int_equal(conversation.reply[47], 0xa5);
    end(&conversation);
}

static void request_goes_out_as_specified(void **state)
{
    (void)state;
    struct conversation conversation;
    struct reason why;
    struct clo_keeper_register body = {.index = 5};
    struct {
        struct clo_keeper_header header;
        struct clo_keeper_register body;
        uint8_t more;
    } got;
    begin(&conversation);
    conversation.request.body = &body;
    conversation.request.size = sizeof body;
    assert_int_equal(ask(&conversation, good(), 48, &why), CLOISTER_OK);
    assert_int_equal(recv(conversation.keeper, &got, sizeof got, 0),
                     sizeof got.header + sizeof got.body);
    assert_int_equal(got.header.magic, CLO_KEEPER_MAGIC);
    assert_int_equal(got.header.type, CLO_KEEPER_READ);
    assert_int_equal(got.header.module, 3);
    assert_int_equal(got.header.size, sizeof body);
    assert_true(bytes_are_zero(got.header.text, sizeof got.header.text));
    assert_int_equal(got.body.index, 5);
    end(&conversation);
}

static void refusal_keeps_the_link_and_its_text_is_for_the_operator(void **state)
{
    (void)state;
    struct conversation conversation;
    struct reason why;
    struct clo_keeper_header header = good();
    header.status = CLOISTER_REFUSED;
    header.size = 0;
    (void)memcpy(header.text, "svn 1; at least 2", 18);
    begin(&conversation);
    assert_int_equal(ask(&conversation, header, 0, &why), CLOISTER_REFUSED);
    assert_string_equal(why.text, "svn 1; at least 2");
    assert_int_equal(ask(&conversation, good(), 48, &why), CLOISTER_OK);
    end(&conversation);
}

static void wrong_headers_break_the_link(void **state)
{
    (void)state;
    struct clo_keeper_header header = good();
    header.magic++;
    assert_breaks(header, 48);
    header = good();
    header.type++;
    assert_breaks(header, 48);
    header = good();
    header.module++;
    assert_breaks(header, 48);
    header = good();
    header.status = CLOISTER_INTERNAL + 1;
    assert_breaks(header, 48);
    header = good();
    memset(header.text, 'x', sizeof header.text);
    assert_breaks(header, 48);
}

static void wrong_sizes_break_the_link(void **state)
{
    (void)state;
    struct clo_keeper_header header = good();
    assert_breaks(header, 47);
    assert_breaks(header, 49);
    assert_breaks(header, 4000);
    header.size = 0;
    assert_breaks(header, 0);
    header = good();
    header.status = CLOISTER_REFUSED;
    assert_breaks(header, 48);
}

static void short_packet_breaks_the_link(void **state)
{
    (void)state;
    struct conversation conversation;
    struct reason why;
    begin(&conversation);
    assert_int_equal(send(conversation.keeper, "short", 5, 0), 5);
    assert_int_equal(keeper_link_ask(&conversation.link, &conversation.request, &why),
                     CLOISTER_PROTOCOL);
    end(&conversation);
}

static void keeper_that_is_gone_closes_the_link(void **state)
{
    (void)state;
    struct conversation conversation;
    struct reason why;
    begin(&conversation);
    (void)close(conversation.keeper);
    conversation.keeper = -1;
    assert_int_equal(keeper_link_ask(&conversation.link, &conversation.request, &why),
                     CLOISTER_CLOSED);
    end(&conversation);
}

static void shut_link_refuses(void **state)
{
    (void)state;
    struct conversation conversation;
    struct reason why;
    begin(&conversation);
    keeper_link_shut(&conversation.link);
    assert_int_equal(keeper_link_ask(&conversation.link, &conversation.request, &why),
                     CLOISTER_CLOSED);
    end(&conversation);
}

/* Turns */

#define ROUNDS 20u
#define FLOODER 1u
#define WAITER 2u

struct asker {
    struct keeper_link *link;
    uint32_t module;
    unsigned requests;
    pthread_t thread;
    _Atomic pid_t tid; /* once it is about to ask */
};

static void *asker_main(void *of)
{
    struct asker *asker = of;
    struct reason why;
    uint8_t reply[48];
    struct keeper_request request = {.type = CLO_KEEPER_READ,
                                     .module = asker->module,
                                     .descriptor = -1,
                                     .reply = reply,
                                     .capacity = sizeof reply,
                                     .exact = true};
    atomic_store(&asker->tid, gettid());
    for (unsigned i = 0; i < asker->requests; i++)
        if (keeper_link_ask(asker->link, &request, &why) != CLOISTER_OK)
            return asker;
    return NULL;
}

static void asker_start(struct asker *asker)
{
    assert_int_equal(pthread_create(&asker->thread, NULL, asker_main, asker), 0);
}

static void asker_join(struct asker *asker)
{
    void *failed;
    assert_int_equal(pthread_join(asker->thread, &failed), 0);
    assert_null(failed);
}

/* It asks, and sleeps: somebody else has the keeper. */
static void wait_until_it_waits(struct asker *asker)
{
    char path[64];
    char state = 0;
    while (state != 'S') {
        pid_t tid = atomic_load(&asker->tid);
        (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)tid);
        FILE *file = tid ? fopen(path, "re") : NULL;
        if (file && fscanf(file, "%*d %*s %c", &state) != 1)
            state = 0;
        if (file)
            (void)fclose(file);
        (void)sched_yield();
    }
}

static uint32_t keeper_hears(const struct conversation *conversation)
{
    struct clo_keeper_header header;
    assert_int_equal(recv(conversation->keeper, &header, sizeof header, 0), sizeof header);
    return header.module;
}

static void keeper_answers(const struct conversation *conversation, uint32_t module)
{
    struct {
        struct clo_keeper_header header;
        uint8_t body[48];
    } packet = {.header = good()};
    packet.header.module = module;
    assert_int_equal(send(conversation->keeper, &packet, sizeof packet, 0), sizeof packet);
}

/* Or a client that asks for reports without end could keep a module waiting until its call has
   taken too long. */
static void who_asks_without_end_waits_behind_the_others(void **state)
{
    (void)state;
    struct conversation conversation;
    begin(&conversation);
    struct asker flooder = {.link = &conversation.link, .module = FLOODER, .requests = ROUNDS + 1};
    asker_start(&flooder);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct asker waiter = {.link = &conversation.link, .module = WAITER, .requests = 1};
        assert_int_equal(keeper_hears(&conversation), FLOODER);
        asker_start(&waiter);
        wait_until_it_waits(&waiter);
        keeper_answers(&conversation, FLOODER);
        assert_int_equal(keeper_hears(&conversation), WAITER);
        keeper_answers(&conversation, WAITER);
        asker_join(&waiter);
    }
    assert_int_equal(keeper_hears(&conversation), FLOODER);
    keeper_answers(&conversation, FLOODER);
    asker_join(&flooder);
    end(&conversation);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_reply_is_taken),
        cmocka_unit_test(request_goes_out_as_specified),
        cmocka_unit_test(refusal_keeps_the_link_and_its_text_is_for_the_operator),
        cmocka_unit_test(wrong_headers_break_the_link),
        cmocka_unit_test(wrong_sizes_break_the_link),
        cmocka_unit_test(short_packet_breaks_the_link),
        cmocka_unit_test(keeper_that_is_gone_closes_the_link),
        cmocka_unit_test(shut_link_refuses),
        cmocka_unit_test(who_asks_without_end_waits_behind_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

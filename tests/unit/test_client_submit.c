/*
 * Calls in flight: submitted, answered in any order or by nonsense, collected.
 */
#include "tests/unit/client_channel.h"

#include <stdio.h>

#define BATCH 5u

struct batch {
    char in[BATCH][32], out[BATCH][32];
    cloister_parameter p[BATCH][4];
    cloister_ticket ticket[BATCH];
};

/* Module side: the calls that have come since it answered last. */

static void answer_all(struct fixture *f)
{
    for (uint32_t turn = f->answered + 1; turn <= (uint32_t)f->session.ring.submitted; turn++)
        echo_one(f, turn);
}

static void answer_backwards(struct fixture *f)
{
    uint32_t first = f->answered + 1;
    for (uint32_t turn = (uint32_t)f->session.ring.submitted; turn >= first; turn--)
        echo_one(f, turn);
}

static void refuse_all(struct clo_completion *answer)
{
    answer->status = CLOISTER_DENIED;
    answer->origin = CLOISTER_ORIGIN_MODULE;
}

/* Client side */

static void submit_one(struct fixture *f, struct batch *batch, unsigned i)
{
    (void)snprintf(batch->in[i], sizeof batch->in[i], "call number %u", i);
    (void)snprintf(batch->out[i], sizeof batch->out[i], "untouched");
    memset(batch->p[i], 0, sizeof batch->p[i]);
    batch->p[i][0] = cloister_in(batch->in[i], strlen(batch->in[i]) + 1);
    batch->p[i][1] = cloister_out(batch->out[i], sizeof batch->out[i]);
    expect_result(
        cloister_submit_number(&f->session, ECHO, batch->p[i], DEADLINE_US, &batch->ticket[i]),
        CLOISTER_OK, CLOISTER_ORIGIN_NONE);
}

static void submit_batch(struct fixture *f, struct batch *batch)
{
    for (unsigned i = 0; i < BATCH; i++)
        submit_one(f, batch, i);
}

static void expect_echoed(struct fixture *f, struct batch *batch, unsigned i)
{
    expect_result(cloister_wait(&f->session, batch->ticket[i]), CLOISTER_OK, 0);
    assert_string_equal(batch->out[i], batch->in[i]);
    assert_int_equal(batch->p[i][1].size, strlen(batch->in[i]) + 1);
}

static void expect_nothing(const struct batch *batch, unsigned i)
{
    assert_string_equal(batch->out[i], "untouched");
    assert_int_equal(batch->p[i][1].size, 0);
}

static void expect_idle(const struct fixture *f)
{
    assert_int_equal(f->session.ring.in_flight.used, 0);
    assert_int_equal(f->session.ring.in_flight.entries, 0);
}

/* In order and out of it */

static void replies_in_order_reach_their_callers(void **state)
{
    struct fixture *f = *state;
    struct batch batch;
    f->answer = answer_all;
    for (unsigned laps = 0; laps < 2 * CLO_RING_SIZE / BATCH; laps++) {
        submit_batch(f, &batch);
        for (unsigned i = 0; i < BATCH; i++)
            expect_echoed(f, &batch, i);
    }
    expect_idle(f);
}

static void replies_are_collected_in_any_order(void **state)
{
    static const unsigned order[BATCH] = {3, 0, 4, 1, 2};
    struct fixture *f = *state;
    struct batch batch;
    f->answer = answer_all;
    submit_batch(f, &batch);
    for (unsigned i = 0; i < BATCH; i++)
        expect_echoed(f, &batch, order[i]);
    expect_idle(f);
}

static void replies_come_in_any_order(void **state)
{
    struct fixture *f = *state;
    struct batch batch;
    f->answer = answer_backwards;
    submit_batch(f, &batch);
    for (unsigned i = 0; i < BATCH; i++)
        expect_echoed(f, &batch, i);
    expect_idle(f);
}

static void ticket_is_collected_once(void **state)
{
    struct fixture *f = *state;
    struct batch batch;
    f->answer = answer_all;
    submit_one(f, &batch, 0);
    expect_echoed(f, &batch, 0);
    expect_result(cloister_wait(&f->session, batch.ticket[0]), CLOISTER_NOT_FOUND,
                  CLOISTER_ORIGIN_CLIENT);
}

static void small_and_large_calls_mix(void **state)
{
    static uint8_t in[5000], out[5000];
    struct fixture *f = *state;
    struct batch batch;
    cloister_parameter p[4] = {cloister_in(in, sizeof in), cloister_out(out, sizeof out)};
    cloister_ticket ticket;
    memset(in, 'x', sizeof in);
    f->answer = answer_all;
    submit_one(f, &batch, 0);
    expect_result(cloister_submit_number(&f->session, ECHO, p, DEADLINE_US, &ticket), CLOISTER_OK,
                  CLOISTER_ORIGIN_NONE);
    submit_one(f, &batch, 1);
    expect_echoed(f, &batch, 0);
    expect_result(cloister_wait(&f->session, ticket), CLOISTER_OK, 0);
    assert_int_equal(p[1].size, sizeof in);
    assert_memory_equal(in, out, sizeof in);
    expect_echoed(f, &batch, 1);
    expect_idle(f);
}

/* What goes wrong */

static void failed_calls_make_no_bytes(void **state)
{
    struct fixture *f = *state;
    struct batch batch;
    f->answer = answer_all;
    f->spoil = refuse_all;
    submit_batch(f, &batch);
    for (unsigned i = 0; i < BATCH; i++) {
        expect_result(cloister_wait(&f->session, batch.ticket[i]), CLOISTER_DENIED,
                      CLOISTER_ORIGIN_MODULE);
        expect_nothing(&batch, i);
    }
    expect_idle(f);
}

static void hostile_replies_end_the_channel(void **state)
{
    for (size_t s = 0; s < SPOILERS; s++) {
        struct fixture *f = *state;
        struct batch batch;
        f->answer = answer_all;
        f->spoil = spoilers[s];
        submit_one(f, &batch, 0);
        expect_result(cloister_wait(&f->session, batch.ticket[0]), CLOISTER_PROTOCOL,
                      CLOISTER_ORIGIN_TRANSPORT);
        expect_nothing(&batch, 0);
        assert_int_equal(tear_down(state), 0);
        assert_int_equal(set_up(state), 0);
    }
}

static void spoil_first(struct clo_completion *answer)
{
    if (answer->submission == 1)
        answer->reserved = 1;
}

static void nothing_counts_behind_a_hostile_reply(void **state)
{
    struct fixture *f = *state;
    struct batch batch;
    f->answer = answer_all;
    f->spoil = spoil_first;
    submit_batch(f, &batch);
    for (unsigned i = 0; i < BATCH; i++) {
        expect_result(cloister_wait(&f->session, batch.ticket[i]), CLOISTER_PROTOCOL,
                      CLOISTER_ORIGIN_TRANSPORT);
        expect_nothing(&batch, i);
    }
}

static void write_and_not_publish(struct fixture *f)
{
    struct clo_completion *answer = next_answer(f);
    answer->submission = (uint32_t)f->session.ring.submitted;
    answer->inline_out = 3;
}

static void reply_counts_once_its_turn_is_there(void **state)
{
    struct fixture *f = *state;
    struct batch batch;
    f->answer = write_and_not_publish;
    submit_one(f, &batch, 0);
    expect_result(cloister_wait(&f->session, batch.ticket[0]), CLOISTER_TIMEOUT,
                  CLOISTER_ORIGIN_CLIENT);
    expect_nothing(&batch, 0);
}

/* Two replies to the first call, none to the last. */
static void answer_first_twice(struct fixture *f)
{
    echo_one(f, 1);
    for (uint32_t turn = 1; turn < (uint32_t)f->session.ring.submitted; turn++)
        echo_one(f, turn);
}

static void second_reply_to_a_call_ends_the_channel(void **state)
{
    struct fixture *f = *state;
    struct batch batch;
    f->answer = answer_first_twice;
    submit_batch(f, &batch);
    expect_echoed(f, &batch, 0);
    for (unsigned i = 1; i < BATCH; i++) {
        expect_result(cloister_wait(&f->session, batch.ticket[i]), CLOISTER_PROTOCOL,
                      CLOISTER_ORIGIN_TRANSPORT);
        expect_nothing(&batch, i);
    }
}

static void cancelled_call_frees_its_word(void **state)
{
    struct fixture *f = *state;
    struct batch batch;
    f->answer = answer_all;
    submit_batch(f, &batch);
    assert_int_equal(cloister_cancel(&f->session, batch.ticket[1]), CLOISTER_OK);
    assert_int_equal(f->header->cancel[1], 2);
    for (unsigned i = 0; i < BATCH; i++)
        expect_echoed(f, &batch, i);
    assert_int_equal(f->header->cancel[1], 0);
    expect_idle(f);
}

static void late_reply_is_nobodys(void **state)
{
    struct fixture *f = *state;
    struct batch batch;
    submit_one(f, &batch, 0);
    expect_result(cloister_wait(&f->session, batch.ticket[0]), CLOISTER_TIMEOUT,
                  CLOISTER_ORIGIN_CLIENT);
    expect_nothing(&batch, 0);
    f->answer = answer_all;
    submit_one(f, &batch, 1);
    expect_echoed(f, &batch, 1);
    expect_nothing(&batch, 0);
    expect_idle(f);
}

static void answer_two_and_die(struct fixture *f)
{
    echo_one(f, 1);
    echo_one(f, 2);
    die(f);
}

static void replies_before_the_end_count(void **state)
{
    struct fixture *f = *state;
    struct batch batch;
    f->answer = answer_two_and_die;
    submit_batch(f, &batch);
    expect_echoed(f, &batch, 0);
    expect_echoed(f, &batch, 1);
    for (unsigned i = 2; i < BATCH; i++) {
        expect_result(cloister_wait(&f->session, batch.ticket[i]), CLOISTER_DEAD,
                      CLOISTER_ORIGIN_WORLD);
        expect_nothing(&batch, i);
    }
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(replies_in_order_reach_their_callers),
        RULE(replies_are_collected_in_any_order),
        RULE(replies_come_in_any_order),
        RULE(ticket_is_collected_once),
        RULE(small_and_large_calls_mix),
        RULE(failed_calls_make_no_bytes),
        RULE(hostile_replies_end_the_channel),
        RULE(nothing_counts_behind_a_hostile_reply),
        RULE(reply_counts_once_its_turn_is_there),
        RULE(second_reply_to_a_call_ends_the_channel),
        RULE(cancelled_call_frees_its_word),
        RULE(late_reply_is_nobodys),
        RULE(replies_before_the_end_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

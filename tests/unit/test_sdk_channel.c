/*
 * Channels at the module's end: how they come and go, who is served when, and sleeping.
 */
#include "tests/unit/sdk_server.h"

/* Channels that come and go */

static void channel_that_goes_closes_its_sessions(void **state)
{
    struct fixture *f = *state;
    withdraw(f, 0);
    assert_false(serve_sweep(&f->server));
    assert_int_equal(seen.closed, 1);
    assert_int_equal(f->server.live_count, 0);
    assert_int_equal(f->mailbox.epoch, f->control.epoch);
}

static void slot_that_is_reused_unseen_starts_anew(void **state)
{
    struct fixture *f = *state;
    struct clo_submission call = inline_echo("x");
    answers_ok(f, &call);
    withdraw(f, 0);
    show(f, 0);
    assert_false(serve_sweep(&f->server));
    assert_int_equal(seen.closed, 1);
    assert_int_equal(f->server.channel[0].turn, 1);
    assert_int_equal(header_of(f, 0)->module_parked, 0);
    answers(f, &call, CLOISTER_BAD_STATE);
}

static void call_that_passes_on_one_channel_is_checked_on_another(void **state)
{
    struct fixture *f = *state;
    struct clo_submission call = inline_echo("x");
    show(f, 1);
    assert_false(serve_sweep(&f->server));
    answers_ok(f, &call);
    assert_int_equal(submit_to(f, 1, &call)->status, CLOISTER_BAD_STATE);
}

static void reuse_channel(struct fixture *f)
{
    withdraw(f, 0);
    show(f, 0);
}

static void reply_never_reaches_the_next_client_of_the_slot(void **state)
{
    struct fixture *f = *state;
    static uint8_t untouched[CHANNEL_SIZE];
    seen.during = reuse_channel;
    struct clo_submission submission = arena_echo(f, ECHO, "a secret");
    (void)submit(f, &submission);
    header_of(f, 0)->module_parked = 0;
    memset(untouched, 0, sizeof untouched);
    assert_memory_equal(memory_of(f, 0), untouched, CHANNEL_SIZE);
    assert_true(scratch_is_clean(f));
    assert_int_equal(seen.closed, 1);
    assert_int_equal(f->server.live_count, 1);
}

static void other_channels_may_come_during_a_call(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = inline_echo("x");
    f->control.epoch++;
    assert_int_equal(submit(f, &submission)->status, CLOISTER_OK);
    assert_int_equal(f->server.epoch, f->control.epoch);
}

/* Fairness */

static void fill(struct fixture *f, unsigned slot, uint32_t count)
{
    struct clo_submission submission = inline_echo("x");
    uint32_t turn = f->server.channel[slot].turn;
    for (uint32_t i = 0; i < count; i++) {
        *entry_of(f, slot, turn + i) = submission;
        entry_of(f, slot, turn + i)->turn = turn + i;
    }
}

static void show_second(struct fixture *f)
{
    struct clo_submission open = {.method = CLO_METHOD_OPEN, .session = SESSION};
    show(f, 1);
    (void)serve_sweep(&f->server);
    (void)submit_to(f, 1, &open);
}

static void busy_channel_gets_one_call_a_sweep(void **state)
{
    struct fixture *f = *state;
    show_second(f);
    fill(f, 0, 40);
    fill(f, 1, 1);
    assert_true(serve_sweep(&f->server));
    assert_int_equal(seen.calls, 2);
    assert_int_equal(f->server.channel[1].taken, 2);
    for (unsigned i = 1; i < 40; i++)
        assert_true(serve_sweep(&f->server));
    assert_int_equal(seen.calls, 41);
    assert_false(serve_sweep(&f->server));
}

static void change_control(struct fixture *f)
{
    f->control.epoch++;
}

static void channels_that_come_and_go_put_nobody_back(void **state)
{
    struct fixture *f = *state;
    show_second(f);
    fill(f, 0, 2);
    fill(f, 1, 2);
    seen.during = change_control;
    assert_true(serve_sweep(&f->server));
    assert_int_equal(f->server.channel[0].taken, 2);
    assert_int_equal(f->server.channel[1].taken, 2);
}

static void channel_that_breaks_puts_nobody_back(void **state)
{
    struct fixture *f = *state;
    show_second(f);
    fill(f, 1, 1);
    entry_of(f, 0, 2)->turn = 99;
    assert_true(serve_sweep(&f->server));
    assert_int_equal(f->server.live_count, 1);
    assert_int_equal(f->server.channel[1].taken, 2);
}

static void slot_that_is_no_channel_of_ours_is_not_served(void **state)
{
    struct fixture *f = *state;
    show(f, 1);
    f->control.slot[1].thread = 1;
    (void)serve_sweep(&f->server);
    assert_int_equal(f->server.live_count, 1);
    show(f, 1);
    f->control.slot[1].offset = WINDOW_SIZE - CLO_PAGE_SIZE;
    (void)serve_sweep(&f->server);
    assert_int_equal(f->server.live_count, 1);
    show(f, 1);
    f->control.slot[1].size = CLO_ARENA_OFFSET - 1;
    (void)serve_sweep(&f->server);
    assert_int_equal(f->server.live_count, 1);
}

/* Sleeping */

static void look_while_parked(struct fixture *f)
{
    assert_int_equal(header_of(f, 0)->module_parked, 1);
    header_of(f, 0)->module_parked = 0;
}

static void module_sleeps_with_its_word_set(void **state)
{
    struct fixture *f = *state;
    seen.waiting = look_while_parked;
    serve_park(&f->server);
    assert_int_equal(seen.waits, 1);
    assert_int_equal(header_of(f, 0)->module_parked, 0);
}

static void module_does_not_sleep_on_a_submission(void **state)
{
    struct fixture *f = *state;
    entry_of(f, 0, 2)->turn = 2;
    serve_park(&f->server);
    assert_int_equal(seen.waits, 0);
    assert_int_equal(header_of(f, 0)->module_parked, 0);
}

static void module_does_not_sleep_on_a_changed_control_page(void **state)
{
    struct fixture *f = *state;
    show(f, 1);
    serve_park(&f->server);
    assert_int_equal(seen.waits, 0);
}

static void sleeping_client_is_woken_once(void **state)
{
    struct fixture *f = *state;
    struct clo_submission submission = inline_echo("x");
    header_of(f, 0)->client_parked = 1;
    (void)submit(f, &submission);
    assert_int_equal(seen.notifies, 1);
    assert_int_equal(seen.notified, 0);
    assert_int_equal(header_of(f, 0)->client_parked, 0);
    (void)submit(f, &submission);
    header_of(f, 0)->client_parked = 2;
    (void)submit(f, &submission);
    assert_int_equal(seen.notifies, 1);
}

static void expect_woken(struct fixture *f)
{
    assert_ptr_equal(f, seen.fixture);
    assert_int_equal(seen.notifies, seen.calls - 1);
}

static void sleeping_client_is_woken_before_its_next_call_runs(void **state)
{
    struct fixture *f = *state;
    for (uint32_t turn = f->server.channel[0].turn, i = 0; i < 2; i++) {
        *entry_of(f, 0, turn + i) = inline_echo("x");
        entry_of(f, 0, turn + i)->turn = turn + i;
    }
    header_of(f, 0)->client_parked = 1;
    seen.during = expect_woken;
    while (serve_sweep(&f->server))
        ;
    assert_int_equal(seen.calls, 2);
    assert_int_equal(seen.notifies, 1);
}

/* A call of echo comes to this, after the handler has run so many times. */
static void expect_echo_answered(struct fixture *f, int status, int origin, unsigned calls)
{
    struct clo_submission submission = inline_echo("x");
    const struct clo_completion *answer = submit(f, &submission);
    assert_int_equal(answer->status, status);
    assert_int_equal(answer->origin, origin);
    assert_int_equal(seen.calls, calls);
}

static void cancelled_call_is_not_begun(void **state)
{
    struct fixture *f = *state;
    uint32_t turn = f->server.channel[0].turn;
    header_of(f, 0)->cancel[(turn - 1) % CLO_RING_SIZE] = turn;
    expect_echo_answered(f, CLOISTER_CANCELLED, CLOISTER_ORIGIN_TRANSPORT, 0);
}

static void cancel_word_of_another_turn_means_nothing(void **state)
{
    struct fixture *f = *state;
    uint32_t turn = f->server.channel[0].turn;
    for (unsigned i = 0; i < CLO_RING_SIZE; i++)
        header_of(f, 0)->cancel[i] = turn + CLO_RING_SIZE;
    header_of(f, 0)->cancel[turn % CLO_RING_SIZE] = turn;
    expect_echo_answered(f, CLOISTER_OK, CLOISTER_ORIGIN_MODULE, 1);
}

static void cancel_now(struct fixture *f)
{
    uint32_t turn = f->server.channel[0].turn;
    header_of(f, 0)->cancel[(turn - 1) % CLO_RING_SIZE] = turn;
    assert_true(cloister_call_cancelled(&f->server.call));
    seen.status = CLOISTER_CANCELLED;
}

static void handler_sees_that_its_call_is_cancelled(void **state)
{
    seen.during = cancel_now;
    expect_echo_answered(*state, CLOISTER_CANCELLED, CLOISTER_ORIGIN_MODULE, 1);
}

static void go_now(struct fixture *f)
{
    withdraw(f, 0);
    assert_true(cloister_call_cancelled(&f->server.call));
}

static void call_whose_client_has_gone_is_cancelled(void **state)
{
    struct fixture *f = *state;
    const struct clo_submission submission = inline_echo("x");
    seen.during = go_now;
    (void)submit(f, &submission);
    assert_true(bytes_are_zero(f->server.in.data, CLO_INLINE_SIZE));
    assert_true(bytes_are_zero(f->server.out.data, CLO_INLINE_SIZE));
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(channel_that_goes_closes_its_sessions),
        RULE(slot_that_is_reused_unseen_starts_anew),
        RULE(call_that_passes_on_one_channel_is_checked_on_another),
        RULE(reply_never_reaches_the_next_client_of_the_slot),
        RULE(other_channels_may_come_during_a_call),
        RULE(busy_channel_gets_one_call_a_sweep),
        RULE(channels_that_come_and_go_put_nobody_back),
        RULE(channel_that_breaks_puts_nobody_back),
        RULE(slot_that_is_no_channel_of_ours_is_not_served),
        RULE(module_sleeps_with_its_word_set),
        RULE(module_does_not_sleep_on_a_submission),
        RULE(module_does_not_sleep_on_a_changed_control_page),
        RULE(sleeping_client_is_woken_once),
        RULE(sleeping_client_is_woken_before_its_next_call_runs),
        RULE(cancelled_call_is_not_begun),
        RULE(cancel_word_of_another_turn_means_nothing),
        RULE(handler_sees_that_its_call_is_cancelled),
        RULE(call_whose_client_has_gone_is_cancelled),
    };
    int failed = cmocka_run_group_tests_name("the long way", tests, NULL, NULL);
    planned = true;
    return failed + cmocka_run_group_tests_name("pairs on their own way", tests, NULL, NULL);
}

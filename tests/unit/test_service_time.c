/*
 * Service times: which calls are measured, into which bucket they go, and what becomes of numbers
 * that make no sense.
 */
#include "secure-world/sdk/service_time.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void every_time_lies_within_the_bounds_of_its_bucket(void **state)
{
    (void)state;
    for (uint32_t i = 0; i + 1 < CLO_SERVICE_BUCKETS; i++) {
        uint64_t from = CLO_SERVICE_BOUND(i);
        uint64_t to = CLO_SERVICE_BOUND(i + 1);
        assert_true(from < to);
        assert_int_equal(service_time_bucket(from), i);
        assert_int_equal(service_time_bucket(from + (to - from) / 2), i);
        assert_int_equal(service_time_bucket(to - 1), i);
    }
}

static void longest_times_go_to_the_last_bucket(void **state)
{
    (void)state;
    uint64_t last = CLO_SERVICE_BOUND(CLO_SERVICE_BUCKETS - 1);
    assert_int_equal(service_time_bucket(last), CLO_SERVICE_BUCKETS - 1);
    assert_int_equal(service_time_bucket(4 * last), CLO_SERVICE_BUCKETS - 1);
    assert_int_equal(service_time_bucket(UINT64_MAX), CLO_SERVICE_BUCKETS - 1);
}

static void first_calls_are_all_measured_then_one_in_sixteen(void **state)
{
    (void)state;
    struct service_time time = service_time_start(2000000);
    for (unsigned i = 0; i < SERVICE_ALL; i++)
        assert_int_not_equal(service_time_begin(&time), 0);
    unsigned measured = 0;
    for (unsigned i = 0; i < 100 * SERVICE_EVERY; i++)
        measured += service_time_begin(&time) != 0;
    assert_int_equal(measured, 100);
}

static void unknown_frequency_counts_nothing(void **state)
{
    (void)state;
    struct service_time time = service_time_start(0);
    struct clo_mailbox *mailbox = calloc(1, sizeof *mailbox);
    assert_non_null(mailbox);
    service_time_end(&time, 1, mailbox);
    assert_int_equal(mailbox->service_ns, 0);
    for (unsigned i = 0; i < CLO_SERVICE_BUCKETS; i++)
        assert_int_equal(mailbox->service[i], 0);
    free(mailbox);
}

static void one_call_is_one_count_and_its_time(void **state)
{
    (void)state;
    struct service_time time = service_time_start(1000000); /* a tick is a nanosecond */
    struct clo_mailbox *mailbox = calloc(1, sizeof *mailbox);
    assert_non_null(mailbox);
    service_time_end(&time, __builtin_ia32_rdtsc() - 5000, mailbox);
    uint64_t sum = 0;
    for (unsigned i = 0; i < CLO_SERVICE_BUCKETS; i++)
        sum += mailbox->service[i];
    assert_int_equal(sum, 1);
    assert_true(mailbox->service_ns >= 5000);
    assert_int_equal(mailbox->service[service_time_bucket(mailbox->service_ns)], 1);
    free(mailbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_time_lies_within_the_bounds_of_its_bucket),
        cmocka_unit_test(longest_times_go_to_the_last_bucket),
        cmocka_unit_test(first_calls_are_all_measured_then_one_in_sixteen),
        cmocka_unit_test(unknown_frequency_counts_nothing),
        cmocka_unit_test(one_call_is_one_count_and_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Futexes of one thread after the other: who waits, who is woken, how often WAIT and WAKE are asked
 * for. That no wake-up is lost between threads: tests/stress/test_futex.c.
 */
#include "secure-world/personality/futex.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <linux/time_types.h>

#include <cmocka.h>

#define THREADS 4u
#define FOREVER PERSONALITY_FOREVER
#define REAL_AHEAD 1000000000u /* of the monotonic clock, ns */

static struct clo_boot boot;
static unsigned self;
static unsigned running;
static uint64_t now;
static bool may_ask_time;
static _Atomic uint32_t word;
static _Atomic uint32_t other_word;

static struct {
    uint64_t woken; /* bit mask of the last WAKE; 0: there was none */
    unsigned parks;
    uint64_t until;
    void (*meanwhile)(void);
} asked;

static jmp_buf panicking;

const struct clo_boot *personality_boot(void)
{
    return &boot;
}

unsigned personality_thread(void)
{
    return self;
}

unsigned personality_running(void)
{
    return running;
}

uint32_t personality_hypercall(uint32_t number, uint64_t a0, uint64_t a1, uint64_t a2)
{
    assert_int_equal(number, CLO_HC_WAKE);
    assert_int_equal(a1, 0);
    assert_int_equal(a2, 0);
    asked.woken = a0;
    return 0;
}

uint64_t personality_monotonic(void)
{
    return now;
}

bool personality_clock(uint64_t clock, uint64_t *ns)
{
    *ns = now + (clock == CLOCK_REALTIME ? REAL_AHEAD : 0);
    return clock != CLOCK_REALTIME || may_ask_time;
}

bool personality_timespec(uint64_t address, uint64_t *ns)
{
    const struct __kernel_timespec *in = personality_pointer(address);
    *ns = (uint64_t)in->tv_nsec;
    return in->tv_nsec >= 0;
}

void personality_park_until(uint64_t monotonic)
{
    asked.parks++;
    asked.until = monotonic;
    asked.meanwhile();
}

void personality_panic(const char *text)
{
    assert_non_null(strstr(text, "deadlock"));
    longjmp(panicking, 1);
}

static int setup(void **state)
{
    (void)state;
    boot = (struct clo_boot){.threads = THREADS};
    self = 0;
    running = THREADS;
    now = 5000;
    may_ask_time = true;
    word = other_word = 0;
    memset(waits_on, 0, sizeof waits_on);
    last = 0;
    memset(&asked, 0, sizeof asked);
    return 0;
}

static uint64_t at(const _Atomic uint32_t *where)
{
    return (uint64_t)(uintptr_t)where;
}

static int64_t futex(const _Atomic uint32_t *where, int what, uint32_t value, const void *timeout)
{
    return futex_futex(
        (uint64_t[6]){at(where), (uint64_t)what, value, (uint64_t)(uintptr_t)timeout, 0, 0});
}

static int64_t futex_ns(int what, int64_t timeout)
{
    const struct __kernel_timespec time = {.tv_nsec = timeout};
    return futex(&word, what, 0, &time);
}

/* What others do while a thread is parked. */

static void time_passes(void)
{
    now += 600;
}

static int64_t wake_as(unsigned thread, const _Atomic uint32_t *where, uint32_t most)
{
    unsigned before = self;
    self = thread;
    int64_t woken = futex(where, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, most, NULL);
    self = before;
    return woken;
}

static void wake_on_the_third_park(void)
{
    if (asked.parks == 3)
        assert_int_equal(wake_as(1, &word, 1), 1);
}

static void wake_too_late(void)
{
    now += 10000;
    assert_int_equal(wake_as(1, &word, 1), 1);
}

/* Waiting */

static void word_that_differs_is_not_waited_for(void **state)
{
    (void)state;
    assert_int_equal(futex(&word, FUTEX_WAIT, 1, NULL), -EAGAIN);
    assert_int_equal(futex(&word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 1, NULL), -EAGAIN);
    assert_int_equal(asked.parks, 0);
    assert_int_equal(waits_on[0], 0);
}

static void wait_ends_when_woken_and_not_before(void **state)
{
    (void)state;
    asked.meanwhile = wake_on_the_third_park;
    assert_int_equal(futex(&word, FUTEX_WAIT, 0, NULL), 0);
    assert_int_equal(asked.parks, 3);
    assert_int_equal(asked.until, FOREVER);
    assert_int_equal(asked.woken, 1 << 0);
    assert_int_equal(waits_on[0], 0);
}

static void wait_ends_with_its_time(void **state)
{
    (void)state;
    asked.meanwhile = time_passes;
    assert_int_equal(futex_ns(FUTEX_WAIT, 1000), -ETIMEDOUT);
    assert_int_equal(asked.until, 6000);
    assert_int_equal(asked.parks, 2);
    assert_int_equal(waits_on[0], 0);
    assert_int_equal(wake_as(1, &word, 1), 0); /* it takes no wake-up afterwards */
}

static void time_is_absolute_where_linux_has_it_so(void **state)
{
    (void)state;
    asked.meanwhile = time_passes;
    assert_int_equal(futex_ns(FUTEX_WAIT_BITSET, 5400), -ETIMEDOUT);
    assert_int_equal(asked.until, 5400);
    now = 5000;
    assert_int_equal(futex_ns(FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, REAL_AHEAD + 5300),
                     -ETIMEDOUT);
    assert_int_equal(asked.until, 5300);
    asked.parks = 0;
    assert_int_equal(futex_ns(FUTEX_WAIT_BITSET, 100), -ETIMEDOUT); /* long gone */
    assert_int_equal(asked.parks, 0);
}

static void moment_of_a_clock_that_is_not_there_is_over(void **state)
{
    (void)state;
    may_ask_time = false;
    assert_int_equal(futex_ns(FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, INT64_MAX), -ETIMEDOUT);
    assert_int_equal(asked.parks, 0);
}

static void time_that_is_none_is_refused(void **state)
{
    (void)state;
    assert_int_equal(futex_ns(FUTEX_WAIT, -1), -EINVAL);
    assert_int_equal(waits_on[0], 0);
}

static void end_of_time_does_not_wrap(void **state)
{
    (void)state;
    asked.meanwhile = wake_on_the_third_park;
    assert_int_equal(futex_ns(FUTEX_WAIT, INT64_MAX), 0);
    now = UINT64_MAX - 10;
    asked.parks = 0;
    assert_int_equal(futex_ns(FUTEX_WAIT, 1000), 0);
    assert_int_equal(asked.until, FOREVER);
}

static void wake_up_counts_though_the_time_is_over(void **state)
{
    (void)state;
    asked.meanwhile = wake_too_late;
    assert_int_equal(futex_ns(FUTEX_WAIT, 1000), 0);
}

static void only_thread_may_not_wait_for_ever(void **state)
{
    (void)state;
    bool panicked = true;
    running = 1;
    asked.meanwhile = time_passes;
    assert_int_equal(futex_ns(FUTEX_WAIT, 1000), -ETIMEDOUT);
    if (setjmp(panicking) == 0) {
        (void)futex(&word, FUTEX_WAIT, 0, NULL);
        panicked = false;
    }
    assert_true(panicked);
}

/* Waking */

static void nobody_is_woken_where_nobody_waits(void **state)
{
    (void)state;
    waits_on[1] = at(&other_word) | ASLEEP;
    assert_int_equal(futex(&word, FUTEX_WAKE, INT32_MAX, NULL), 0);
    assert_int_equal(asked.woken, 0);
    assert_int_equal(waits_on[1], at(&other_word) | ASLEEP);
}

static void only_who_sleeps_costs_a_hypercall(void **state)
{
    (void)state;
    waits_on[1] = at(&word);
    assert_int_equal(futex(&word, FUTEX_WAKE, 1, NULL), 1);
    assert_int_equal(asked.woken, 0);
    waits_on[1] = at(&word);
    waits_on[2] = at(&word) | ASLEEP;
    assert_int_equal(futex(&word, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, INT32_MAX, NULL), 2);
    assert_int_equal(asked.woken, 1 << 2);
    assert_int_equal(waits_on[1] | waits_on[2], 0);
}

static void as_many_are_woken_as_asked_for(void **state)
{
    (void)state;
    for (unsigned i = 1; i < THREADS; i++)
        waits_on[i] = at(&word) | ASLEEP;
    assert_int_equal(futex(&word, FUTEX_WAKE, 0, NULL), 0);
    assert_int_equal(futex(&word, FUTEX_WAKE, 2, NULL), 2);
    assert_int_equal(futex(&word, FUTEX_WAKE, 2, NULL), 1);
    assert_int_equal(futex(&word, FUTEX_WAKE, 2, NULL), 0);
}

/* Or the same thread could win each time. */
static void each_has_its_turn(void **state)
{
    (void)state;
    unsigned count[THREADS] = {0};
    for (unsigned i = 0; i < THREADS; i++)
        waits_on[i] = at(&word);
    for (unsigned round = 0; round < 3 * THREADS; round++) {
        assert_int_equal(futex(&word, FUTEX_WAKE, 1, NULL), 1);
        for (unsigned i = 0; i < THREADS; i++) {
            count[i] += waits_on[i] == 0;
            waits_on[i] = at(&word); /* it waits again at once */
        }
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(count[i], 3);
}

static void requeue_wakes_whom_it_would_move(void **state)
{
    (void)state;
    for (unsigned i = 1; i < THREADS; i++)
        waits_on[i] = at(&word);
    const uint64_t one[6] = {at(&word), FUTEX_REQUEUE, 0, 1, at(&other_word), 0};
    const uint64_t all[6] = {at(&word), FUTEX_REQUEUE, INT32_MAX, INT32_MAX, at(&other_word), 0};
    assert_int_equal(futex_futex(one), 1);
    assert_int_equal(futex_futex(all), 2);
}

static void what_is_no_futex_is_refused(void **state)
{
    (void)state;
    waits_on[1] = 0; /* waits on nothing, which is not address 0 */
    assert_int_equal(futex(NULL, FUTEX_WAKE, 1, NULL), -EFAULT);
    assert_int_equal(futex_futex((uint64_t[6]){at(&word) + 1, FUTEX_WAKE, 1}), -EINVAL);
    assert_int_equal(futex_futex((uint64_t[6]){at(&word) + 2, FUTEX_WAIT, 0}), -EINVAL);
    assert_int_equal(futex(&word, FUTEX_LOCK_PI, 0, NULL), -ENOSYS);
    assert_int_equal(futex(&word, FUTEX_CMP_REQUEUE, 1, NULL), -ENOSYS);
    assert_int_equal(futex(&word, FUTEX_WAKE_OP, 1, NULL), -ENOSYS);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(word_that_differs_is_not_waited_for),
        TEST(wait_ends_when_woken_and_not_before),
        TEST(wait_ends_with_its_time),
        TEST(time_is_absolute_where_linux_has_it_so),
        TEST(moment_of_a_clock_that_is_not_there_is_over),
        TEST(time_that_is_none_is_refused),
        TEST(end_of_time_does_not_wrap),
        TEST(wake_up_counts_though_the_time_is_over),
        TEST(only_thread_may_not_wait_for_ever),
        TEST(nobody_is_woken_where_nobody_waits),
        TEST(only_who_sleeps_costs_a_hypercall),
        TEST(as_many_are_woken_as_asked_for),
        TEST(each_has_its_turn),
        TEST(requeue_wakes_whom_it_would_move),
        TEST(what_is_no_futex_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

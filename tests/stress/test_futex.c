/*
 * Threads that wait for each other on the personality's futexes, in one process: its own code,
 * WAIT and WAKE being an eventfd for each thread as in the world host. Nobody sleeps until a time
 * unless a test says so, so that a lost wake-up is an end without end. CLOISTER_STRESS_S: seconds
 * for each test (default 1)
 */
/* Of what its fence orders ThreadSanitizer needs nothing: all words here are atomic. */
#if defined(__SANITIZE_THREAD__)
#pragma GCC diagnostic ignored "-Wtsan"
#endif

#include <time.h>
#define _LINUX_TIME_H /* the kernel's header says the same again */
#include "secure-world/personality/futex.c"

#include "tests/stress/one_process.h"

#include <limits.h>
#include <linux/time_types.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define THREADS 6u
#define HANG_S 60u
#define SHORT_NS 30000u

static struct clo_boot boot;
static int bell[THREADS];
static _Thread_local unsigned self;
static _Atomic bool stopping;

/* What the personality asks for */

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
    return THREADS;
}

uint32_t personality_hypercall(uint32_t number, uint64_t a0, uint64_t a1, uint64_t a2)
{
    const uint64_t one = 1;
    if (number != CLO_HC_WAKE || a0 == 0 || a0 >> THREADS || a1 || a2)
        abort();
    for (unsigned i = 0; i < THREADS; i++)
        if (a0 >> i & 1 && write(bell[i], &one, sizeof one) != sizeof one)
            abort();
    return 0;
}

uint64_t personality_monotonic(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

bool personality_clock(uint64_t clock, uint64_t *ns)
{
    *ns = personality_monotonic();
    return clock == CLOCK_MONOTONIC;
}

bool personality_timespec(uint64_t address, uint64_t *ns)
{
    const struct __kernel_timespec *in = personality_pointer(address);
    *ns = (uint64_t)in->tv_nsec;
    return true;
}

void personality_park_until(uint64_t monotonic)
{
    struct pollfd rung = {.fd = bell[self], .events = POLLIN};
    uint64_t count;
    uint64_t now = personality_monotonic();
    uint64_t left = monotonic > now ? monotonic - now : 0;
    struct timespec ts = {.tv_nsec = left < 999999999 ? (long)left : 999999999};
    if (ppoll(&rung, 1, monotonic == PERSONALITY_FOREVER ? NULL : &ts, NULL) == 1 &&
        read(bell[self], &count, sizeof count) != sizeof count)
        abort();
}

void personality_panic(const char *text)
{
    (void)text;
    abort();
}

/* What a C library makes of them */

static int64_t futex_on(_Atomic uint32_t *word, int what, uint32_t value, uint64_t timeout)
{
    return futex_futex((uint64_t[6]){(uint64_t)(uintptr_t)word, (uint64_t)what, value, timeout});
}

static int64_t futex_sleep(_Atomic uint32_t *word, uint32_t value)
{
    return futex_on(word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, value, 0);
}

static int64_t futex_wake(_Atomic uint32_t *word, uint32_t most)
{
    return futex_on(word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, most, 0);
}

/* A mutex: 0 free, 1 taken, 2 taken and somebody may wait. */
static void mutex_lock(_Atomic uint32_t *mutex)
{
    uint32_t is = 0;
    if (atomic_compare_exchange_strong(mutex, &is, 1))
        return;
    while (atomic_exchange(mutex, 2) != 0)
        (void)futex_sleep(mutex, 2);
}

static void mutex_unlock(_Atomic uint32_t *mutex)
{
    if (atomic_exchange(mutex, 0) == 2)
        (void)futex_wake(mutex, 1);
}

/* A semaphore, whose every post wakes one. */
static void semaphore_post(_Atomic uint32_t *semaphore)
{
    atomic_fetch_add(semaphore, 1);
    (void)futex_wake(semaphore, 1);
}

static void semaphore_wait(_Atomic uint32_t *semaphore)
{
    for (;;) {
        uint32_t is = atomic_load(semaphore);
        if (is > 0 && atomic_compare_exchange_strong(semaphore, &is, is - 1))
            return;
        if (is == 0)
            (void)futex_sleep(semaphore, 0);
    }
}

/* Running */

static unsigned duration_s(void)
{
    const char *wanted = getenv("CLOISTER_STRESS_S");
    return wanted ? (unsigned)strtoul(wanted, NULL, 10) : 1;
}

struct worker {
    pthread_t thread;
    unsigned number;
    void (*work)(void);
};

static void *run_worker(void *argument)
{
    const struct worker *worker = argument;
    self = worker->number;
    worker->work();
    return NULL;
}

/* Thread n does work[n]; the last one tells the others to stop. */
static void run(void (*const work[THREADS])(void))
{
    struct worker worker[THREADS];
    boot = (struct clo_boot){.threads = THREADS, .spin_us = 1, .tsc_khz = 1000000};
    atomic_store(&stopping, false);
    (void)alarm(duration_s() + HANG_S);
    for (unsigned i = 0; i < THREADS; i++) {
        bell[i] = eventfd(0, EFD_CLOEXEC);
        worker[i] = (struct worker){.number = i, .work = work[i]};
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&worker[i].thread, NULL, run_worker, &worker[i]), 0);
    (void)sleep(duration_s());
    atomic_store(&stopping, true);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(worker[i].thread, NULL), 0);
        (void)close(bell[i]);
    }
    (void)alarm(0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(waits_on[i], 0);
}

static void run_alike(void (*work)(void))
{
    void (*const all[THREADS])(void) = {work, work, work, work, work, work};
    run(all);
}

/* A mutex */

static _Atomic uint32_t mutex;
static uint64_t guarded; /* by it */
static _Atomic uint64_t entered;

static void count_under_the_mutex(void)
{
    uint64_t random = self;
    while (!atomic_load(&stopping)) {
        mutex_lock(&mutex);
        guarded++;
        for (uint32_t pause = process_random(&random) % 64; pause > 0; pause--)
            __builtin_ia32_pause();
        mutex_unlock(&mutex);
        atomic_fetch_add(&entered, 1);
    }
}

static void mutex_lets_one_in_and_forgets_nobody(void **state)
{
    (void)state;
    guarded = 0;
    entered = 0;
    run_alike(count_under_the_mutex);
    assert_int_equal(guarded, entered);
    assert_int_equal(mutex, 0);
    print_message("%llu times\n", (unsigned long long)guarded);
}

/* Semaphores: half of the threads make what the others use. */

#define LAST 1000000000u /* more than is ever made: users may go */

static _Atomic uint32_t made;
static _Atomic uint32_t room;
static _Atomic uint64_t used;

static void make(void)
{
    while (!atomic_load(&stopping)) {
        semaphore_wait(&room);
        semaphore_post(&made);
    }
    atomic_fetch_add(&made, LAST);
    (void)futex_wake(&made, INT_MAX);
}

static void use(void)
{
    while (!atomic_load(&stopping)) {
        semaphore_wait(&made);
        atomic_fetch_add(&used, 1);
        semaphore_post(&room);
    }
    atomic_fetch_add(&room, LAST);
    (void)futex_wake(&room, INT_MAX);
}

static void every_post_of_a_semaphore_counts(void **state)
{
    (void)state;
    made = 0;
    room = 2;
    used = 0;
    run((void (*const[])(void)){make, use, make, use, make, use});
    assert_true(used > 0);
    print_message("%llu times\n", (unsigned long long)used);
}

/* One waits for a word that a second one changes and wakes it for once; the others look at the same
   word with a value that it never has. No wake-up may end with them. */

static _Atomic uint32_t flag;
static _Atomic uint64_t seen;

static void wait_for_the_flag(void)
{
    while (!atomic_load(&stopping)) {
        while (atomic_load(&flag) == 0)
            (void)futex_sleep(&flag, 0);
        atomic_store(&flag, 0);
        atomic_fetch_add(&seen, 1);
    }
}

static void raise_the_flag(void)
{
    bool last_time;
    do {
        last_time = atomic_load(&stopping);
        uint64_t before = atomic_load(&seen);
        atomic_store(&flag, 1);
        (void)futex_wake(&flag, 1);
        while (!last_time && atomic_load(&seen) == before)
            (void)sched_yield();
    } while (!last_time);
}

static void look_only(void)
{
    while (!atomic_load(&stopping))
        if (futex_sleep(&flag, 77) != -EAGAIN)
            abort();
}

static void who_does_not_wait_takes_no_wake_up(void **state)
{
    (void)state;
    flag = 0;
    seen = 0;
    run((void (*const[])(void)){look_only, look_only, wait_for_the_flag, look_only, raise_the_flag,
                                look_only});
    assert_true(seen > 0);
    print_message("%llu times\n", (unsigned long long)seen);
}

/* Pairs that take turns: what one does next is wait for the other, which comes at any moment of
   that. */

static _Atomic uint32_t turns[THREADS / 2];

static void take_turns(void)
{
    _Atomic uint32_t *turn = &turns[self / 2];
    uint64_t random = self;
    uint32_t is = 0;
    while (!atomic_load(&stopping)) {
        while (((is = atomic_load(turn)) & 1) != (self & 1) && !atomic_load(&stopping))
            (void)futex_sleep(turn, is);
        for (uint32_t pause = process_random(&random) % 64; pause > 0; pause--)
            __asm__ volatile("");
        atomic_fetch_add(turn, 1);
        (void)futex_wake(turn, 1);
    }
    atomic_fetch_add(turn, 2); /* the other may have begun to wait once more */
    (void)futex_wake(turn, 1);
}

static void no_turn_is_missed(void **state)
{
    (void)state;
    memset(turns, 0, sizeof turns);
    run_alike(take_turns);
    for (unsigned i = 0; i < THREADS / 2; i++) {
        assert_true(turns[i] > 0);
        print_message("%u times\n", turns[i]);
    }
}

/* The same mutex, and waits beside it that time ends. */

static void count_and_wait_in_vain(void)
{
    static _Atomic uint32_t never;
    const struct __kernel_timespec brief = {.tv_nsec = SHORT_NS};
    uint64_t random = self;
    while (!atomic_load(&stopping)) {
        mutex_lock(&mutex);
        guarded++;
        mutex_unlock(&mutex);
        atomic_fetch_add(&entered, 1);
        if (process_random(&random) % 8 == 0 &&
            futex_on(&never, FUTEX_WAIT, 0, (uint64_t)(uintptr_t)&brief) != -ETIMEDOUT)
            abort();
    }
}

static void waits_that_time_ends_take_nothing_from_others(void **state)
{
    (void)state;
    guarded = 0;
    entered = 0;
    run_alike(count_and_wait_in_vain);
    assert_int_equal(guarded, entered);
    print_message("%llu times\n", (unsigned long long)guarded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutex_lets_one_in_and_forgets_nobody),
        cmocka_unit_test(every_post_of_a_semaphore_counts),
        cmocka_unit_test(who_does_not_wait_takes_no_wake_up),
        cmocka_unit_test(no_turn_is_missed),
        cmocka_unit_test(waits_that_time_ends_take_nothing_from_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

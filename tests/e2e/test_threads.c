/*
 * A module with a C library and several threads: its calls run at the same time, wait for each
 * other and end together, and the library keeps apart what is one thread's own.
 */
#include "tests/e2e/started_world.h"
#include "tests/modules/parallel.h"

#include "cloister/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_US 60000000u
#define COUNT PARALLEL_THREADS
#define MANY_ROUNDS 100000000u

static struct started_world world;
static const char *module;

static int start_with(const char *name)
{
    char path[64];
    const char *const options[] = {"--debug",  "--module",          path,
                                   "--module", "@modules/echo.mod", NULL};
    (void)snprintf(path, sizeof path, "@tests/modules/%s.mod", name);
    module = name;
    world.folder[0] = '\0';
    if (!started_world_impossible())
        started_world_start(&world, options);
    return 0;
}

static int start(void **state)
{
    (void)state;
    return start_with("parallel");
}

static int start_musl(void **state)
{
    (void)state;
    return start_with("parallel_musl");
}

static int stop(void **state)
{
    (void)state;
    if (world.folder[0])
        started_world_stop(&world);
    return 0;
}

/* A client that makes one call, on a host thread of its own. As many as the module has threads:
   each is served by another one. */
struct caller {
    cloister_world *world;
    cloister_session *session;
    pthread_t thread;
    const char *method;
    cloister_parameter p[4];
    cloister_result result;
};

static struct caller caller[COUNT];

static void open_callers(void)
{
    started_world_or_skip();
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(cloister_world_open(world.socket, &caller[i].world), CLOISTER_OK);
        assert_int_equal(cloister_session_open(caller[i].world, module, 0, &caller[i].session),
                         CLOISTER_OK);
    }
}

static void close_callers(void)
{
    for (unsigned i = 0; i < COUNT; i++) {
        cloister_session_close(caller[i].session);
        cloister_world_close(caller[i].world);
    }
}

static void *make_call(void *argument)
{
    struct caller *self = argument;
    self->result = cloister_call(self->session, self->method, self->p, PATIENCE_US);
    return NULL;
}

static void begin_call(struct caller *self, const char *method, uint64_t a, uint64_t b)
{
    self->method = method;
    memset(self->p, 0, sizeof self->p);
    self->p[0] = cloister_value(a, b);
    if (strcmp(method, "end") != 0)
        self->p[1] = cloister_value_out();
    assert_int_equal(pthread_create(&self->thread, NULL, make_call, self), 0);
}

static void end_call(struct caller *self, cloister_status wanted)
{
    assert_int_equal(pthread_join(self->thread, NULL), 0);
    assert_int_equal(self->result.status, wanted);
}

/* A call whose one parameter is what it returns. */
static uint64_t ask(struct caller *self, const char *method)
{
    cloister_parameter p[4] = {cloister_value_out()};
    assert_int_equal(cloister_call(self->session, method, p, PATIENCE_US).status, CLOISTER_OK);
    return p[0].a;
}

/* Serving in parallel */

static void calls_that_need_each_other_all_end(void **state)
{
    (void)state;
    open_callers();
    for (unsigned round = 0; round < 50; round++) {
        uint64_t threads = 0;
        for (unsigned i = 0; i < COUNT; i++)
            begin_call(&caller[i], "meet", COUNT, 0);
        for (unsigned i = 0; i < COUNT; i++) {
            end_call(&caller[i], CLOISTER_OK);
            threads |= 1ull << caller[i].p[1].a;
        }
        assert_int_equal(threads, ((1ull << COUNT) - 1) << 1); /* each by its own, 1 … COUNT */
    }
    close_callers();
}

static void what_is_a_threads_own_is_not_shared(void **state)
{
    (void)state;
    open_callers();
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < COUNT; i++)
            begin_call(&caller[i], "keep_own", COUNT, 1 + round * COUNT + i);
        for (unsigned i = 0; i < COUNT; i++) {
            end_call(&caller[i], CLOISTER_OK);
            assert_int_equal(caller[i].p[1].a, 3);
            for (unsigned k = 0; k < i; k++)
                assert_int_not_equal(caller[i].p[1].b, caller[k].p[1].b);
        }
    }
    close_callers();
}

static void nothing_is_lost_under_contention(void **state)
{
    (void)state;
    enum { ROUNDS = 500 };
    open_callers();
    uint64_t before = ask(&caller[0], "count");
    for (unsigned i = 0; i < COUNT; i++)
        begin_call(&caller[i], "churn", ROUNDS, i * 1000003u);
    for (unsigned i = 0; i < COUNT; i++) {
        end_call(&caller[i], CLOISTER_OK);
        assert_int_equal(caller[i].p[1].a, ROUNDS);
    }
    assert_int_equal(ask(&caller[1], "count"), before + (uint64_t)COUNT * ROUNDS);
    close_callers();
}

static void wait_with_a_time_out_ends(void **state)
{
    (void)state;
    open_callers();
    for (unsigned i = 0; i < COUNT; i++)
        begin_call(&caller[i], "wait_in_vain", 20 + 30 * i, 0);
    for (unsigned i = 0; i < COUNT; i++) {
        end_call(&caller[i], CLOISTER_OK);
        assert_int_equal(caller[i].p[1].a, ETIMEDOUT);
        assert_int_equal(caller[i].p[1].b, 1);
    }
    close_callers();
}

static void thread_without_a_vcpu_is_not_to_be_had(void **state)
{
    (void)state;
    open_callers();
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(ask(&caller[i], "one_more"), EAGAIN);
    close_callers();
}

/* The start */

/* The threads that wait for it must not pass for a module that waits for calls. */
static void module_whose_init_fails_never_serves(void **state)
{
    static const char *const options[] = {"--debug", "--module", "@tests/modules/unready.mod",
                                          NULL};
    (void)state;
    started_world_or_skip();
    started_world_prepare(&world);
    assert_int_equal(started_world_try(&world, options), 8);
    assert_non_null(strstr(started_world_log(&world), "init failed"));
    started_world_remove(&world);
}

/* The end */

static void assert_echo_answers(void)
{
    cloister_session *session;
    char out[4];
    cloister_parameter p[4] = {cloister_in("live", 4), cloister_out(out, sizeof out)};
    assert_int_equal(cloister_session_open(caller[0].world, "echo", 0, &session), CLOISTER_OK);
    assert_int_equal(cloister_call(session, "echo", p, PATIENCE_US).status, CLOISTER_OK);
    assert_memory_equal(out, "live", 4);
    cloister_session_close(session);
}

/* All but one are at work, for much longer than a test lasts; one ends the module. */
static void assert_all_end(uint64_t how, unsigned who, const char *why)
{
    struct clo_module_info info;
    (void)start(NULL);
    open_callers();
    for (unsigned i = 0; i < COUNT; i++)
        if (i != who)
            begin_call(&caller[i], i == (who + 1) % COUNT ? "meet" : "churn", MANY_ROUNDS, i);
    while (ask(&caller[who], "count") == 0)
        (void)usleep(1000);
    begin_call(&caller[who], "end", how, 0);
    for (unsigned i = 0; i < COUNT; i++)
        end_call(&caller[i], CLOISTER_DEAD);
    assert_int_equal(cloister_world_module(caller[0].world, 0, &info), CLOISTER_OK);
    assert_non_null(strstr((const char *)info.end, why));
    assert_echo_answers();
    close_callers();
    (void)stop(NULL);
}

static void module_that_aborts_in_any_thread_ends(void **state)
{
    (void)state;
    assert_all_end(PARALLEL_ABORT, COUNT - 1, "exit(134)");
}

static void fault_in_any_thread_ends_the_module(void **state)
{
    (void)state;
    assert_all_end(PARALLEL_FAULT, 1, "general protection");
}

static void thread_that_ends_ends_the_module(void **state)
{
    (void)state;
    assert_all_end(PARALLEL_EXIT_THREAD, 2, "exit(9)");
}

int main(void)
{
    const struct CMUnitTest in_one_world[] = {
        cmocka_unit_test(calls_that_need_each_other_all_end),
        cmocka_unit_test(what_is_a_threads_own_is_not_shared),
        cmocka_unit_test(nothing_is_lost_under_contention),
        cmocka_unit_test(wait_with_a_time_out_ends),
        cmocka_unit_test(thread_without_a_vcpu_is_not_to_be_had),
    };
    const struct CMUnitTest start_and_end[] = {
        cmocka_unit_test(module_whose_init_fails_never_serves),
        cmocka_unit_test(module_that_aborts_in_any_thread_ends),
        cmocka_unit_test(fault_in_any_thread_ends_the_module),
        cmocka_unit_test(thread_that_ends_ends_the_module),
    };
    int failed = cmocka_run_group_tests_name("glibc", in_one_world, start, stop);
    failed += cmocka_run_group_tests_name("musl", in_one_world, start_musl, stop);
    return failed + cmocka_run_group_tests(start_and_end, NULL, NULL);
}

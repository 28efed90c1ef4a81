/*
 * Which hypercalls are admitted, with which arguments; and what one does to the mailbox.
 */
#include "vmm/hypercall.h"
#include "vmm/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

static const uint64_t no_arguments[HYPERCALL_ARGUMENTS];

static void every_module_has_the_eight(void **state)
{
    (void)state;
    static const uint32_t eight[] = {CLO_HC_WAIT,    CLO_HC_NOTIFY, CLO_HC_PANIC,    CLO_HC_EXIT,
                                     CLO_HC_PROTECT, CLO_HC_CLOSE,  CLO_HC_IDENTITY, CLO_HC_WAKE};
    uint64_t allowed = hypercall_allowed(0, false);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(hypercall_admit(allowed, false, eight[i], no_arguments), CLOISTER_OK);
}

static void program_has_no_other_modules_and_no_threads(void **state)
{
    (void)state;
    static const uint32_t four[] = {CLO_HC_OPEN, CLO_HC_CLOSE, CLO_HC_IDENTITY, CLO_HC_WAKE};
    uint64_t allowed = hypercall_allowed(UINT64_MAX, true);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(hypercall_admit(allowed, true, four[i], no_arguments),
                         CLOISTER_UNSUPPORTED);
}

static void undeclared_hypercall_is_denied(void **state)
{
    (void)state;
    static const uint32_t others[] = {CLO_HC_LOG,    CLO_HC_RANDOM,        CLO_HC_TIME,
                                      CLO_HC_SEAL,   CLO_HC_UNSEAL,        CLO_HC_REPORT,
                                      CLO_HC_EXTEND, CLO_HC_READ_REGISTER, CLO_HC_OPEN};
    for (size_t i = 0; i < 9; i++) {
        uint64_t but_this = hypercall_allowed(~(1ull << others[i]), false);
        assert_int_equal(hypercall_admit(but_this, false, others[i], no_arguments),
                         CLOISTER_DENIED);
        uint64_t this = hypercall_allowed(1ull << others[i], false);
        assert_int_equal(hypercall_admit(this, false, others[i], no_arguments), CLOISTER_OK);
    }
}

static void unknown_and_reserved_numbers_are_unsupported(void **state)
{
    (void)state;
    static const uint32_t numbers[] = {0,  CLO_HC_COMMIT, CLO_HC_COUNT, 63,
                                       64, 0x80000000,    UINT32_MAX};
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(
            hypercall_admit(hypercall_allowed(UINT64_MAX, false), false, numbers[i], no_arguments),
            CLOISTER_UNSUPPORTED);
}

static void console_is_for_programs_only(void **state)
{
    (void)state;
    uint64_t module = hypercall_allowed(UINT64_MAX, false);
    uint64_t program = hypercall_allowed(0, true);
    assert_int_equal(hypercall_admit(module, false, CLO_HC_CONSOLE_WRITE, no_arguments),
                     CLOISTER_UNSUPPORTED);
    assert_int_equal(hypercall_admit(module, false, CLO_HC_CONSOLE_READ, no_arguments),
                     CLOISTER_UNSUPPORTED);
    assert_int_equal(hypercall_admit(program, true, CLO_HC_CONSOLE_WRITE, no_arguments),
                     CLOISTER_OK);
    assert_int_equal(hypercall_admit(program, true, CLO_HC_SEAL, no_arguments),
                     CLOISTER_UNSUPPORTED);
    assert_int_equal(hypercall_admit(program, true, CLO_HC_REPORT, no_arguments),
                     CLOISTER_UNSUPPORTED);
}

static void unused_arguments_must_be_zero(void **state)
{
    (void)state;
    static const struct {
        uint32_t number;
        unsigned used;
    } calls[] = {{CLO_HC_WAIT, 1},    {CLO_HC_NOTIFY, 1}, {CLO_HC_PANIC, 3},
                 {CLO_HC_LOG, 2},     {CLO_HC_RANDOM, 1}, {CLO_HC_TIME, 0},
                 {CLO_HC_PROTECT, 3}, {CLO_HC_SEAL, 0},   {CLO_HC_UNSEAL, 0},
                 {CLO_HC_REPORT, 0},  {CLO_HC_EXTEND, 1}, {CLO_HC_READ_REGISTER, 1},
                 {CLO_HC_EXIT, 1},    {CLO_HC_WAKE, 1}};
    uint64_t allowed = hypercall_allowed(UINT64_MAX, false);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        for (unsigned at = 0; at < HYPERCALL_ARGUMENTS; at++) {
            uint64_t argument[HYPERCALL_ARGUMENTS] = {0};
            argument[at] = 1ull << 63;
            assert_int_equal(hypercall_admit(allowed, false, calls[i].number, argument),
                             at < calls[i].used ? CLOISTER_OK : CLOISTER_BAD_ARGUMENT);
        }
}

/* One module with one thread and no vCPU: enough for the hypercalls that only touch the mailbox. */
struct fixture {
    struct world world;
    struct module module;
    struct module_thread thread;
    struct clo_mailbox mailbox;
};

static struct fixture *fixture_make(void)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof fixture);
    fixture.module.world = &fixture.world;
    fixture.module.thread_count = 1;
    fixture.module.thread = &fixture.thread;
    fixture.module.allowed = hypercall_allowed(UINT64_MAX, false);
    fixture.module.placement.mailbox[0] = &fixture.mailbox;
    fixture.module.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    fixture.module.seals = rate_of(2, world_now());
    fixture.module.logs = rate_of(2, world_now());
    fixture.thread.module = &fixture.module;
    fixture.world.changed = -1;
    fixture.thread.control = -1;
    keeper_link_open(&fixture.world.keeper, -1);
    return &fixture;
}

static uint32_t call(struct fixture *fixture, uint32_t number, uint64_t a0, uint64_t a1)
{
    memset(fixture->mailbox.argument, 0, sizeof fixture->mailbox.argument);
    fixture->mailbox.argument[0] = a0;
    fixture->mailbox.argument[1] = a1;
    hypercall_serve(&fixture->thread, number);
    return fixture->mailbox.status;
}

static void random_fills_what_was_asked_for(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_make();
    assert_int_equal(call(fixture, CLO_HC_RANDOM, CLO_PAYLOAD_SIZE, 0), CLOISTER_OK);
    unsigned zeros = 0;
    for (size_t i = 0; i < CLO_PAYLOAD_SIZE; i++)
        zeros += fixture->mailbox.payload[i] == 0;
    assert_in_range(zeros, 1, 1000); /* 256 expected */
    memset(fixture->mailbox.payload, 0, CLO_PAYLOAD_SIZE);
    assert_int_equal(call(fixture, CLO_HC_RANDOM, 16, 0), CLOISTER_OK);
    for (size_t i = 16; i < CLO_PAYLOAD_SIZE; i++)
        assert_int_equal(fixture->mailbox.payload[i], 0);
}

static void random_of_a_wrong_size_is_refused(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_make();
    assert_int_equal(call(fixture, CLO_HC_RANDOM, 0, 0), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(call(fixture, CLO_HC_RANDOM, CLO_PAYLOAD_SIZE + 1, 0), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(call(fixture, CLO_HC_RANDOM, UINT64_MAX, 0), CLOISTER_BAD_ARGUMENT);
}

static void failed_hypercall_leaves_no_results(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_make();
    fixture->mailbox.result[0] = fixture->mailbox.result[1] = 0x5555;
    assert_int_equal(call(fixture, CLO_HC_COMMIT, 0, 0), CLOISTER_UNSUPPORTED);
    assert_int_equal(fixture->mailbox.result[0], 0);
    assert_int_equal(fixture->mailbox.result[1], 0);
}

static void long_log_lines_and_bad_levels_are_refused(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_make();
    assert_int_equal(call(fixture, CLO_HC_LOG, CLO_LOG_INFO, 1025), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(call(fixture, CLO_HC_LOG, CLO_LOG_INFO, UINT64_MAX), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(call(fixture, CLO_HC_LOG, CLO_LOG_DEBUG + 1, 4), CLOISTER_BAD_ARGUMENT);
}

static void log_is_dropped_without_the_class_for_it(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_make();
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(call(fixture, CLO_HC_LOG, CLO_LOG_DEBUG, 4), CLOISTER_OK);
}

static void log_flood_is_limited(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_make();
    unsigned limited = 0;
    fixture->module.file.record.manifest.log_class = CLO_LOG_CLASS_PUBLIC;
    for (unsigned i = 0; i < 10; i++)
        limited += call(fixture, CLO_HC_LOG, CLO_LOG_DEBUG, 4) == CLOISTER_LIMIT;
    assert_in_range(limited, 7, 8);
    assert_int_equal(fixture->module.logs_dropped, limited);
}

static void seal_flood_is_limited(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_make();
    unsigned limited = 0;
    for (unsigned i = 0; i < 10; i++)
        limited += call(fixture, CLO_HC_SEAL, 0, 0) == CLOISTER_LIMIT;
    assert_in_range(limited, 7, 8);
}

static void keeper_calls_without_a_keeper_are_unsupported(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_make();
    assert_int_equal(call(fixture, CLO_HC_REPORT, 0, 0), CLOISTER_UNSUPPORTED);
}

static void register_out_of_range_is_refused(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_make();
    assert_int_equal(call(fixture, CLO_HC_EXTEND, CLO_REGISTERS, 0), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(call(fixture, CLO_HC_READ_REGISTER, 1ull << 32, 0), CLOISTER_BAD_ARGUMENT);
}

static void notify_without_a_channel_finds_nothing(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_make();
    struct channel channels[2] = {0};
    fixture->module.channel = channels;
    fixture->module.channel_count = 2;
    assert_int_equal(call(fixture, CLO_HC_NOTIFY, 1, 0), CLOISTER_NOT_FOUND);
    assert_int_equal(call(fixture, CLO_HC_NOTIFY, 2, 0), CLOISTER_NOT_FOUND);
    assert_int_equal(call(fixture, CLO_HC_NOTIFY, UINT64_MAX, 0), CLOISTER_NOT_FOUND);
}

static void notify_counts_the_wake_up(void **state)
{
    (void)state;
    static struct clo_channel_header header;
    struct fixture *fixture = fixture_make();
    struct channel channel = {.header = &header};
    fixture->module.channel = &channel;
    fixture->module.channel_count = 1;
    assert_int_equal(call(fixture, CLO_HC_NOTIFY, 0, 0), CLOISTER_OK);
    assert_int_equal(header.client_wake, 1);
    assert_null(atomic_load(&fixture->thread.notifying));
}

/* How often an eventfd was written since it was last read. */
static uint64_t rung(int control)
{
    uint64_t count = 0;
    return read(control, &count, sizeof count) == sizeof count ? count : 0;
}

static void wake_reaches_the_threads_it_names(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_make();
    struct module_thread threads[3] = {{.control = -1}, {.control = -1}, {.control = -1}};
    fixture->module.thread = threads;
    fixture->module.thread_count = 3;
    for (unsigned i = 0; i < 3; i++)
        threads[i].control = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_int_equal(call(fixture, CLO_HC_WAKE, 1 << 0 | 1 << 2, 0), CLOISTER_OK);
    assert_int_equal(rung(threads[0].control), 1);
    assert_int_equal(rung(threads[1].control), 0);
    assert_int_equal(rung(threads[2].control), 1);
    assert_int_equal(call(fixture, CLO_HC_WAKE, 0, 0), CLOISTER_OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(rung(threads[i].control), 0);
        (void)close(threads[i].control);
    }
}

static void wake_of_a_thread_that_is_not_there_is_refused(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_make();
    fixture->thread.control = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_int_equal(call(fixture, CLO_HC_WAKE, 1 << 1, 0), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(call(fixture, CLO_HC_WAKE, 1 << 1 | 1, 0), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(call(fixture, CLO_HC_WAKE, UINT64_MAX, 0), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(rung(fixture->thread.control), 0); /* not even the part that is there */
    (void)close(fixture->thread.control);
}

static void end_of_a_module_is_told_to_its_channels(void **state)
{
    (void)state;
    static struct clo_channel_header header;
    struct fixture *fixture = fixture_make();
    struct channel channel = {.header = &header};
    fixture->module.channel = &channel;
    fixture->module.channel_count = 1;
    assert_int_equal(call(fixture, CLO_HC_EXIT, 256, 0), CLOISTER_BAD_ARGUMENT);
    assert_true(module_alive(&fixture->module));
    (void)call(fixture, CLO_HC_EXIT, 7, 0);
    assert_int_equal(fixture->module.state, CLO_MODULE_ENDED);
    assert_int_equal(fixture->module.exit_status, 7);
    assert_int_equal(header.state, CLO_CHANNEL_DEAD);
    assert_int_equal(header.client_wake, 1);
    assert_true(fixture->module.leaving);
}

static void module_ends_once(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_make();
    module_end(&fixture->module, CLO_MODULE_DEAD, 139, "first");
    module_end(&fixture->module, CLO_MODULE_ENDED, 0, "second");
    assert_string_equal(fixture->module.end, "first");
    assert_int_equal(fixture->module.state, CLO_MODULE_DEAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_module_has_the_eight),
        cmocka_unit_test(program_has_no_other_modules_and_no_threads),
        cmocka_unit_test(undeclared_hypercall_is_denied),
        cmocka_unit_test(unknown_and_reserved_numbers_are_unsupported),
        cmocka_unit_test(console_is_for_programs_only),
        cmocka_unit_test(unused_arguments_must_be_zero),
        cmocka_unit_test(random_fills_what_was_asked_for),
        cmocka_unit_test(random_of_a_wrong_size_is_refused),
        cmocka_unit_test(failed_hypercall_leaves_no_results),
        cmocka_unit_test(long_log_lines_and_bad_levels_are_refused),
        cmocka_unit_test(log_is_dropped_without_the_class_for_it),
        cmocka_unit_test(log_flood_is_limited),
        cmocka_unit_test(seal_flood_is_limited),
        cmocka_unit_test(keeper_calls_without_a_keeper_are_unsupported),
        cmocka_unit_test(register_out_of_range_is_refused),
        cmocka_unit_test(notify_without_a_channel_finds_nothing),
        cmocka_unit_test(notify_counts_the_wake_up),
        cmocka_unit_test(wake_reaches_the_threads_it_names),
        cmocka_unit_test(wake_of_a_thread_that_is_not_there_is_refused),
        cmocka_unit_test(end_of_a_module_is_told_to_its_channels),
        cmocka_unit_test(module_ends_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The launch record: built once, from hostile messages, and locked.
 */
#include "measure/launch.h"

#include "abi/control.h"
#include "base/bytes.h"
#include "measure/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t digest[CLO_DIGEST_SIZE] = {1, 2, 3};
static const uint8_t nobody[CLO_AUTHOR_SIZE];
static const uint8_t somebody[CLO_AUTHOR_SIZE] = {CLO_AUTHOR_KEY, 7};

struct fixture {
    struct launch launch;
    struct clo_keeper_launch begin;
    struct clo_keeper_module module;
    struct clo_keeper_start start;
    struct reason why;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (!f || crypto_start(&f->why) != CLOISTER_OK)
        return -1;
    (void)!name_set(f->begin.world, sizeof f->begin.world, "demo");
    (void)!name_set(f->begin.runtime_version, sizeof f->begin.runtime_version, "0.1.0");
    f->begin.module_count = 2;
    f->begin.runtime_svn = 1;
    f->begin.runtime_size = 4096;
    (void)!name_set(f->module.name, sizeof f->module.name, "vault");
    (void)!name_set(f->start.kvm, sizeof f->start.kvm, "svm");
    f->start.isolation = CLO_ISOLATION_UNREACHABLE;
    f->start.vcpus = 2;
    f->start.window_size = 1u << 24;
    f->start.umip = 1;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static cloister_status begin(struct fixture *f)
{
    return launch_begin(&f->launch, &f->begin, digest, &f->why);
}

static cloister_status add(struct fixture *f, const char *name, const uint8_t *author)
{
    if (name) {
        memset(f->module.name, 0, sizeof f->module.name);
        memcpy(f->module.name, name, strlen(name));
    }
    return launch_add(&f->launch, &f->module, digest, author, &f->why);
}

static cloister_status start(struct fixture *f)
{
    return launch_start(&f->launch, &f->start, &f->why);
}

static int set_up_started(void **state)
{
    if (set_up(state) != 0)
        return -1;
    struct fixture *f = *state;
    return begin(f) || add(f, "vault", somebody) || add(f, "echo", somebody) || start(f);
}

static void record_holds_what_was_measured(void **state)
{
    struct fixture *f = *state;
    assert_true(f->launch.started);
    assert_string_equal((const char *)f->launch.world, "demo");
    assert_memory_equal(f->launch.runtime_measurement, digest, sizeof digest);
    assert_false(bytes_are_zero(f->launch.boot_seed, sizeof f->launch.boot_seed));
    assert_int_equal(f->launch.module_count, 2);
    assert_string_equal((const char *)f->launch.module[1].name, "echo");
    assert_memory_equal(f->launch.module[1].author, somebody, sizeof somebody);
    assert_int_equal(f->launch.module[1].generation, 1);
    assert_true(
        bytes_are_zero(f->launch.module[1].registers, sizeof f->launch.module[1].registers));
}

static void every_launch_has_a_seed_of_its_own(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(begin(f), CLOISTER_OK);
    struct launch second = {.started = false};
    assert_int_equal(launch_begin(&second, &f->begin, digest, &f->why), CLOISTER_OK);
    assert_memory_not_equal(f->launch.boot_seed, second.boot_seed, sizeof second.boot_seed);
}

static void started_record_is_locked(void **state)
{
    struct fixture *f = *state;
    struct launch before = f->launch;
    assert_int_equal(begin(f), CLOISTER_BAD_STATE);
    assert_int_equal(add(f, "third", somebody), CLOISTER_BAD_STATE);
    assert_int_equal(start(f), CLOISTER_BAD_STATE);
    assert_memory_equal(&before, &f->launch, sizeof before);
}

static void second_launch_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(begin(f), CLOISTER_OK);
    assert_int_equal(begin(f), CLOISTER_BAD_STATE);
}

static void start_without_all_modules_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(start(f), CLOISTER_BAD_STATE);
    assert_int_equal(begin(f), CLOISTER_OK);
    assert_int_equal(start(f), CLOISTER_BAD_STATE);
    assert_int_equal(add(f, "vault", somebody), CLOISTER_OK);
    assert_int_equal(start(f), CLOISTER_BAD_STATE);
    assert_false(f->launch.started);
}

static void more_modules_than_announced_are_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(add(f, "vault", somebody), CLOISTER_BAD_STATE);
    f->begin.module_count = 1;
    assert_int_equal(begin(f), CLOISTER_OK);
    assert_int_equal(add(f, "vault", somebody), CLOISTER_OK);
    assert_int_equal(add(f, "echo", somebody), CLOISTER_BAD_STATE);
}

static void production_world_takes_no_module_without_an_author(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(begin(f), CLOISTER_OK);
    assert_int_equal(add(f, "vault", nobody), CLOISTER_REFUSED);
    assert_non_null(strstr(f->why.text, "cloister module sign"));
    uint8_t unknown[CLO_AUTHOR_SIZE] = {2, 1};
    assert_int_equal(add(f, "vault", unknown), CLOISTER_REFUSED);
    assert_int_equal(f->launch.module_count, 0);
}

static void debug_world_takes_unsigned_modules(void **state)
{
    struct fixture *f = *state;
    f->begin.debug = 1;
    assert_int_equal(begin(f), CLOISTER_OK);
    assert_true(f->launch.debug);
    assert_int_equal(add(f, "vault", nobody), CLOISTER_OK);
}

static void bad_module_names_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"",     ".",     "..",   "../up", "a/b",     "a b",
                                        "-opt", ".hide", "a\nb", "\xff",  "\xc3\xa9"};
    assert_int_equal(begin(f), CLOISTER_OK);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(add(f, names[i], somebody), CLOISTER_BAD_ARGUMENT);
    memset(f->module.name, 'a', sizeof f->module.name); /* no NUL */
    assert_int_equal(add(f, NULL, somebody), CLOISTER_BAD_ARGUMENT);
    memcpy(f->module.name, "a\0b", 4); /* something behind the NUL */
    assert_int_equal(add(f, NULL, somebody), CLOISTER_BAD_ARGUMENT);
}

static void two_modules_of_one_name_are_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(begin(f), CLOISTER_OK);
    assert_int_equal(add(f, "vault", somebody), CLOISTER_OK);
    assert_int_equal(add(f, "vault", somebody), CLOISTER_BAD_ARGUMENT);
    assert_non_null(strstr(f->why.text, "vault"));
}

static void begin_is_refused(struct fixture *f, const struct clo_keeper_launch *message)
{
    assert_int_equal(launch_begin(&f->launch, message, digest, &f->why), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(f->launch.modules_expected, 0);
}

static void bad_launch_fields_are_refused(void **state)
{
    struct fixture *f = *state;
    struct clo_keeper_launch bad = f->begin;
    bad.debug = 2;
    begin_is_refused(f, &bad);
    bad = f->begin;
    bad.module_count = 0;
    begin_is_refused(f, &bad);
    bad.module_count = CLO_MODULES_MAX + 1;
    begin_is_refused(f, &bad);
    bad = f->begin;
    bad.world[0] = '\0';
    begin_is_refused(f, &bad);
    memset(bad.world, 'w', sizeof bad.world);
    begin_is_refused(f, &bad);
    bad = f->begin;
    bad.runtime_version[0] = '\n';
    begin_is_refused(f, &bad);
    memset(bad.runtime_version, '1', sizeof bad.runtime_version);
    begin_is_refused(f, &bad);
    bad = f->begin;
    bad.runtime_version[15] = '1';
    begin_is_refused(f, &bad);
}

static void start_is_refused(struct fixture *f, const struct clo_keeper_start *message)
{
    assert_int_equal(launch_start(&f->launch, message, &f->why), CLOISTER_BAD_ARGUMENT);
    assert_false(f->launch.started);
}

static void bad_start_fields_are_refused(void **state)
{
    struct fixture *f = *state;
    f->begin.module_count = 1;
    assert_int_equal(begin(f), CLOISTER_OK);
    assert_int_equal(add(f, "vault", somebody), CLOISTER_OK);
    struct clo_keeper_start bad = f->start;
    bad.isolation = 0;
    start_is_refused(f, &bad);
    bad.isolation = CLO_ISOLATION_UNREACHABLE + 1;
    start_is_refused(f, &bad);
    bad = f->start;
    bad.umip = 2;
    start_is_refused(f, &bad);
    bad = f->start;
    bad.reserved = 1;
    start_is_refused(f, &bad);
    bad = f->start;
    bad.vcpus = 0;
    start_is_refused(f, &bad);
    bad.vcpus = CLO_MODULES_MAX * CLO_THREADS_MAX + 1;
    start_is_refused(f, &bad);
    bad = f->start;
    bad.window_size = (uint32_t)CLO_WINDOW_SIZE_MAX + 1;
    start_is_refused(f, &bad);
    bad = f->start;
    memset(bad.kvm, 'k', sizeof bad.kvm);
    start_is_refused(f, &bad);
    memset(bad.kvm, 0, sizeof bad.kvm);
    start_is_refused(f, &bad);
}

static void extended_register_is_a_hash_chain(void **state)
{
    struct fixture *f = *state;
    uint8_t value[CLO_DIGEST_SIZE];
    uint8_t expected[CLO_DIGEST_SIZE] = {0};
    const struct crypto_bytes pieces[] = {{expected, CLO_DIGEST_SIZE}, {digest, CLO_DIGEST_SIZE}};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(crypto_sha384(pieces, 2, expected), CLOISTER_OK);
        assert_int_equal(launch_extend(&f->launch, 0, 7, digest, value, &f->why), CLOISTER_OK);
        assert_memory_equal(value, expected, sizeof expected);
    }
    assert_int_equal(launch_read(&f->launch, 0, 7, value, &f->why), CLOISTER_OK);
    assert_memory_equal(value, expected, sizeof expected);
}

static void extending_one_register_leaves_all_others(void **state)
{
    struct fixture *f = *state;
    uint8_t value[CLO_DIGEST_SIZE];
    assert_int_equal(launch_extend(&f->launch, 1, 3, digest, value, &f->why), CLOISTER_OK);
    for (uint32_t module = 0; module < 2; module++)
        for (uint32_t reg = 0; reg < CLO_REGISTERS; reg++) {
            assert_int_equal(launch_read(&f->launch, module, reg, value, &f->why), CLOISTER_OK);
            assert_int_equal(bytes_are_zero(value, sizeof value), module != 1 || reg != 3);
        }
}

static void registers_outside_the_record_are_refused(void **state)
{
    struct fixture *f = *state;
    static const uint32_t bad[] = {CLO_REGISTERS, CLO_REGISTERS + 1, 0x80000000u, UINT32_MAX};
    uint8_t value[CLO_DIGEST_SIZE];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(launch_extend(&f->launch, 0, bad[i], digest, value, &f->why),
                         CLOISTER_BAD_ARGUMENT);
        assert_int_equal(launch_read(&f->launch, 0, bad[i], value, &f->why), CLOISTER_BAD_ARGUMENT);
    }
    assert_int_equal(launch_read(&f->launch, 2, 0, value, &f->why), CLOISTER_BAD_STATE);
    assert_int_equal(launch_extend(&f->launch, UINT32_MAX, 0, digest, value, &f->why),
                     CLOISTER_BAD_STATE);
}

static void registers_do_not_work_before_start(void **state)
{
    struct fixture *f = *state;
    uint8_t value[CLO_DIGEST_SIZE];
    f->begin.module_count = 1;
    assert_int_equal(begin(f), CLOISTER_OK);
    assert_int_equal(add(f, "vault", somebody), CLOISTER_OK);
    assert_int_equal(launch_extend(&f->launch, 0, 0, digest, value, &f->why), CLOISTER_BAD_STATE);
    assert_int_equal(launch_restart(&f->launch, 0, &f->why), CLOISTER_BAD_STATE);
}

static void restart_counts_and_resets_no_register(void **state)
{
    struct fixture *f = *state;
    uint8_t before[CLO_DIGEST_SIZE];
    uint8_t after[CLO_DIGEST_SIZE];
    assert_int_equal(launch_extend(&f->launch, 0, 2, digest, before, &f->why), CLOISTER_OK);
    assert_int_equal(launch_restart(&f->launch, 0, &f->why), CLOISTER_OK);
    assert_int_equal(f->launch.module[0].generation, 2);
    assert_int_equal(f->launch.module[1].generation, 1);
    assert_int_equal(launch_read(&f->launch, 0, 2, after, &f->why), CLOISTER_OK);
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(launch_restart(&f->launch, 2, &f->why), CLOISTER_BAD_STATE);
    f->launch.module[0].generation = UINT64_MAX;
    assert_int_equal(launch_restart(&f->launch, 0, &f->why), CLOISTER_LIMIT);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define STARTED(test) cmocka_unit_test_setup_teardown(test, set_up_started, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STARTED(record_holds_what_was_measured),
        FRESH(every_launch_has_a_seed_of_its_own),
        STARTED(started_record_is_locked),
        FRESH(second_launch_is_refused),
        FRESH(start_without_all_modules_is_refused),
        FRESH(more_modules_than_announced_are_refused),
        FRESH(production_world_takes_no_module_without_an_author),
        FRESH(debug_world_takes_unsigned_modules),
        FRESH(bad_module_names_are_refused),
        FRESH(two_modules_of_one_name_are_refused),
        FRESH(bad_launch_fields_are_refused),
        FRESH(bad_start_fields_are_refused),
        STARTED(extended_register_is_a_hash_chain),
        STARTED(extending_one_register_leaves_all_others),
        STARTED(registers_outside_the_record_are_refused),
        FRESH(registers_do_not_work_before_start),
        STARTED(restart_counts_and_resets_no_register),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The host's posture: what was looked up, and nothing made of what could not be.
 */
#include "base/bytes.h"
#include "measure/launch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/utsname.h>

#include <cmocka.h>

static struct host_posture posture;

static int look_up(void **state)
{
    (void)state;
    memset(&posture, 0xff, sizeof posture);
    posture_look_up(&posture);
    return 0;
}

/* NUL-terminated and zero-filled. */
static void is_text(const uint8_t *field, size_t size)
{
    size_t length = strnlen((const char *)field, size);
    assert_true(length < size);
    assert_true(bytes_are_zero(field + length, size - length));
}

static void kernel_is_the_one_that_runs(void **state)
{
    (void)state;
    struct utsname names;
    assert_int_equal(uname(&names), 0);
    assert_string_equal((const char *)posture.kernel, names.release);
}

static void texts_are_terminated(void **state)
{
    (void)state;
    is_text(posture.kernel, sizeof posture.kernel);
    is_text(posture.lockdown, sizeof posture.lockdown);
    is_text(posture.smt, sizeof posture.smt);
}

/* Neither absence of Yama nor lockdown keeps root from ptrace. */
static void ptrace_is_locked_only_by_yama_at_its_last_level(void **state)
{
    (void)state;
    assert_int_equal(posture.ptrace_locked, posture.yama_scope == 3);
    assert_true(posture.yama_scope <= 3 || posture.yama_scope == UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernel_is_the_one_that_runs),
        cmocka_unit_test(texts_are_terminated),
        cmocka_unit_test(ptrace_is_locked_only_by_yama_at_its_last_level),
    };
    return cmocka_run_group_tests(tests, look_up, NULL);
}

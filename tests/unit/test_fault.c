/*
 * Faults as text and as signals.
 */
#include "vmm/fault.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BASE 0x100000000ull

static void describe(struct vcpu_exit exit, char *text, size_t size)
{
    struct module_file file = {.image = -1, .source = -1, .record = {.span = 0x10000}};
    fault_describe(&exit, &file, BASE, text, size);
}

static void every_vector_has_a_name_and_a_signal(void **state)
{
    (void)state;
    for (uint32_t vector = 0; vector < 300; vector++) {
        assert_true(strlen(fault_name(vector)) > 0);
        assert_true(fault_signal(vector) > 0);
    }
    assert_int_equal(fault_signal(0), SIGFPE);
    assert_int_equal(fault_signal(6), SIGILL);
    assert_int_equal(fault_signal(13), SIGSEGV);
    assert_int_equal(fault_signal(14), SIGSEGV);
    assert_int_equal(fault_signal(UINT32_MAX), SIGSEGV);
}

static void page_fault_says_what_was_tried(void **state)
{
    (void)state;
    char text[256];
    describe((struct vcpu_exit){.vector = 14, .error = 7, .rip = BASE + 0x10, .address = 0x2000},
             text, sizeof text);
    assert_string_equal(text, "page fault (vector 14) at 0x100000010, writing 0x2000: not "
                              "permitted");
    describe((struct vcpu_exit){.vector = 14, .error = 4, .rip = 1}, text, sizeof text);
    assert_string_equal(text, "page fault (vector 14) at 0x1, reading 0x0: nothing mapped");
    describe((struct vcpu_exit){.vector = 14, .error = 0x15, .rip = 1, .address = 1}, text,
             sizeof text);
    assert_non_null(strstr(text, "executing 0x1"));
}

static void address_in_the_runtime_is_named(void **state)
{
    (void)state;
    char text[256];
    describe((struct vcpu_exit){.vector = 6, .rip = CLO_VA_PERSONALITY}, text, sizeof text);
    assert_string_equal(text, "undefined instruction (vector 6) at 0x70001000 (the runtime)");
}

static void text_is_cut_to_its_room(void **state)
{
    (void)state;
    char text[16];
    describe((struct vcpu_exit){.vector = 14, .rip = UINT64_MAX, .address = UINT64_MAX}, text,
             sizeof text);
    assert_int_equal(strlen(text), 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_has_a_name_and_a_signal),
        cmocka_unit_test(page_fault_says_what_was_tried),
        cmocka_unit_test(address_in_the_runtime_is_named),
        cmocka_unit_test(text_is_cut_to_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

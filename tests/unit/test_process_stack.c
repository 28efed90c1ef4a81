/*
 * The first stack of a program, read back as a C library reads it.
 */
#include "vmm/process_stack.h"

#include "base/bytes.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 4096u
#define TOP 0x100fff0000ull

static uint8_t *memory;
static struct process_stack stack;
static uint64_t rsp;
static size_t used;

static int set_up(void **state)
{
    static char *const arguments[] = {"program", "one", "", NULL};
    static char *const environment[] = {"A=1", "B=two words", NULL};
    (void)state;
    memory = calloc(1, SIZE); /* its own block: a sanitizer sees what goes beyond */
    stack = (struct process_stack){.memory = memory,
                                   .size = SIZE,
                                   .top = TOP,
                                   .entry = 0x1234,
                                   .phdr = 0x5000,
                                   .phdr_count = 7,
                                   .arguments = arguments,
                                   .environment = environment};
    return memory ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

static cloister_status write_stack(struct reason *why)
{
    return process_stack_write(&stack, &rsp, &used, why);
}

static const uint8_t *at(uint64_t address)
{
    assert_in_range(address, TOP - SIZE, TOP - 1);
    return memory + (address - (TOP - SIZE));
}

static uint64_t word(uint64_t index)
{
    uint64_t value;
    memcpy(&value, at(rsp + index * 8), sizeof value);
    return value;
}

static const char *string(uint64_t index)
{
    return (const char *)at(word(index));
}

static uint64_t auxiliary(uint64_t first, uint64_t type)
{
    for (uint64_t i = first; word(i) != AT_NULL; i += 2)
        if (word(i) == type)
            return word(i + 1);
    fail_msg("no entry of type %lu", type);
    return 0;
}

static void vectors_are_as_the_abi_says(void **state)
{
    (void)state;
    struct reason why;
    assert_int_equal(write_stack(&why), CLOISTER_OK);
    assert_int_equal(rsp % 16, 0);
    assert_true(rsp >= TOP - used);
    assert_true(used <= SIZE);
    assert_int_equal(word(0), 3);
    assert_string_equal(string(1), "program");
    assert_string_equal(string(2), "one");
    assert_string_equal(string(3), "");
    assert_int_equal(word(4), 0);
    assert_string_equal(string(5), "A=1");
    assert_string_equal(string(6), "B=two words");
    assert_int_equal(word(7), 0);
    assert_int_equal(auxiliary(8, AT_PHDR), 0x5000);
    assert_int_equal(auxiliary(8, AT_PHENT), sizeof(Elf64_Phdr));
    assert_int_equal(auxiliary(8, AT_PHNUM), 7);
    assert_int_equal(auxiliary(8, AT_PAGESZ), 4096);
    assert_int_equal(auxiliary(8, AT_ENTRY), 0x1234);
    assert_int_equal(auxiliary(8, AT_SECURE), 0);
    assert_string_equal((const char *)at(auxiliary(8, AT_EXECFN)), "program");
}

static void random_bytes_are_fresh_each_time(void **state)
{
    (void)state;
    struct reason why;
    uint8_t first[16];
    assert_int_equal(write_stack(&why), CLOISTER_OK);
    memcpy(first, at(auxiliary(8, AT_RANDOM)), sizeof first);
    assert_false(bytes_are_zero(first, sizeof first));
    assert_int_equal(write_stack(&why), CLOISTER_OK);
    assert_memory_not_equal(first, at(auxiliary(8, AT_RANDOM)), sizeof first);
}

static void bytes_below_the_used_ones_are_untouched(void **state)
{
    (void)state;
    struct reason why;
    assert_int_equal(write_stack(&why), CLOISTER_OK);
    assert_true(bytes_are_zero(memory, SIZE - used));
}

static void program_without_environment_or_headers_is_fine(void **state)
{
    (void)state;
    struct reason why;
    stack.environment = NULL;
    stack.phdr = 0;
    assert_int_equal(write_stack(&why), CLOISTER_OK);
    assert_int_equal(word(5), 0);
    assert_int_equal(auxiliary(6, AT_PHDR), 0);
    assert_int_equal(auxiliary(6, AT_PHNUM), 0);
}

static void stack_is_aligned_for_every_number_of_arguments(void **state)
{
    (void)state;
    char *arguments[34];
    struct reason why;
    stack.arguments = arguments;
    for (unsigned n = 1; n < 33; n++) {
        for (unsigned i = 0; i < n; i++)
            arguments[i] = "x";
        arguments[n] = NULL;
        assert_int_equal(write_stack(&why), CLOISTER_OK);
        assert_int_equal(rsp % 16, 0);
        assert_int_equal(word(0), n);
        assert_string_equal(string(n), "x");
    }
}

static void arguments_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct reason why;
    char *const many[] = {"program", "0123456789", NULL};
    stack.arguments = many;
    stack.environment = NULL;
    assert_int_equal(write_stack(&why), CLOISTER_OK);
    for (size_t size = used - 16; size > 0; size -= 8) {
        uint8_t *small = calloc(1, size);
        assert_non_null(small);
        stack.memory = small;
        stack.size = size;
        assert_int_equal(write_stack(&why), CLOISTER_TOO_BIG);
        free(small);
        if (size < 8)
            break;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(vectors_are_as_the_abi_says),
        TEST(random_bytes_are_fresh_each_time),
        TEST(bytes_below_the_used_ones_are_untouched),
        TEST(program_without_environment_or_headers_is_fine),
        TEST(stack_is_aligned_for_every_number_of_arguments),
        TEST(arguments_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

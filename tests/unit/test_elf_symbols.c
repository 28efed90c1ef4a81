/*
 * Looking up the function that an address lies in.
 */
#include "tests/unit/elf_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct elf_sample sample;
static struct elf_image image;

static int make_sample(void **state)
{
    (void)state;
    sample_make(&sample);
    return 0;
}

static void assert_symbol(uint64_t vaddr, const char *name, uint64_t offset)
{
    char found[32];
    uint64_t at = 99;
    sample_is_accepted(&sample, ELF_MODULE, &image);
    assert_true(elf_image_symbol(&image, vaddr, found, sizeof found, &at));
    assert_string_equal(found, name);
    assert_int_equal(at, offset);
}

static void assert_no_symbol(uint64_t vaddr)
{
    char found[32];
    uint64_t at;
    sample_is_accepted(&sample, ELF_MODULE, &image);
    assert_false(elf_image_symbol(&image, vaddr, found, sizeof found, &at));
}

static void address_in_a_function_has_its_name(void **state)
{
    (void)state;
    assert_symbol(0x1012, "resolver", 2);
}

static void function_without_size_reaches_to_the_next(void **state)
{
    (void)state;
    assert_symbol(0x1000, "_start", 0);
    assert_symbol(0x100f, "_start", 15);
}

static void address_outside_code_has_no_name(void **state)
{
    (void)state;
    assert_no_symbol(0x2000);
    assert_no_symbol(0x1100);
    assert_no_symbol(0xfff);
    assert_no_symbol(UINT64_MAX);
}

static void address_in_no_function_has_no_name(void **state)
{
    (void)state;
    sample.symbol[1].st_shndx = SHN_UNDEF;
    assert_no_symbol(0x1000);
    assert_no_symbol(0x1020);
}

static void data_symbols_are_no_functions(void **state)
{
    (void)state;
    sample.symbol[2].st_info = ELF64_ST_INFO(STB_LOCAL, STT_OBJECT);
    assert_symbol(0x1012, "_start", 18);
}

static void name_outside_the_strings_is_no_name(void **state)
{
    (void)state;
    sample.symbol[2].st_name = sizeof sample.strings;
    assert_no_symbol(0x1012);
    sample.symbol[2].st_name = UINT32_MAX;
    assert_no_symbol(0x1012);
}

static void name_without_nul_ends_with_the_strings(void **state)
{
    (void)state;
    memset(sample.strings + 8, 'n', sizeof sample.strings - 8);
    assert_symbol(0x1012, "nnnnnnnnnnnnnnnnnnnnnnnn", 2);
}

static void name_is_printable_whatever_the_file_says(void **state)
{
    (void)state;
    memcpy(sample.strings + 8, "\033[2J\n\377%s", 9);
    assert_symbol(0x1012, "?[2J??%s", 2);
}

static void long_name_is_cut(void **state)
{
    (void)state;
    char name[5];
    uint64_t offset;
    sample_is_accepted(&sample, ELF_MODULE, &image);
    assert_true(elf_image_symbol(&image, 0x1012, name, sizeof name, &offset));
    assert_string_equal(name, "reso");
}

static void symbol_value_that_wraps_is_no_match(void **state)
{
    (void)state;
    sample.symbol[2].st_value = UINT64_MAX;
    sample.symbol[2].st_size = UINT64_MAX;
    assert_symbol(0x1012, "_start", 18);
}

#define TEST(name) cmocka_unit_test_setup(name, make_sample)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(address_in_a_function_has_its_name),
        TEST(function_without_size_reaches_to_the_next),
        TEST(address_outside_code_has_no_name),
        TEST(address_in_no_function_has_no_name),
        TEST(data_symbols_are_no_functions),
        TEST(name_outside_the_strings_is_no_name),
        TEST(name_without_nul_ends_with_the_strings),
        TEST(name_is_printable_whatever_the_file_says),
        TEST(long_name_is_cut),
        TEST(symbol_value_that_wraps_is_no_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

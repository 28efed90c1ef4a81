/*
 * The rules about memory: rights, order, sizes, entry, RELRO, TLS.
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

/* A test that breaks one thing: the loader refuses the module and names `word`. */
#define REFUSED(name, breakage, word)                                                              \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        breakage;                                                                                  \
        sample_is_refused(&sample, ELF_MODULE, CLOISTER_BAD_FORMAT, word);                         \
    }

/* Data in the second half of the code's page. */
static void share_a_page(void)
{
    sample.phdr[SAMPLE_DATA].p_vaddr = 0x1800;
    sample.phdr[SAMPLE_DATA].p_offset = 0x2800;
    sample.phdr[SAMPLE_DATA].p_filesz = 16;
    sample.phdr[SAMPLE_DYNAMIC].p_type = PT_NULL;
    sample.phdr[SAMPLE_TLS].p_type = PT_NULL;
    sample.phdr[SAMPLE_RELRO].p_type = PT_NULL;
}

REFUSED(loader_refuses_writable_code, sample.phdr[SAMPLE_TEXT].p_flags |= PF_W,
        "segment 1 is writable and executable")
REFUSED(loader_refuses_executable_data, sample.phdr[SAMPLE_DATA].p_flags |= PF_X,
        "segment 2 is writable and executable")
REFUSED(loader_refuses_segment_that_cannot_be_read, sample.phdr[SAMPLE_TEXT].p_flags = PF_X,
        "segment 1 has rights")
REFUSED(loader_refuses_segment_without_rights, sample.phdr[SAMPLE_CONSTANTS].p_flags = 0,
        "segment 0 has rights")
REFUSED(loader_refuses_empty_segment, sample.phdr[SAMPLE_SPARE].p_type = PT_LOAD;
        sample.phdr[SAMPLE_SPARE].p_flags = PF_R, "segment 3 is empty")
REFUSED(loader_refuses_more_file_than_memory, sample.phdr[SAMPLE_DATA].p_memsz = 16,
        "segment 2 has")
REFUSED(loader_refuses_zeros_behind_code, sample.phdr[SAMPLE_TEXT].p_memsz += 16,
        "segment 1 is not writable")
REFUSED(loader_refuses_overlapping_segments, sample.phdr[SAMPLE_DATA].p_vaddr = 0x1000,
        "before the pages of the one before it end")
REFUSED(loader_refuses_segments_that_share_a_page, share_a_page(), "before the pages")
REFUSED(loader_refuses_segments_out_of_order, Elf64_Phdr text = sample.phdr[SAMPLE_TEXT];
        sample.phdr[SAMPLE_TEXT] = sample.phdr[SAMPLE_DATA];
        sample.phdr[SAMPLE_DATA] = text, "before the pages of the one before it end")
REFUSED(loader_refuses_address_that_wraps, sample.phdr[SAMPLE_DATA].p_vaddr = 0xfffffffffffff000,
        "wraps round")
REFUSED(loader_refuses_memory_size_that_wraps, sample.phdr[SAMPLE_DATA].p_memsz = UINT64_MAX,
        "wraps round")
REFUSED(loader_refuses_end_that_wraps_when_rounded,
        sample.phdr[SAMPLE_DATA].p_memsz = UINT64_MAX - 0x2000 - 16, "wraps round")
REFUSED(loader_refuses_entry_in_data, sample.header.e_entry = 0x2000, "entry point 0x2000")
REFUSED(loader_refuses_entry_in_constants, sample.header.e_entry = 0, "entry point")
REFUSED(loader_refuses_entry_behind_code, sample.header.e_entry = 0x1100, "entry point 0x1100")
REFUSED(loader_refuses_entry_nowhere, sample.header.e_entry = UINT64_MAX, "entry point")
REFUSED(loader_refuses_relro_in_code, sample.phdr[SAMPLE_RELRO].p_vaddr = 0x1000, "RELRO")
REFUSED(loader_refuses_relro_behind_its_segment, sample.phdr[SAMPLE_RELRO].p_memsz = 0x2001,
        "RELRO")
REFUSED(loader_refuses_relro_that_wraps, sample.phdr[SAMPLE_RELRO].p_memsz = UINT64_MAX, "RELRO")
REFUSED(loader_refuses_empty_relro, sample.phdr[SAMPLE_RELRO].p_memsz = 0, "RELRO")
REFUSED(loader_refuses_tls_outside_segments, sample.phdr[SAMPLE_TLS].p_vaddr = 0x3ff8,
        "thread-local")
REFUSED(loader_refuses_tls_with_more_file_than_memory, sample.phdr[SAMPLE_TLS].p_memsz = 8,
        "thread-local")
REFUSED(loader_refuses_tls_alignment_that_is_no_power_of_two, sample.phdr[SAMPLE_TLS].p_align = 24,
        "aligned to 24")
REFUSED(loader_refuses_tls_alignment_above_a_page, sample.phdr[SAMPLE_TLS].p_align = 8192,
        "aligned to 8192")
REFUSED(loader_refuses_tls_of_no_bytes, sample.phdr[SAMPLE_TLS].p_memsz = 0;
        sample.phdr[SAMPLE_TLS].p_filesz = 0, "thread-local storage of no bytes")

static void loader_refuses_huge_tls(void **state)
{
    (void)state;
    sample.phdr[SAMPLE_TLS].p_memsz = CLO_MODULE_SIZE_MAX + 1;
    sample_is_refused(&sample, ELF_MODULE, CLOISTER_TOO_BIG, "thread-local");
}

static void loader_refuses_address_in_the_kernels_half(void **state)
{
    (void)state;
    sample.phdr[SAMPLE_DATA].p_vaddr = 0xffff800000000000;
    sample_is_refused(&sample, ELF_MODULE, CLOISTER_TOO_BIG, "segment 2 takes");
}

static void loader_refuses_more_memory_than_a_module_may_have(void **state)
{
    (void)state;
    sample.phdr[SAMPLE_DATA].p_memsz = CLO_MODULE_SIZE_MAX - 0x2000 + 1;
    sample_is_refused(&sample, ELF_MODULE, CLOISTER_TOO_BIG, "segment 2 takes");
}

static void largest_module_is_accepted(void **state)
{
    (void)state;
    sample.phdr[SAMPLE_DATA].p_memsz = CLO_MODULE_SIZE_MAX - 0x2000;
    sample_is_accepted(&sample, ELF_MODULE, &image);
    assert_int_equal(image.span, CLO_MODULE_SIZE_MAX);
}

/* As the linker makes it where no other data follows. */
static void relro_up_to_the_end_of_the_last_page_is_accepted(void **state)
{
    (void)state;
    sample.phdr[SAMPLE_DATA].p_memsz = sample.phdr[SAMPLE_DATA].p_filesz;
    sample_is_accepted(&sample, ELF_MODULE, &image);
}

static void move_to(uint64_t base)
{
    sample.header.e_type = ET_EXEC;
    sample.header.e_entry += base;
    for (int i = 0; i < SAMPLE_PHDRS; i++)
        sample.phdr[i].p_vaddr += base;
    sample.phdr[SAMPLE_DYNAMIC].p_type = PT_NULL;
}

static void fixed_program_in_its_range_is_accepted(void **state)
{
    (void)state;
    move_to(CLO_VA_EXEC_LOWEST);
    sample_is_accepted(&sample, ELF_PROGRAM, &image);
    assert_false(image.position_independent);
    sample_make(&sample);
    move_to(CLO_VA_EXEC_HIGHEST - 0x4000);
    sample_is_accepted(&sample, ELF_PROGRAM, &image);
}

static void loader_refuses_fixed_program_in_the_monitors_pages(void **state)
{
    (void)state;
    move_to(CLO_VA_EXEC_LOWEST - 0x1000);
    sample_is_refused(&sample, ELF_PROGRAM, CLOISTER_TOO_BIG, "segment 0 takes");
}

static void loader_refuses_fixed_program_in_the_runtimes_pages(void **state)
{
    (void)state;
    move_to(CLO_VA_EXEC_HIGHEST - 0x3000);
    sample_is_refused(&sample, ELF_PROGRAM, CLOISTER_TOO_BIG, "segment 2 takes");
}

#define TEST(name) cmocka_unit_test_setup(name, make_sample)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(loader_refuses_writable_code),
        TEST(loader_refuses_executable_data),
        TEST(loader_refuses_segment_that_cannot_be_read),
        TEST(loader_refuses_segment_without_rights),
        TEST(loader_refuses_empty_segment),
        TEST(loader_refuses_more_file_than_memory),
        TEST(loader_refuses_zeros_behind_code),
        TEST(loader_refuses_overlapping_segments),
        TEST(loader_refuses_segments_that_share_a_page),
        TEST(loader_refuses_segments_out_of_order),
        TEST(loader_refuses_address_that_wraps),
        TEST(loader_refuses_memory_size_that_wraps),
        TEST(loader_refuses_end_that_wraps_when_rounded),
        TEST(loader_refuses_entry_in_data),
        TEST(loader_refuses_entry_in_constants),
        TEST(loader_refuses_entry_behind_code),
        TEST(loader_refuses_entry_nowhere),
        TEST(loader_refuses_relro_in_code),
        TEST(loader_refuses_relro_behind_its_segment),
        TEST(loader_refuses_relro_that_wraps),
        TEST(loader_refuses_empty_relro),
        TEST(loader_refuses_tls_outside_segments),
        TEST(loader_refuses_tls_with_more_file_than_memory),
        TEST(loader_refuses_tls_alignment_that_is_no_power_of_two),
        TEST(loader_refuses_tls_alignment_above_a_page),
        TEST(loader_refuses_tls_of_no_bytes),
        TEST(loader_refuses_huge_tls),
        TEST(loader_refuses_address_in_the_kernels_half),
        TEST(loader_refuses_more_memory_than_a_module_may_have),
        TEST(largest_module_is_accepted),
        TEST(relro_up_to_the_end_of_the_last_page_is_accepted),
        TEST(fixed_program_in_its_range_is_accepted),
        TEST(loader_refuses_fixed_program_in_the_monitors_pages),
        TEST(loader_refuses_fixed_program_in_the_runtimes_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The dynamic section: nothing from outside, and relocations of data only.
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

static void spare(int64_t tag, uint64_t value)
{
    sample.dynamic[SAMPLE_DYNAMIC_SPARE] = (Elf64_Dyn){tag, {value}};
}

REFUSED(loader_refuses_needed_library, spare(DT_NEEDED, 1), "DT_NEEDED")
REFUSED(loader_refuses_text_relocations, spare(DT_TEXTREL, 0), "DT_TEXTREL")
REFUSED(loader_refuses_text_relocation_flag, sample.dynamic[SAMPLE_FLAGS].d_un.d_val |= DF_TEXTREL,
        "DF_TEXTREL")
REFUSED(loader_refuses_unknown_dynamic_flags, sample.dynamic[SAMPLE_FLAGS].d_un.d_val |= 1u << 20,
        "unknown dynamic flags")
REFUSED(loader_refuses_packed_relocations, spare(DT_RELR, 0), "DT_RELR")
REFUSED(loader_refuses_relocations_without_addend, spare(DT_REL, 0), "dynamic tag 0x11")
REFUSED(loader_refuses_unknown_dynamic_tag, spare(0x60000000, 0), "dynamic tag 0x60000000")
REFUSED(loader_refuses_repeated_dynamic_tag, spare(DT_RELASZ, 0), "occurs twice")
REFUSED(loader_refuses_dynamic_section_without_end,
        sample.dynamic[SAMPLE_DYNAMIC_END].d_tag = DT_BIND_NOW, "no end")
REFUSED(loader_refuses_dynamic_section_outside_segments,
        sample.phdr[SAMPLE_DYNAMIC].p_vaddr = 0x3ff0, "PT_DYNAMIC")
REFUSED(loader_refuses_dynamic_section_elsewhere_in_the_file,
        sample.phdr[SAMPLE_DYNAMIC].p_offset += 16, "PT_DYNAMIC")
REFUSED(loader_refuses_dynamic_section_longer_in_memory, sample.phdr[SAMPLE_DYNAMIC].p_memsz += 16,
        "PT_DYNAMIC")
REFUSED(loader_refuses_relocation_entry_size, sample.dynamic[SAMPLE_RELAENT].d_un.d_val = 16,
        "relocation entries of 16 bytes")
REFUSED(loader_refuses_other_kind_of_plt_relocations,
        sample.dynamic[SAMPLE_PLTREL].d_un.d_val = DT_REL, "kind 17")
REFUSED(loader_refuses_relocations_outside_the_file,
        sample.dynamic[SAMPLE_RELA].d_un.d_val = 0x9000, "DT_RELA")
REFUSED(loader_refuses_relocation_table_that_wraps,
        sample.dynamic[SAMPLE_RELASZ].d_un.d_val = UINT64_MAX - 15, "DT_RELA")
REFUSED(loader_refuses_half_a_relocation, sample.dynamic[SAMPLE_RELASZ].d_un.d_val -= 8, "DT_RELA")
REFUSED(loader_refuses_plt_relocations_outside_the_file,
        sample.dynamic[SAMPLE_JMPREL].d_un.d_val = 0x3000, "DT_JMPREL")
REFUSED(loader_refuses_relocations_that_the_program_can_write,
        sample.dynamic[SAMPLE_RELA].d_un.d_val = offsetof(struct elf_sample, data), "DT_RELA")
REFUSED(loader_refuses_symbolic_relocation,
        sample.rela[0].r_info = ELF64_R_INFO(1, R_X86_64_GLOB_DAT), "type 6 with symbol 1")
REFUSED(loader_refuses_relative_relocation_with_symbol,
        sample.rela[0].r_info = ELF64_R_INFO(1, R_X86_64_RELATIVE), "with symbol 1")
REFUSED(loader_refuses_copy_relocation, sample.rela[0].r_info = R_X86_64_COPY, "type 5")
REFUSED(loader_refuses_relocation_of_code, sample.rela[0].r_offset = 0x1000,
        "relocation at 0x1000 is not inside a writable segment")
REFUSED(loader_refuses_relocation_of_constants, sample.rela[0].r_offset = 64,
        "not inside a writable segment")
REFUSED(loader_refuses_relocation_outside_segments, sample.rela[0].r_offset = 0x10000,
        "not inside a writable segment")
REFUSED(loader_refuses_relocation_across_the_end,
        sample.rela[0].r_offset = sample.phdr[SAMPLE_DATA].p_vaddr +
                                  sample.phdr[SAMPLE_DATA].p_memsz - 7,
        "not inside a writable segment")
REFUSED(loader_refuses_relocation_that_wraps, sample.rela[0].r_offset = UINT64_MAX - 3,
        "not inside a writable segment")
REFUSED(loader_refuses_resolver_in_data, sample.rela[1].r_addend = 0x2000, "calls 0x2000")
REFUSED(loader_refuses_plt_relocation_of_code, sample.plt[0].r_offset = 0x1008,
        "relocation at 0x1008")

static void relocation_of_zeroed_data_is_accepted(void **state)
{
    (void)state;
    sample.rela[0].r_offset = 0x3000;
    sample_is_accepted(&sample, ELF_MODULE, &image);
}

static void module_without_dynamic_section_is_accepted(void **state)
{
    (void)state;
    sample.phdr[SAMPLE_DYNAMIC].p_type = PT_NULL;
    sample_is_accepted(&sample, ELF_MODULE, &image);
}

#define TEST(name) cmocka_unit_test_setup(name, make_sample)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(loader_refuses_needed_library),
        TEST(loader_refuses_text_relocations),
        TEST(loader_refuses_text_relocation_flag),
        TEST(loader_refuses_unknown_dynamic_flags),
        TEST(loader_refuses_packed_relocations),
        TEST(loader_refuses_relocations_without_addend),
        TEST(loader_refuses_unknown_dynamic_tag),
        TEST(loader_refuses_repeated_dynamic_tag),
        TEST(loader_refuses_dynamic_section_without_end),
        TEST(loader_refuses_dynamic_section_outside_segments),
        TEST(loader_refuses_dynamic_section_elsewhere_in_the_file),
        TEST(loader_refuses_dynamic_section_longer_in_memory),
        TEST(loader_refuses_relocation_entry_size),
        TEST(loader_refuses_other_kind_of_plt_relocations),
        TEST(loader_refuses_relocations_outside_the_file),
        TEST(loader_refuses_relocation_table_that_wraps),
        TEST(loader_refuses_half_a_relocation),
        TEST(loader_refuses_plt_relocations_outside_the_file),
        TEST(loader_refuses_relocations_that_the_program_can_write),
        TEST(loader_refuses_symbolic_relocation),
        TEST(loader_refuses_relative_relocation_with_symbol),
        TEST(loader_refuses_copy_relocation),
        TEST(loader_refuses_relocation_of_code),
        TEST(loader_refuses_relocation_of_constants),
        TEST(loader_refuses_relocation_outside_segments),
        TEST(loader_refuses_relocation_across_the_end),
        TEST(loader_refuses_relocation_that_wraps),
        TEST(loader_refuses_resolver_in_data),
        TEST(loader_refuses_plt_relocation_of_code),
        TEST(relocation_of_zeroed_data_is_accepted),
        TEST(module_without_dynamic_section_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

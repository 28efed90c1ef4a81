/*
 * Section headers: where the signature and the symbols are, or nothing.
 */
#include "abi/keeper.h"
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

REFUSED(loader_refuses_section_headers_outside_the_file, sample.header.e_shoff = sizeof sample - 64,
        "section headers")
REFUSED(loader_refuses_section_headers_that_wrap, sample.header.e_shoff = UINT64_MAX - 63,
        "section headers")
REFUSED(loader_refuses_section_header_size, sample.header.e_shentsize = 63, "section headers")
REFUSED(loader_refuses_huge_shnum, sample.header.e_shnum = 0xffff, "section headers")
REFUSED(loader_refuses_name_table_that_is_no_section, sample.header.e_shstrndx = SAMPLE_SECTIONS,
        "section names are in section 5")
REFUSED(loader_refuses_names_outside_the_file, sample.section[SAMPLE_NAMES].sh_size = UINT64_MAX,
        "section names")
REFUSED(loader_refuses_second_signature,
        sample.section[SAMPLE_STRTAB].sh_name = sample.section[SAMPLE_SIGNATURE].sh_name;
        sample.section[SAMPLE_STRTAB].sh_type = SHT_NOTE;
        sample.section[SAMPLE_STRTAB].sh_offset = sample.section[SAMPLE_SIGNATURE].sh_offset;
        sample.section[SAMPLE_STRTAB].sh_size = sample.section[SAMPLE_SIGNATURE].sh_size,
        "more than one section")
REFUSED(loader_refuses_loaded_signature_section,
        sample.section[SAMPLE_SIGNATURE].sh_flags = SHF_ALLOC, "not loaded is needed")
REFUSED(loader_refuses_signature_that_is_no_note,
        sample.section[SAMPLE_SIGNATURE].sh_type = SHT_PROGBITS, "not loaded is needed")
REFUSED(loader_refuses_signature_outside_the_file,
        sample.section[SAMPLE_SIGNATURE].sh_offset = UINT64_MAX, CLO_SIGNATURE_SECTION)
REFUSED(loader_refuses_empty_signature_section, sample.section[SAMPLE_SIGNATURE].sh_size = 0,
        "is not one note")
REFUSED(loader_refuses_bytes_after_the_signature, sample.section[SAMPLE_SIGNATURE].sh_size += 4,
        "is not one note")
REFUSED(loader_refuses_signature_longer_than_its_section, sample.signature.header.n_descsz += 4,
        "is not one note")
REFUSED(loader_refuses_empty_signature, sample.signature.header.n_descsz = 0;
        sample.section[SAMPLE_SIGNATURE].sh_size -= 64, "signature has 0 bytes")
REFUSED(loader_refuses_signature_of_another_owner, sample.signature.owner[0] = 'X',
        "holds no signature note")
REFUSED(loader_refuses_signature_of_another_type,
        sample.signature.header.n_type = CLO_NOTE_MANIFEST, "holds no signature note")
REFUSED(loader_refuses_symbol_size, sample.section[SAMPLE_SYMTAB].sh_entsize = 16, "symbol table")
REFUSED(loader_refuses_symbols_outside_the_file,
        sample.section[SAMPLE_SYMTAB].sh_offset = UINT64_MAX, "symbol table")
REFUSED(loader_refuses_symbols_without_strings,
        sample.section[SAMPLE_SYMTAB].sh_link = SAMPLE_SECTIONS, "symbol table")
REFUSED(loader_refuses_strings_outside_the_file,
        sample.section[SAMPLE_STRTAB].sh_size = sizeof sample, "string table")
REFUSED(loader_refuses_second_symbol_table,
        sample.section[SAMPLE_SECTION_NULL] = sample.section[SAMPLE_SYMTAB],
        "more than one symbol table")

static void loader_refuses_signature_above_the_limit(void **state)
{
    (void)state;
    sample.signature.header.n_descsz = CLO_KEEPER_SIGNATURE_MAX + 4;
    sample.section[SAMPLE_SIGNATURE].sh_offset = 0x1f00; /* room for it */
    memcpy((uint8_t *)&sample + 0x1f00, &sample.signature, 24);
    sample.section[SAMPLE_SIGNATURE].sh_size = 24 + CLO_KEEPER_SIGNATURE_MAX + 4;
    sample_is_refused(&sample, ELF_MODULE, CLOISTER_BAD_FORMAT, "signature has");
}

static void file_without_section_headers_is_accepted(void **state)
{
    (void)state;
    sample.header.e_shoff = 0;
    sample.header.e_shentsize = 0;
    sample.header.e_shnum = 0;
    sample.header.e_shstrndx = 0;
    sample_is_accepted(&sample, ELF_MODULE, &image);
    assert_int_equal(image.signature.size, 0);
    assert_int_equal(image.symbols.size, 0);
}

static void file_without_names_is_accepted_as_unsigned(void **state)
{
    (void)state;
    sample.header.e_shstrndx = 0;
    sample_is_accepted(&sample, ELF_MODULE, &image);
    assert_int_equal(image.signature.size, 0);
}

static void name_outside_its_table_is_no_name(void **state)
{
    (void)state;
    sample.section[SAMPLE_SIGNATURE].sh_name = UINT32_MAX;
    sample_is_accepted(&sample, ELF_MODULE, &image);
    assert_int_equal(image.signature.size, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, make_sample)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(loader_refuses_section_headers_outside_the_file),
        TEST(loader_refuses_section_headers_that_wrap),
        TEST(loader_refuses_section_header_size),
        TEST(loader_refuses_huge_shnum),
        TEST(loader_refuses_name_table_that_is_no_section),
        TEST(loader_refuses_names_outside_the_file),
        TEST(loader_refuses_second_signature),
        TEST(loader_refuses_loaded_signature_section),
        TEST(loader_refuses_signature_that_is_no_note),
        TEST(loader_refuses_signature_outside_the_file),
        TEST(loader_refuses_empty_signature_section),
        TEST(loader_refuses_bytes_after_the_signature),
        TEST(loader_refuses_signature_longer_than_its_section),
        TEST(loader_refuses_empty_signature),
        TEST(loader_refuses_signature_of_another_owner),
        TEST(loader_refuses_signature_of_another_type),
        TEST(loader_refuses_symbol_size),
        TEST(loader_refuses_symbols_outside_the_file),
        TEST(loader_refuses_symbols_without_strings),
        TEST(loader_refuses_strings_outside_the_file),
        TEST(loader_refuses_second_symbol_table),
        TEST(loader_refuses_signature_above_the_limit),
        TEST(file_without_section_headers_is_accepted),
        TEST(file_without_names_is_accepted_as_unsigned),
        TEST(name_outside_its_table_is_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

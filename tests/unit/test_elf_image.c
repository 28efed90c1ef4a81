/*
 * File header and program headers: what the loader accepts and refuses.
 */
#include "tests/unit/elf_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

REFUSED(loader_refuses_wrong_magic, sample.header.e_ident[1] = 'e', "not an ELF file")
REFUSED(loader_refuses_32_bit_class, sample.header.e_ident[EI_CLASS] = ELFCLASS32, "class")
REFUSED(loader_refuses_big_endian, sample.header.e_ident[EI_DATA] = ELFDATA2MSB, "byte order")
REFUSED(loader_refuses_unknown_elf_version, sample.header.e_ident[EI_VERSION] = 2, "ELF version")
REFUSED(loader_refuses_foreign_abi, sample.header.e_ident[EI_OSABI] = ELFOSABI_FREEBSD, "ABI")
REFUSED(loader_refuses_unknown_abi_version, sample.header.e_ident[EI_ABIVERSION] = 1, "ABI")
REFUSED(loader_refuses_identity_padding, sample.header.e_ident[15] = 1, "padding")
REFUSED(loader_refuses_other_machine, sample.header.e_machine = EM_AARCH64, "machine")
REFUSED(loader_refuses_object_file, sample.header.e_type = ET_REL, "ELF type is 1")
REFUSED(loader_refuses_fixed_address_module, sample.header.e_type = ET_EXEC, "-static-pie")
REFUSED(loader_refuses_header_version, sample.header.e_version = 0, "ELF header")
REFUSED(loader_refuses_header_flags, sample.header.e_flags = 1, "ELF header")
REFUSED(loader_refuses_header_size, sample.header.e_ehsize = 63, "ELF header")
REFUSED(loader_refuses_program_header_size, sample.header.e_phentsize = 57, "ELF header")
REFUSED(loader_refuses_no_program_headers, sample.header.e_phnum = 0, "0 program headers")
REFUSED(loader_refuses_33_program_headers, sample.header.e_phnum = 33, "33 program headers")
REFUSED(loader_refuses_huge_phnum, sample.header.e_phnum = 0xffff, "65535 program headers")
REFUSED(loader_refuses_program_headers_past_the_end,
        sample.header.e_phoff = sizeof sample - sizeof(Elf64_Phdr), "not inside the file")
REFUSED(loader_refuses_wrapping_program_headers, sample.header.e_phoff = UINT64_MAX - 8,
        "not inside the file")
REFUSED(loader_refuses_interpreter, sample.phdr[SAMPLE_SPARE].p_type = PT_INTERP, "PT_INTERP")
REFUSED(loader_refuses_unknown_program_header, sample.phdr[SAMPLE_SPARE].p_type = PT_SHLIB,
        "unknown type 0x5")
REFUSED(loader_refuses_executable_stack, sample.phdr[SAMPLE_STACK].p_flags |= PF_X,
        "executable stack")
REFUSED(loader_refuses_second_dynamic, sample.phdr[SAMPLE_SPARE] = sample.phdr[SAMPLE_DYNAMIC],
        "more than one PT_DYNAMIC")
REFUSED(loader_refuses_second_tls, sample.phdr[SAMPLE_SPARE] = sample.phdr[SAMPLE_TLS],
        "more than one PT_TLS")
REFUSED(loader_refuses_second_stack, sample.phdr[SAMPLE_SPARE] = sample.phdr[SAMPLE_STACK],
        "more than one PT_GNU_STACK")
REFUSED(loader_refuses_second_relro, sample.phdr[SAMPLE_SPARE] = sample.phdr[SAMPLE_RELRO],
        "more than one PT_GNU_RELRO")
REFUSED(loader_refuses_second_phdr, sample.phdr[SAMPLE_SPARE] = sample.phdr[SAMPLE_PHDR],
        "more than one PT_PHDR")
REFUSED(loader_refuses_phdr_that_points_elsewhere, sample.phdr[SAMPLE_PHDR].p_vaddr += 8, "PT_PHDR")
REFUSED(loader_refuses_tls_offset_that_is_not_its_address, sample.phdr[SAMPLE_TLS].p_offset += 4096,
        "PT_TLS")
REFUSED(loader_refuses_no_segments,
        for (int i = SAMPLE_CONSTANTS; i <= SAMPLE_DATA; i++) sample.phdr[i].p_type = PT_NULL,
        "no segment is loaded")
REFUSED(loader_refuses_unknown_segment_flags, sample.phdr[SAMPLE_TEXT].p_flags |= 1u << 20,
        "unknown flags")
REFUSED(loader_refuses_segment_past_the_end,
        sample.phdr[SAMPLE_DATA].p_filesz = sizeof sample - 0x2000 + 1, "not inside the file")
REFUSED(loader_refuses_wrapping_file_range, sample.phdr[SAMPLE_DATA].p_offset = UINT64_MAX - 4095,
        "not inside the file")
REFUSED(loader_refuses_alignment_that_is_no_power_of_two, sample.phdr[SAMPLE_TEXT].p_align = 12288,
        "aligned to")
REFUSED(loader_refuses_huge_alignment, sample.phdr[SAMPLE_TEXT].p_align = 4ull << 20, "aligned to")
REFUSED(loader_refuses_offset_and_address_that_differ_in_the_page,
        sample.phdr[SAMPLE_TEXT].p_offset += 16, "differ modulo")
REFUSED(loader_refuses_offset_and_address_that_differ_in_the_alignment,
        sample.phdr[SAMPLE_TEXT].p_align = 65536;
        sample.phdr[SAMPLE_TEXT].p_offset = 0, "differ modulo")
REFUSED(loader_refuses_segments_that_share_file_bytes, sample.phdr[SAMPLE_TEXT].p_offset = 0,
        "share bytes")
REFUSED(loader_refuses_missing_manifest, sample.phdr[SAMPLE_NOTE].p_type = PT_NULL,
        "no manifest note")

static void loader_refuses_13_segments(void **state)
{
    (void)state;
    static_assert(SAMPLE_PHDRS == 13, "one too many");
    for (int i = 0; i < SAMPLE_PHDRS; i++)
        sample.phdr[i] = (Elf64_Phdr){.p_type = PT_LOAD,
                                      .p_flags = PF_R | PF_W,
                                      .p_vaddr = 0x100000ull + (uint64_t)i * 4096,
                                      .p_memsz = 16};
    sample_is_refused(&sample, ELF_MODULE, CLOISTER_BAD_FORMAT, "more than 12 segments");
}

static void loader_refuses_every_truncation(void **state)
{
    (void)state;
    size_t end = offsetof(struct elf_sample, section) + sizeof sample.section;
    for (size_t size = 0; size < end; size++) {
        /* A block of that very size, so that a read past its end is seen by the sanitizer. */
        uint8_t *bytes = malloc(size ? size : 1);
        assert_non_null(bytes);
        memcpy(bytes, &sample, size);
        assert_int_not_equal(elf_image_parse(bytes, size, ELF_MODULE, &image, NULL), CLOISTER_OK);
        free(bytes);
    }
}

/* Whatever it says to it, it must stay inside the bytes; the sanitizers watch. */
static void loader_survives_every_mutation_of_one_byte(void **state)
{
    (void)state;
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    uint8_t *bytes = malloc(sizeof sample);
    assert_non_null(bytes);
    memcpy(bytes, &sample, sizeof sample);
    for (size_t i = 0; i < sizeof sample; i++)
        for (size_t m = 0; m < sizeof masks; m++) {
            char name[32];
            uint64_t offset;
            bytes[i] ^= masks[m];
            if (elf_image_parse(bytes, sizeof sample, ELF_PROGRAM, &image, NULL) == CLOISTER_OK)
                (void)elf_image_symbol(&image, 0x1010, name, sizeof name, &offset);
            if (elf_image_parse(bytes, sizeof sample, ELF_MODULE, &image, NULL) == CLOISTER_OK)
                assert_true(image.segment_count >= 1 && image.manifest.size != 0);
            bytes[i] ^= masks[m];
        }
    free(bytes);
}

static void module_is_accepted_with_all_its_facts(void **state)
{
    (void)state;
    sample_is_accepted(&sample, ELF_MODULE, &image);
    assert_true(image.position_independent);
    assert_int_equal(image.segment_count, 3);
    assert_int_equal(image.segment[1].rights, CLO_SEGMENT_READ | CLO_SEGMENT_EXECUTE);
    assert_int_equal(image.entry, 0x1000);
    assert_int_equal(image.span, 0x4000);
    assert_int_equal(image.relro_vaddr, 0x2000);
    assert_int_equal(image.relro_size, 0x1000);
    assert_int_equal(image.tls_filesz, 16);
    assert_int_equal(image.tls_memsz, 32);
    assert_int_equal(image.phdr_vaddr, sizeof(Elf64_Ehdr));
    assert_int_equal(image.phdr_count, SAMPLE_PHDRS);
    assert_int_equal(image.manifest.offset, offsetof(struct elf_sample, note.manifest));
    assert_int_equal(image.signature.offset, offsetof(struct elf_sample, signature.signature));
    assert_int_equal(image.signature.size, 64);
}

static void module_with_gnu_abi_is_accepted(void **state)
{
    (void)state;
    sample.header.e_ident[EI_OSABI] = ELFOSABI_GNU;
    sample_is_accepted(&sample, ELF_MODULE, &image);
}

static void module_without_stack_header_is_accepted(void **state)
{
    (void)state;
    sample.phdr[SAMPLE_STACK].p_type = PT_NULL;
    sample_is_accepted(&sample, ELF_MODULE, &image);
}

static void unloaded_program_headers_have_no_address(void **state)
{
    (void)state;
    /* A copy of them where nothing is loaded. */
    memcpy((uint8_t *)&sample + sizeof sample - sizeof sample.phdr, sample.phdr,
           sizeof sample.phdr);
    sample.header.e_phoff = sizeof sample - sizeof sample.phdr;
    Elf64_Phdr *phdr = (Elf64_Phdr *)((uint8_t *)&sample + sample.header.e_phoff);
    phdr[SAMPLE_PHDR].p_type = PT_NULL;
    sample_is_accepted(&sample, ELF_MODULE, &image);
    assert_int_equal(image.phdr_vaddr, 0);
    assert_int_equal(image.phdr_count, 0);
}

static void program_needs_no_manifest(void **state)
{
    (void)state;
    sample.phdr[SAMPLE_NOTE].p_type = PT_NULL;
    sample_is_accepted(&sample, ELF_PROGRAM, &image);
    assert_int_equal(image.manifest.size, 0);
}

static void program_may_not_have_an_interpreter(void **state)
{
    (void)state;
    sample.phdr[SAMPLE_SPARE].p_type = PT_INTERP;
    sample_is_refused(&sample, ELF_PROGRAM, CLOISTER_BAD_FORMAT, "PT_INTERP");
}

#define TEST(name) cmocka_unit_test_setup(name, make_sample)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(loader_refuses_wrong_magic),
        TEST(loader_refuses_32_bit_class),
        TEST(loader_refuses_big_endian),
        TEST(loader_refuses_unknown_elf_version),
        TEST(loader_refuses_foreign_abi),
        TEST(loader_refuses_unknown_abi_version),
        TEST(loader_refuses_identity_padding),
        TEST(loader_refuses_other_machine),
        TEST(loader_refuses_object_file),
        TEST(loader_refuses_fixed_address_module),
        TEST(loader_refuses_header_version),
        TEST(loader_refuses_header_flags),
        TEST(loader_refuses_header_size),
        TEST(loader_refuses_program_header_size),
        TEST(loader_refuses_no_program_headers),
        TEST(loader_refuses_33_program_headers),
        TEST(loader_refuses_huge_phnum),
        TEST(loader_refuses_program_headers_past_the_end),
        TEST(loader_refuses_wrapping_program_headers),
        TEST(loader_refuses_interpreter),
        TEST(loader_refuses_unknown_program_header),
        TEST(loader_refuses_executable_stack),
        TEST(loader_refuses_second_dynamic),
        TEST(loader_refuses_second_tls),
        TEST(loader_refuses_second_stack),
        TEST(loader_refuses_second_relro),
        TEST(loader_refuses_second_phdr),
        TEST(loader_refuses_phdr_that_points_elsewhere),
        TEST(loader_refuses_tls_offset_that_is_not_its_address),
        TEST(loader_refuses_no_segments),
        TEST(loader_refuses_unknown_segment_flags),
        TEST(loader_refuses_segment_past_the_end),
        TEST(loader_refuses_wrapping_file_range),
        TEST(loader_refuses_alignment_that_is_no_power_of_two),
        TEST(loader_refuses_huge_alignment),
        TEST(loader_refuses_offset_and_address_that_differ_in_the_page),
        TEST(loader_refuses_offset_and_address_that_differ_in_the_alignment),
        TEST(loader_refuses_segments_that_share_file_bytes),
        TEST(loader_refuses_missing_manifest),
        TEST(loader_refuses_13_segments),
        TEST(loader_refuses_every_truncation),
        TEST(loader_survives_every_mutation_of_one_byte),
        TEST(module_is_accepted_with_all_its_facts),
        TEST(module_with_gnu_abi_is_accepted),
        TEST(module_without_stack_header_is_accepted),
        TEST(unloaded_program_headers_have_no_address),
        TEST(program_needs_no_manifest),
        TEST(program_may_not_have_an_interpreter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

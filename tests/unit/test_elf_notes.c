/*
 * Notes: the manifest once and in constant memory, the signature out of memory.
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

/* A note list of two notes in the code segment, where there is room. */
static struct {
    Elf64_Nhdr header;
    char owner[12];
    uint8_t description[8];
} *extra = (void *)sample.text;

static void add_note(const char *owner, uint32_t type)
{
    extra->header = (Elf64_Nhdr){.n_namesz = 9, .n_descsz = 8, .n_type = type};
    memset(extra->owner, 0, sizeof extra->owner);
    memcpy(extra->owner, owner, strnlen(owner, sizeof extra->owner));
    sample.phdr[SAMPLE_SPARE] = (Elf64_Phdr){.p_type = PT_NOTE,
                                             .p_offset = offsetof(struct elf_sample, text),
                                             .p_vaddr = offsetof(struct elf_sample, text),
                                             .p_filesz = sizeof *extra,
                                             .p_memsz = sizeof *extra,
                                             .p_align = 4};
}

REFUSED(loader_refuses_second_manifest, sample.phdr[SAMPLE_SPARE] = sample.phdr[SAMPLE_NOTE],
        "more than one manifest")
REFUSED(loader_refuses_loaded_signature, add_note(CLO_NOTE_OWNER, CLO_NOTE_SIGNATURE),
        "signature note is in a loaded segment")
REFUSED(loader_refuses_unknown_note_of_ours, add_note(CLO_NOTE_OWNER, 3), "unknown type 3")
REFUSED(loader_refuses_short_manifest, sample.note.header.n_descsz -= 4, "manifest has 3180 bytes")
REFUSED(loader_refuses_manifest_longer_than_its_list, sample.note.header.n_descsz += 4,
        "longer than its list")
REFUSED(loader_refuses_description_size_that_wraps, sample.note.header.n_descsz = UINT32_MAX,
        "longer than its list")
REFUSED(loader_refuses_owner_size_that_wraps, sample.note.header.n_namesz = UINT32_MAX,
        "longer than its list")
REFUSED(loader_refuses_half_a_note_header, sample.phdr[SAMPLE_NOTE].p_filesz += 8,
        "longer than its list")
REFUSED(loader_refuses_notes_outside_the_file, sample.phdr[SAMPLE_NOTE].p_offset = sizeof sample,
        "PT_NOTE")
REFUSED(loader_refuses_notes_range_that_wraps, sample.phdr[SAMPLE_NOTE].p_offset = UINT64_MAX,
        "PT_NOTE")
REFUSED(loader_refuses_note_alignment, sample.phdr[SAMPLE_NOTE].p_align = 16, "aligned to 16")
REFUSED(loader_refuses_manifest_elsewhere_in_memory, sample.phdr[SAMPLE_NOTE].p_vaddr += 8,
        "not in a loaded segment")
REFUSED(loader_refuses_manifest_of_another_owner, sample.note.owner[0] = 'c', "no manifest note")
REFUSED(loader_refuses_owner_without_nul, sample.note.owner[8] = 's', "no manifest note")

static void loader_refuses_writable_manifest(void **state)
{
    (void)state;
    sample.phdr[SAMPLE_CONSTANTS].p_flags |= PF_W;
    sample.phdr[SAMPLE_DYNAMIC].p_type = PT_NULL;
    sample_is_refused(&sample, ELF_MODULE, CLOISTER_BAD_FORMAT, "never written");
}

static void loader_refuses_manifest_that_is_not_loaded(void **state)
{
    (void)state;
    uint8_t *end = (uint8_t *)(&sample + 1) - sizeof sample.note;
    memcpy(end, &sample.note, sizeof sample.note);
    sample.phdr[SAMPLE_NOTE].p_offset = sizeof sample - sizeof sample.note;
    sample_is_refused(&sample, ELF_MODULE, CLOISTER_BAD_FORMAT, "not in a loaded segment");
}

/* Note headers of nothing at all: a list of them would be long to read. */
static void loader_refuses_257_notes_in_a_list(void **state)
{
    (void)state;
    sample.phdr[SAMPLE_SPARE] = (Elf64_Phdr){.p_type = PT_NOTE,
                                             .p_offset = offsetof(struct elf_sample, text) + 256,
                                             .p_filesz = 257 * sizeof(Elf64_Nhdr),
                                             .p_align = 4};
    sample_is_refused(&sample, ELF_MODULE, CLOISTER_BAD_FORMAT, "more than 256 notes");
}

static void notes_of_others_are_passed_over(void **state)
{
    (void)state;
    add_note("GNU", 5);
    sample_is_accepted(&sample, ELF_MODULE, &image);
    add_note("Another!", CLO_NOTE_MANIFEST);
    sample_is_accepted(&sample, ELF_MODULE, &image);
}

/* Alignment 8: the description starts at a multiple of 8 from the note, the next note likewise. */
static void notes_with_alignment_8_are_read(void **state)
{
    (void)state;
    add_note("GNU", 5);
    extra->header.n_namesz = 4;
    memcpy(sample.text + 16, "12345678", 8);
    memcpy(sample.text + 24, &sample.note.header, sizeof sample.note.header);
    ((Elf64_Nhdr *)(sample.text + 24))->n_type = 77;
    memcpy(sample.text + 36, CLO_NOTE_OWNER, 9);
    ((Elf64_Nhdr *)(sample.text + 24))->n_descsz = 1;
    memset(sample.text + 48, 0, 8);
    sample.phdr[SAMPLE_SPARE].p_filesz = 24 + 25; /* the padding at the end is not there */
    sample.phdr[SAMPLE_SPARE].p_memsz = 24 + 25;
    sample.phdr[SAMPLE_SPARE].p_align = 8;
    sample_is_refused(&sample, ELF_MODULE, CLOISTER_BAD_FORMAT, "unknown type 77");
}

static void programs_notes_are_not_read(void **state)
{
    (void)state;
    sample.note.header.n_descsz = UINT32_MAX;
    sample_is_accepted(&sample, ELF_PROGRAM, &image);
}

#define TEST(name) cmocka_unit_test_setup(name, make_sample)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(loader_refuses_second_manifest),
        TEST(loader_refuses_loaded_signature),
        TEST(loader_refuses_unknown_note_of_ours),
        TEST(loader_refuses_short_manifest),
        TEST(loader_refuses_manifest_longer_than_its_list),
        TEST(loader_refuses_description_size_that_wraps),
        TEST(loader_refuses_owner_size_that_wraps),
        TEST(loader_refuses_half_a_note_header),
        TEST(loader_refuses_notes_outside_the_file),
        TEST(loader_refuses_notes_range_that_wraps),
        TEST(loader_refuses_note_alignment),
        TEST(loader_refuses_manifest_elsewhere_in_memory),
        TEST(loader_refuses_manifest_of_another_owner),
        TEST(loader_refuses_owner_without_nul),
        TEST(loader_refuses_writable_manifest),
        TEST(loader_refuses_manifest_that_is_not_loaded),
        TEST(loader_refuses_257_notes_in_a_list),
        TEST(notes_of_others_are_passed_over),
        TEST(notes_with_alignment_8_are_read),
        TEST(programs_notes_are_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The canonical form: what two files have in common when they run alike, and records that someone
 * else wrote.
 */
#include "measure/module_image.h"

#include "base/bytes.h"
#include "base/scope.h"
#include "tests/unit/elf_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static struct elf_sample sample;
static struct elf_image image;
static struct clo_module_record record;

static int make_record(void **state)
{
    (void)state;
    sample_make(&sample);
    sample_is_accepted(&sample, ELF_MODULE, &image);
    memset(&record, 0xff, sizeof record);
    return module_record_fill(&image, &record, NULL);
}

static void measure_sample(uint8_t measurement[CLO_DIGEST_SIZE])
{
    sample_is_accepted(&sample, ELF_MODULE, &image);
    assert_int_equal(module_record_fill(&image, &record, NULL), CLOISTER_OK);
    uint8_t *pages = calloc(module_image_pages(&record), CLO_PAGE_SIZE);
    assert_non_null(pages);
    module_image_write(&image, &record, pages);
    assert_int_equal(module_measure(&record, pages, measurement), CLOISTER_OK);
    free(pages);
}

/* Does a change of the sample change its measurement? */
static bool changes_measurement(void (*change)(void))
{
    uint8_t before[CLO_DIGEST_SIZE];
    uint8_t after[CLO_DIGEST_SIZE];
    sample_make(&sample);
    measure_sample(before);
    change();
    measure_sample(after);
    return memcmp(before, after, sizeof before) != 0;
}

static void assert_refused(cloister_status status, const char *word)
{
    struct reason why = {0};
    assert_int_equal(module_record_check(&record, &why), status);
    if (!strstr(why.text, word))
        fail_msg("reason \"%s\" does not name \"%s\"", why.text, word);
}

#define REFUSED(name, breakage, status, word)                                                      \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        breakage;                                                                                  \
        assert_refused(CLOISTER_##status, word);                                                   \
    }

REFUSED(record_without_manifest_is_refused, memset(&record.manifest, 0, sizeof record.manifest),
        BAD_FORMAT, "magic")
REFUSED(record_with_bad_manifest_is_refused, record.manifest.threads = 0, BAD_FORMAT, "threads")
REFUSED(record_without_segments_is_refused, record.segment_count = 0, BAD_FORMAT, "0 segments")
REFUSED(record_with_too_many_segments_is_refused, record.segment_count = 13, BAD_FORMAT,
        "13 segments")
REFUSED(record_with_huge_segment_count_is_refused, record.segment_count = UINT32_MAX, BAD_FORMAT,
        "segments")
REFUSED(record_with_writable_code_is_refused, record.segment[1].rights = 7, BAD_FORMAT,
        "writable and executable")
REFUSED(record_with_unknown_rights_is_refused, record.segment[0].rights = 9, BAD_FORMAT, "rights")
REFUSED(record_with_overlap_is_refused, record.segment[1].vaddr = 0, BAD_FORMAT, "before the pages")
REFUSED(record_with_wrap_is_refused, record.segment[2].memsz = UINT64_MAX, BAD_FORMAT, "wraps")
REFUSED(record_above_the_size_limit_is_refused, record.segment[2].memsz = CLO_MODULE_SIZE_MAX,
        TOO_BIG, "segment 2")
REFUSED(record_with_too_few_pages_is_refused, record.segment[2].pages--, BAD_FORMAT,
        "segment 2 has 0 pages")
REFUSED(record_with_too_many_pages_is_refused, record.segment[0].pages = UINT32_MAX, BAD_FORMAT,
        "segment 0 has")
REFUSED(record_with_bytes_in_unused_segments_is_refused, record.segment[11].pages = 1, BAD_FORMAT,
        "beyond segment_count")
REFUSED(record_with_wrong_span_is_refused, record.span += CLO_PAGE_SIZE, BAD_FORMAT, "image ends")
REFUSED(record_with_entry_outside_code_is_refused, record.entry = 0x2000, BAD_FORMAT, "entry point")
REFUSED(record_with_relro_outside_is_refused, record.relro_size = UINT64_MAX, BAD_FORMAT, "RELRO")
REFUSED(record_with_relro_address_alone_is_refused, record.relro_size = 0, BAD_FORMAT, "RELRO")
REFUSED(record_with_tls_outside_is_refused, record.tls_vaddr = UINT64_MAX, BAD_FORMAT,
        "thread-local")
REFUSED(record_with_program_headers_outside_is_refused, record.phdr_count = 32;
        record.phdr_vaddr = 0x1000, BAD_FORMAT, "program headers")
REFUSED(record_with_count_of_unloaded_headers_is_refused, record.phdr_vaddr = 0, BAD_FORMAT,
        "program headers")

static void record_of_a_module_is_accepted(void **state)
{
    (void)state;
    assert_int_equal(module_record_check(&record, NULL), CLOISTER_OK);
    assert_int_equal(module_image_pages(&record), 3);
    assert_int_equal(record.segment[2].memsz - record.segment[2].filesz, 4096);
    assert_int_equal(record.manifest.svn, 7);
}

static void record_survives_every_mutation_of_one_byte(void **state)
{
    (void)state;
    uint8_t *bytes = (uint8_t *)&record;
    for (size_t i = 0; i < sizeof record; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes[i] = (uint8_t)(bytes[i] ^ 1u << bit);
            if (module_record_check(&record, NULL) == CLOISTER_OK)
                assert_true(module_image_pages(&record) < 100);
            bytes[i] = (uint8_t)(bytes[i] ^ 1u << bit);
        }
}

static void bad_manifest_is_refused_when_the_record_is_filled(void **state)
{
    (void)state;
    sample.note.manifest.channels_max = 0;
    struct clo_module_record old = record;
    struct reason why;
    assert_int_equal(module_record_fill(&image, &record, &why), CLOISTER_BAD_FORMAT);
    assert_non_null(strstr(why.text, "channels_max"));
    assert_memory_equal(&old, &record, sizeof record);
}

static void program_has_a_record_without_manifest(void **state)
{
    (void)state;
    sample_is_accepted(&sample, ELF_PROGRAM, &image);
    assert_int_equal(module_record_fill(&image, &record, NULL), CLOISTER_OK);
    assert_true(bytes_are_zero(&record.manifest, sizeof record.manifest));
}

static void pages_are_the_files_bytes_with_zeros_around(void **state)
{
    (void)state;
    uint8_t *pages = calloc(3, CLO_PAGE_SIZE);
    assert_non_null(pages);
    module_image_write(&image, &record, pages);
    assert_memory_equal(pages + 64, (uint8_t *)&sample + 64, record.segment[0].filesz - 64);
    assert_true(
        bytes_are_zero(pages + record.segment[0].filesz, CLO_PAGE_SIZE - record.segment[0].filesz));
    assert_memory_equal(pages + CLO_PAGE_SIZE, sample.text, sizeof sample.text);
    assert_true(bytes_are_zero(pages + CLO_PAGE_SIZE + 256, CLO_PAGE_SIZE - 256));
    Elf64_Ehdr header;
    memcpy(&header, pages, sizeof header);
    assert_int_equal(header.e_shoff, 0);
    assert_int_equal(header.e_shnum, 0);
    assert_int_equal(header.e_entry, 0x1000);
    free(pages);
}

static void drop_sections(void)
{
    sample.header.e_shoff = 0;
    sample.header.e_shentsize = 0;
    sample.header.e_shnum = 0;
    sample.header.e_shstrndx = 0;
    memset(sample.symbol, 0, sizeof sample - offsetof(struct elf_sample, symbol));
}

static void other_signature(void)
{
    memset(sample.signature.signature, 0x11, sizeof sample.signature.signature);
}

static void change_code(void)
{
    sample.text[255] ^= 1;
}

static void change_data(void)
{
    sample.data[63] ^= 1;
}

static void change_manifest(void)
{
    sample.note.manifest.svn++;
}

static void change_gap(void)
{
    /* Between the program headers and the note nothing is described, but it is loaded. */
    sample.phdr[SAMPLE_PHDRS - 1].p_offset = 1;
}

static void change_rights(void)
{
    sample.phdr[SAMPLE_TEXT].p_flags = PF_R | PF_X;
    sample.phdr[SAMPLE_CONSTANTS].p_flags = PF_R | PF_X;
}

static void change_memory(void)
{
    sample.phdr[SAMPLE_DATA].p_memsz += 4096;
}

static void change_entry(void)
{
    sample.header.e_entry++;
}

static void stripping_and_signing_leave_the_measurement(void **state)
{
    (void)state;
    assert_false(changes_measurement(drop_sections));
    assert_false(changes_measurement(other_signature));
}

static void all_that_runs_is_in_the_measurement(void **state)
{
    (void)state;
    assert_true(changes_measurement(change_code));
    assert_true(changes_measurement(change_data));
    assert_true(changes_measurement(change_manifest));
    assert_true(changes_measurement(change_gap));
    assert_true(changes_measurement(change_rights));
    assert_true(changes_measurement(change_memory));
    assert_true(changes_measurement(change_entry));
}

/* tests/measure.py was written from docs/measurement.md alone. */
static void second_implementation_measures_the_same(void **state)
{
    (void)state;
    if (system("command -v python3 >/dev/null") != 0 || access("tests/measure.py", R_OK) != 0) {
        print_message("skipped: needs python3, and the source tree as working directory\n");
        skip();
    }
    uint8_t measurement[CLO_DIGEST_SIZE];
    char path[] = "/tmp/cloister-sample.XXXXXX";
    char command[128];
    char ours[2 * CLO_DIGEST_SIZE + 1];
    char theirs[2 * CLO_DIGEST_SIZE + 2] = "";
    measure_sample(measurement);
    hex_encode(measurement, sizeof measurement, ours);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, &sample, sizeof sample), sizeof sample);
    (void)close(fd);
    (void)snprintf(command, sizeof command, "python3 tests/measure.py %s", path);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    char *line = fgets(theirs, sizeof theirs, output);
    assert_int_equal(pclose(output), 0);
    (void)unlink(path);
    assert_non_null(line);
    theirs[strcspn(theirs, "\n")] = '\0';
    assert_string_equal(ours, theirs);
}

/* The sample's pages in a file, the last `missing` bytes left out. */
static cloister_status measure_file(size_t missing, uint8_t measurement[CLO_DIGEST_SIZE])
{
    size_t size = (size_t)module_image_pages(&record) * CLO_PAGE_SIZE;
    AUTO_FREE uint8_t *pages = calloc(1, size);
    AUTO_FD int file = memfd_create("image", MFD_CLOEXEC);
    assert_true(pages && file >= 0);
    module_image_write(&image, &record, pages);
    assert_int_equal(write(file, pages, size - missing), size - missing);
    return module_measure_file(&record, file, measurement);
}

static void file_measures_as_memory_does(void **state)
{
    (void)state;
    uint8_t in_memory[CLO_DIGEST_SIZE];
    uint8_t in_file[CLO_DIGEST_SIZE];
    measure_sample(in_memory);
    assert_int_equal(measure_file(0, in_file), CLOISTER_OK);
    assert_memory_equal(in_memory, in_file, sizeof in_file);
}

static void file_that_is_too_short_is_not_measured(void **state)
{
    (void)state;
    uint8_t measurement[CLO_DIGEST_SIZE];
    assert_int_equal(measure_file(1, measurement), CLOISTER_IO);
    assert_int_equal(module_measure_file(&record, -1, measurement), CLOISTER_IO);
}

#define TEST(name) cmocka_unit_test_setup(name, make_record)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(record_without_manifest_is_refused),
        TEST(record_with_bad_manifest_is_refused),
        TEST(record_without_segments_is_refused),
        TEST(record_with_too_many_segments_is_refused),
        TEST(record_with_huge_segment_count_is_refused),
        TEST(record_with_writable_code_is_refused),
        TEST(record_with_unknown_rights_is_refused),
        TEST(record_with_overlap_is_refused),
        TEST(record_with_wrap_is_refused),
        TEST(record_above_the_size_limit_is_refused),
        TEST(record_with_too_few_pages_is_refused),
        TEST(record_with_too_many_pages_is_refused),
        TEST(record_with_bytes_in_unused_segments_is_refused),
        TEST(record_with_wrong_span_is_refused),
        TEST(record_with_entry_outside_code_is_refused),
        TEST(record_with_relro_outside_is_refused),
        TEST(record_with_relro_address_alone_is_refused),
        TEST(record_with_tls_outside_is_refused),
        TEST(record_with_program_headers_outside_is_refused),
        TEST(record_with_count_of_unloaded_headers_is_refused),
        TEST(record_of_a_module_is_accepted),
        TEST(record_survives_every_mutation_of_one_byte),
        TEST(bad_manifest_is_refused_when_the_record_is_filled),
        TEST(program_has_a_record_without_manifest),
        TEST(pages_are_the_files_bytes_with_zeros_around),
        TEST(stripping_and_signing_leave_the_measurement),
        TEST(all_that_runs_is_in_the_measurement),
        TEST(second_implementation_measures_the_same),
        TEST(file_measures_as_memory_does),
        TEST(file_that_is_too_short_is_not_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

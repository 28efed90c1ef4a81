/*
 * The signature's section: added and replaced without moving a byte that is loaded.
 */
#include "tools/crypto/module_section.h"

#include "tests/unit/elf_sample.h"
#include "tools/crypto/module_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct elf_sample sample;
static uint8_t signature[200];
static uint8_t *out;
static size_t out_size;

static int make_sample(void **state)
{
    (void)state;
    sample_make(&sample);
    memset(signature, 0xa5, sizeof signature);
    return 0;
}

static int free_output(void **state)
{
    (void)state;
    free(out);
    out = NULL;
    return 0;
}

static void sign(const void *bytes, size_t size)
{
    uint8_t *made = NULL;
    struct reason why = {0};
    if (module_section_write(bytes, size, signature, sizeof signature, &made, &out_size, &why) !=
        CLOISTER_OK)
        fail_msg("refused: %s", why.text);
    free(out);
    out = made;
}

static void parse(const uint8_t *bytes, size_t size, struct elf_image *image)
{
    struct reason why = {0};
    if (elf_image_parse(bytes, size, ELF_MODULE, image, &why) != CLOISTER_OK)
        fail_msg("refused: %s", why.text);
}

static void assert_signed(void)
{
    struct elf_image image;
    parse(out, out_size, &image);
    assert_int_equal(image.signature.size, sizeof signature);
    assert_memory_equal(out + image.signature.offset, signature, sizeof signature);
}

static void measure(const void *bytes, size_t size, uint8_t measurement[CLO_DIGEST_SIZE])
{
    struct module_bytes module = {0};
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    assert_int_equal(module_bytes_parse(copy, size, &module, NULL), CLOISTER_OK);
    memcpy(measurement, module.measurement, CLO_DIGEST_SIZE);
    module_bytes_free(&module);
}

static void drop_sections(void)
{
    sample.header.e_shoff = 0;
    sample.header.e_shentsize = 0;
    sample.header.e_shnum = 0;
    sample.header.e_shstrndx = 0;
}

static void signature_replaces_an_earlier_one(void **state)
{
    (void)state;
    sign(&sample, sizeof sample);
    assert_signed();
}

static void file_without_signature_gets_one(void **state)
{
    (void)state;
    sample.section[SAMPLE_SIGNATURE] = (Elf64_Shdr){0};
    memset(sample.names + 48, 0, sizeof sample.names - 48);
    sign(&sample, sizeof sample);
    assert_signed();
}

static void file_without_sections_gets_one(void **state)
{
    (void)state;
    drop_sections();
    sign(&sample, sizeof sample);
    assert_signed();
}

/* The sample has no section over anything that is loaded: libelf takes all of it for a gap. */
static void loaded_bytes_do_not_move_or_change(void **state)
{
    (void)state;
    size_t loaded = offsetof(struct elf_sample, symbol);
    memset(sample.text, 0xc3, sizeof sample.text);
    sign(&sample, sizeof sample);
    assert_memory_equal(out + sizeof(Elf64_Ehdr), sample.phdr, loaded - sizeof(Elf64_Ehdr));
    assert_memory_equal(out, &sample.header, offsetof(Elf64_Ehdr, e_shoff));
}

static void measurement_stays(void **state)
{
    (void)state;
    uint8_t before[CLO_DIGEST_SIZE];
    uint8_t after[CLO_DIGEST_SIZE];
    measure(&sample, sizeof sample, before);
    sign(&sample, sizeof sample);
    measure(out, out_size, after);
    assert_memory_equal(before, after, sizeof before);
    drop_sections();
    sign(&sample, sizeof sample);
    measure(out, out_size, after);
    assert_memory_equal(before, after, sizeof before);
}

static void symbols_stay(void **state)
{
    (void)state;
    struct elf_image image;
    char name[32];
    uint64_t offset;
    sign(&sample, sizeof sample);
    parse(out, out_size, &image);
    assert_true(elf_image_symbol(&image, 0x1012, name, sizeof name, &offset));
    assert_string_equal(name, "resolver");
}

static void signing_again_and_again_does_not_grow_the_file(void **state)
{
    (void)state;
    sign(&sample, sizeof sample);
    size_t first = out_size;
    for (int i = 0; i < 3; i++) {
        memset(signature, i, sizeof signature);
        sign(out, out_size);
        assert_signed();
        assert_int_equal(out_size, first);
    }
}

static void name_without_end_does_not_run_into_ours(void **state)
{
    (void)state;
    sample.section[SAMPLE_SIGNATURE] = (Elf64_Shdr){0};
    memset(sample.names, 'n', sizeof sample.names);
    sign(&sample, sizeof sample);
    assert_signed();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_sample, free_output)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(signature_replaces_an_earlier_one),
        TEST(file_without_signature_gets_one),
        TEST(file_without_sections_gets_one),
        TEST(loaded_bytes_do_not_move_or_change),
        TEST(measurement_stays),
        TEST(symbols_stay),
        TEST(signing_again_and_again_does_not_grow_the_file),
        TEST(name_without_end_does_not_run_into_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

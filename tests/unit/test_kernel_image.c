/*
 * Kernel files: what is placed where, and what is refused.
 */
#include "tests/unit/kernel_sample.h"
#include "vmm/guest/kernel_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <elf.h>

#include <cmocka.h>

#define MEMORY_SIZE (64ull << 20)
#define CODE_AT KERNEL_SAMPLE_CODE_AT
#define CODE_SIZE KERNEL_SAMPLE_CODE_SIZE
#define CODE KERNEL_SAMPLE_CODE
#define PREFERRED KERNEL_SAMPLE_ADDRESS
#define INIT_SIZE KERNEL_SAMPLE_NEEDS

static struct guest_memory memory;
static struct kernel_image image;
static struct reason why;
static union {
    uint8_t bytes[KERNEL_SAMPLE_SIZE];
    Elf64_Ehdr elf;
} file;

static struct setup_header *setup(void)
{
    return kernel_sample_setup(file.bytes);
}

static void make_bzimage(void)
{
    kernel_sample_make(file.bytes);
}

static Elf64_Phdr *segments(void)
{
    return (Elf64_Phdr *)(file.bytes + sizeof file.elf);
}

static void make_vmlinux(void)
{
    memset(&file, 0, sizeof file);
    memcpy(file.elf.e_ident, ELFMAG, SELFMAG);
    file.elf.e_ident[EI_CLASS] = ELFCLASS64;
    file.elf.e_type = ET_EXEC;
    file.elf.e_machine = EM_X86_64;
    file.elf.e_phoff = sizeof file.elf;
    file.elf.e_phentsize = sizeof(Elf64_Phdr);
    file.elf.e_phnum = 2;
    file.elf.e_entry = PREFERRED + 16;
    segments()[0] = (Elf64_Phdr){.p_type = PT_LOAD,
                                 .p_offset = CODE_AT,
                                 .p_paddr = PREFERRED,
                                 .p_filesz = 0x800,
                                 .p_memsz = 0x1800};
    segments()[1] = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = UINT64_MAX, .p_filesz = 1};
    memset(file.bytes + CODE_AT, CODE, CODE_SIZE);
}

static int create(void **state)
{
    (void)state;
    return guest_memory_create(&memory, MEMORY_SIZE, &why) == CLOISTER_OK ? 0 : -1;
}

static int destroy(void **state)
{
    (void)state;
    guest_memory_destroy(&memory);
    return 0;
}

static cloister_status place_first(size_t size)
{
    return kernel_image_place(file.bytes, size, &memory, &image, &why);
}

static void expect_refusal(cloister_status status, const char *said)
{
    assert_int_equal(place_first(sizeof file), status);
    if (!strstr(why.text, said))
        fail_msg("'%s' is not in '%s'", said, why.text);
    assert_true(memory.bytes[PREFERRED] == 0);
}

static void bzimage_is_placed_where_it_prefers(void **state)
{
    (void)state;
    make_bzimage();
    assert_int_equal(place_first(sizeof file), CLOISTER_OK);
    assert_int_equal(image.entry, PREFERRED + 0x200);
    assert_int_equal(image.start, PREFERRED);
    assert_int_equal(image.end, PREFERRED + INIT_SIZE);
    assert_int_equal(image.command_line_max, KERNEL_SAMPLE_COMMAND_LINE);
    assert_int_equal(memory.bytes[PREFERRED], CODE);
    assert_int_equal(memory.bytes[PREFERRED + CODE_SIZE - 1], CODE);
    assert_int_equal(memory.bytes[PREFERRED + CODE_SIZE], 0);
}

static void vmlinux_is_placed_by_its_segments(void **state)
{
    (void)state;
    make_vmlinux();
    memory.bytes[PREFERRED + 0x900] = 1; /* a tail must be zeroed */
    assert_int_equal(place_first(sizeof file), CLOISTER_OK);
    assert_int_equal(image.entry, PREFERRED + 16);
    assert_int_equal(image.end, PREFERRED + 0x1800);
    assert_int_equal(memory.bytes[PREFERRED + 0x7ff], CODE);
    assert_int_equal(memory.bytes[PREFERRED + 0x900], 0);
}

static void every_truncated_bzimage_is_refused(void **state)
{
    (void)state;
    make_bzimage();
    for (size_t size = 0; size < sizeof file; size++) {
        assert_int_equal(place_first(size), CLOISTER_BAD_FORMAT);
        assert_true(strlen(why.text) > 0);
    }
}

static void every_truncated_vmlinux_is_refused(void **state)
{
    (void)state;
    make_vmlinux();
    for (size_t size = 0; size < CODE_AT + 0x800; size++)
        assert_int_equal(place_first(size), CLOISTER_BAD_FORMAT);
}

static void file_that_is_no_kernel_is_refused(void **state)
{
    (void)state;
    memset(&file, 'x', sizeof file);
    expect_refusal(CLOISTER_BAD_FORMAT, "this is no kernel");
}

static void bzimage_without_64_bit_entry_is_refused(void **state)
{
    (void)state;
    make_bzimage();
    setup()->xloadflags = 0;
    expect_refusal(CLOISTER_BAD_FORMAT, "no 64-bit entry");
    make_bzimage();
    setup()->version = 0x20b;
    expect_refusal(CLOISTER_BAD_FORMAT, "boot protocol 2.11");
}

static void bzimage_with_a_short_header_is_refused(void **state)
{
    (void)state;
    make_bzimage();
    file.bytes[0x201] = 0x20;
    expect_refusal(CLOISTER_BAD_FORMAT, "boot protocol"); /* flags lie beyond its end */
}

static void bzimage_that_prefers_other_memory_is_refused(void **state)
{
    static const uint64_t places[] = {0,
                                      0x9000,
                                      0xfffff,
                                      MEMORY_SIZE - INIT_SIZE + 1,
                                      MEMORY_SIZE,
                                      GUEST_MEMORY_HOLE,
                                      GUEST_MEMORY_ABOVE,
                                      UINT64_MAX - INIT_SIZE + 1,
                                      UINT64_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        make_bzimage();
        setup()->pref_address = places[i];
        expect_refusal(CLOISTER_TOO_BIG, "kernel needs memory");
    }
    make_bzimage();
    setup()->init_size = UINT32_MAX;
    expect_refusal(CLOISTER_TOO_BIG, "kernel needs memory");
}

static void bzimage_without_code_is_refused(void **state)
{
    (void)state;
    make_bzimage();
    setup()->syssize = 0;
    expect_refusal(CLOISTER_BAD_FORMAT, "truncated");
    make_bzimage();
    setup()->syssize = UINT32_MAX;
    expect_refusal(CLOISTER_BAD_FORMAT, "truncated");
}

static void vmlinux_of_another_kind_is_refused(void **state)
{
    (void)state;
    make_vmlinux();
    file.elf.e_machine = EM_AARCH64;
    expect_refusal(CLOISTER_BAD_FORMAT, "no vmlinux");
    make_vmlinux();
    file.elf.e_type = ET_DYN;
    expect_refusal(CLOISTER_BAD_FORMAT, "no vmlinux");
    make_vmlinux();
    file.elf.e_ident[EI_CLASS] = ELFCLASS32;
    expect_refusal(CLOISTER_BAD_FORMAT, "no vmlinux");
    make_vmlinux();
    file.elf.e_phentsize = 1;
    expect_refusal(CLOISTER_BAD_FORMAT, "no vmlinux");
}

static void vmlinux_with_a_bad_segment_table_is_refused(void **state)
{
    (void)state;
    make_vmlinux();
    file.elf.e_phnum = 0;
    expect_refusal(CLOISTER_BAD_FORMAT, "0 segments");
    make_vmlinux();
    file.elf.e_phnum = 65535;
    expect_refusal(CLOISTER_BAD_FORMAT, "65535 segments");
    make_vmlinux();
    file.elf.e_phoff = UINT64_MAX - 8;
    expect_refusal(CLOISTER_BAD_FORMAT, "segment table");
}

static void vmlinux_with_a_segment_outside_is_refused(void **state)
{
    (void)state;
    make_vmlinux();
    segments()[0].p_filesz = segments()[0].p_memsz + 1;
    expect_refusal(CLOISTER_BAD_FORMAT, "truncated");
    make_vmlinux();
    segments()[0].p_offset = UINT64_MAX - 0x10;
    expect_refusal(CLOISTER_BAD_FORMAT, "truncated");
    make_vmlinux();
    segments()[0].p_paddr = 0x7000;
    expect_refusal(CLOISTER_TOO_BIG, "kernel needs memory");
    make_vmlinux();
    segments()[0].p_memsz = UINT64_MAX;
    expect_refusal(CLOISTER_TOO_BIG, "kernel needs memory");
    make_vmlinux();
    segments()[0].p_paddr = MEMORY_SIZE - 0x17ff;
    expect_refusal(CLOISTER_TOO_BIG, "kernel needs memory");
}

static void add_segment(uint64_t address, uint64_t size)
{
    make_vmlinux();
    segments()[1] = (Elf64_Phdr){
        .p_type = PT_LOAD, .p_offset = CODE_AT, .p_paddr = address, .p_filesz = 1, .p_memsz = size};
}

static void vmlinux_whose_segments_overlap_is_refused(void **state)
{
    static const struct {
        uint64_t address, size;
    } overlaps[] = {{PREFERRED, 0x1800},
                    {PREFERRED + 0x17ff, 1},
                    {PREFERRED - 0x1000, 0x1001},
                    {PREFERRED - 0x1000, 0x4000},
                    {PREFERRED + 0x10, 0x10}};
    (void)state;
    for (size_t i = 0; i < sizeof overlaps / sizeof *overlaps; i++) {
        add_segment(overlaps[i].address, overlaps[i].size);
        expect_refusal(CLOISTER_BAD_FORMAT, "must not overlap");
    }
}

static void vmlinux_whose_segments_touch_is_placed(void **state)
{
    (void)state;
    add_segment(PREFERRED + 0x1800, 0x1000);
    assert_int_equal(place_first(sizeof file), CLOISTER_OK);
    assert_int_equal(image.end, PREFERRED + 0x2800);
    add_segment(PREFERRED - 0x1000, 0x1000);
    assert_int_equal(place_first(sizeof file), CLOISTER_OK);
    assert_int_equal(image.start, PREFERRED - 0x1000);
}

static void vmlinux_that_starts_outside_itself_is_refused(void **state)
{
    (void)state;
    make_vmlinux();
    file.elf.e_entry = PREFERRED - 1;
    assert_int_equal(place_first(sizeof file), CLOISTER_BAD_FORMAT);
    file.elf.e_entry = PREFERRED + 0x1800;
    assert_int_equal(place_first(sizeof file), CLOISTER_BAD_FORMAT);
    assert_non_null(strstr(why.text, "entry"));
    segments()[0].p_type = PT_NOTE;
    assert_int_equal(place_first(sizeof file), CLOISTER_BAD_FORMAT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bzimage_is_placed_where_it_prefers),
        TEST(vmlinux_is_placed_by_its_segments),
        TEST(every_truncated_bzimage_is_refused),
        TEST(every_truncated_vmlinux_is_refused),
        TEST(file_that_is_no_kernel_is_refused),
        TEST(bzimage_without_64_bit_entry_is_refused),
        TEST(bzimage_with_a_short_header_is_refused),
        TEST(bzimage_that_prefers_other_memory_is_refused),
        TEST(bzimage_without_code_is_refused),
        TEST(vmlinux_of_another_kind_is_refused),
        TEST(vmlinux_with_a_bad_segment_table_is_refused),
        TEST(vmlinux_with_a_segment_outside_is_refused),
        TEST(vmlinux_whose_segments_overlap_is_refused),
        TEST(vmlinux_whose_segments_touch_is_placed),
        TEST(vmlinux_that_starts_outside_itself_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

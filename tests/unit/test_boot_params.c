/*
 * What a kernel finds below 1 MiB, and where its initrd goes.
 */
#include "vmm/guest/boot_params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SMALL (64ull << 20)
#define LARGE (GUEST_MEMORY_HOLE + (32ull << 20))

static struct guest_memory memory;
static struct boot_initrd initrd;
static struct reason why;
static const struct kernel_image image = {.entry = 0x1000200,
                                          .start = 0x1000000,
                                          .end = 0x2000000,
                                          .command_line_max = 20,
                                          .initrd_max = 0x37ffffff};

static void create(uint64_t size)
{
    assert_int_equal(guest_memory_create(&memory, size, &why), CLOISTER_OK);
    initrd = (struct boot_initrd){0};
}

static int destroy(void **state)
{
    (void)state;
    guest_memory_destroy(&memory);
    return 0;
}

static const struct boot_params *zero_page(void)
{
    return (const struct boot_params *)(memory.bytes + BOOT_ZERO_PAGE);
}

static void zero_page_tells_memory_and_line(void **state)
{
    (void)state;
    create(SMALL);
    assert_int_equal(boot_params_write(&image, &initrd, "quiet", &memory, &why), CLOISTER_OK);
    assert_int_equal(zero_page()->hdr.cmd_line_ptr, BOOT_COMMAND_LINE);
    assert_int_equal(zero_page()->hdr.type_of_loader, 0xff);
    assert_int_equal(zero_page()->hdr.ramdisk_size, 0);
    assert_string_equal((char *)memory.bytes + BOOT_COMMAND_LINE, "quiet");
    assert_int_equal(zero_page()->e820_entries, 3);
    const struct boot_e820_entry *last = &zero_page()->e820_table[2];
    assert_int_equal(last->addr, 0x100000);
    assert_int_equal(last->addr + last->size, SMALL);
    assert_int_equal(last->type, 1);
}

static void zero_page_of_a_large_guest_leaves_the_hole_out(void **state)
{
    (void)state;
    create(LARGE);
    assert_int_equal(boot_params_write(&image, &initrd, "", &memory, &why), CLOISTER_OK);
    assert_int_equal(zero_page()->e820_entries, 4);
    assert_int_equal(zero_page()->e820_table[2].addr + zero_page()->e820_table[2].size,
                     GUEST_MEMORY_HOLE);
    assert_int_equal(zero_page()->e820_table[3].addr, GUEST_MEMORY_ABOVE);
    assert_int_equal(zero_page()->e820_table[3].size, 32u << 20);
}

static void line_that_the_kernel_does_not_take_is_refused(void **state)
{
    (void)state;
    create(SMALL);
    assert_int_equal(boot_params_write(&image, &initrd, "12345678901234567890", &memory, &why),
                     CLOISTER_OK);
    assert_int_equal(boot_params_write(&image, &initrd, "123456789012345678901", &memory, &why),
                     CLOISTER_TOO_BIG);
    assert_non_null(strstr(why.text, "the kernel takes 20"));
}

static void first_4_gib_are_mapped_at_their_own_addresses(void **state)
{
    uint64_t entry;
    (void)state;
    create(SMALL);
    assert_int_equal(boot_params_write(&image, &initrd, "", &memory, &why), CLOISTER_OK);
    memcpy(&entry, memory.bytes + BOOT_PAGE_TABLES, sizeof entry);
    assert_int_equal(entry & ~0xfffull, BOOT_PAGE_TABLES + 0x1000);
    for (uint64_t i = 0; i < 2048; i++) {
        memcpy(&entry, memory.bytes + BOOT_PAGE_TABLES + 0x2000 + i * 8, sizeof entry);
        assert_int_equal(entry, i << 21 | 0x83);
    }
    memcpy(&entry, memory.bytes + BOOT_GDT + BOOT_CODE, sizeof entry);
    assert_int_equal(entry >> 53 & 1, 1); /* 64-bit code */
}

static void initrd_lies_at_the_top_of_what_the_kernel_permits(void **state)
{
    static const uint8_t bytes[5000] = {1};
    (void)state;
    create(SMALL);
    assert_int_equal(boot_initrd_place(bytes, sizeof bytes, &image, &memory, &initrd, &why),
                     CLOISTER_OK);
    assert_int_equal(initrd.address, SMALL - 8192);
    assert_int_equal(initrd.size, sizeof bytes);
    assert_int_equal(memory.bytes[initrd.address], 1);
    guest_memory_destroy(&memory);
    create(LARGE);
    assert_int_equal(boot_initrd_place(bytes, sizeof bytes, &image, &memory, &initrd, &why),
                     CLOISTER_OK);
    assert_true(initrd.address + initrd.size <= image.initrd_max + 1);
}

static void initrd_that_would_reach_the_kernel_is_refused(void **state)
{
    size_t most = SMALL - 0x2000000;
    (void)state;
    create(SMALL);
    uint8_t *bytes = calloc(1, most + 1);
    assert_non_null(bytes);
    assert_int_equal(boot_initrd_place(bytes, most, &image, &memory, &initrd, &why), CLOISTER_OK);
    assert_int_equal(boot_initrd_place(bytes, most + 1, &image, &memory, &initrd, &why),
                     CLOISTER_TOO_BIG);
    assert_int_equal(boot_initrd_place(bytes, SIZE_MAX, &image, &memory, &initrd, &why),
                     CLOISTER_TOO_BIG);
    free(bytes);
}

#define TEST(name) cmocka_unit_test_teardown(name, destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(zero_page_tells_memory_and_line),
        TEST(zero_page_of_a_large_guest_leaves_the_hole_out),
        TEST(line_that_the_kernel_does_not_take_is_refused),
        TEST(first_4_gib_are_mapped_at_their_own_addresses),
        TEST(initrd_lies_at_the_top_of_what_the_kernel_permits),
        TEST(initrd_that_would_reach_the_kernel_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

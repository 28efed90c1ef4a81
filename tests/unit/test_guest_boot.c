/*
 * From files to a guest's memory: what is placed, measured and put on the command line, and what
 * of the files is refused in which words.
 */
#include "tests/unit/kernel_sample.h"
#include "vmm/guest/boot.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MEMORY_SIZE (64ull << 20)
#define KERNEL_END (KERNEL_SAMPLE_ADDRESS + KERNEL_SAMPLE_NEEDS)
#define INITRD_SIZE 5000u
#define NOBODY 65534

static struct guest_memory memory;
static struct boot boot;
static struct reason why;
static uint8_t kernel[KERNEL_SAMPLE_SIZE];
static uint8_t initrd[INITRD_SIZE];
static char folder[64];
static char kernel_path[96];
static char initrd_path[96];
static char other_path[96];

static void write_file(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    assert_int_equal(close(fd), 0);
}

/* Of zeros, and without a block on the disk. */
static void write_sparse(const char *path, off_t size)
{
    write_file(path, "", 0);
    assert_int_equal(truncate(path, size), 0);
}

static int create(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/cloister-boot.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(kernel_path, sizeof kernel_path, "%s/kernel", folder);
    (void)snprintf(initrd_path, sizeof initrd_path, "%s/initrd", folder);
    (void)snprintf(other_path, sizeof other_path, "%s/other", folder);
    kernel_sample_make(kernel);
    memset(initrd, 'i', sizeof initrd);
    write_file(kernel_path, kernel, sizeof kernel);
    write_file(initrd_path, initrd, sizeof initrd);
    why = (struct reason){""};
    return guest_memory_create(&memory, MEMORY_SIZE, &why) == CLOISTER_OK ? 0 : -1;
}

static int destroy(void **state)
{
    (void)state;
    if (seteuid(getuid()) != 0)
        return -1;
    guest_memory_destroy(&memory);
    (void)unlink(kernel_path);
    (void)unlink(initrd_path);
    (void)remove(other_path);
    return rmdir(folder);
}

static struct guest_options sample(void)
{
    return (struct guest_options){.kernel = kernel_path, .command_line = "", .memory = MEMORY_SIZE};
}

static struct guest_options sample_with_initrd(const char *path)
{
    struct guest_options options = sample();
    options.initrd = path;
    return options;
}

static void expect_taken(const struct guest_options *options)
{
    cloister_status status = boot_prepare(options, &memory, &boot, &why);
    if (status != CLOISTER_OK)
        fail_msg("%s", why.text);
}

static void expect_refusal(const struct guest_options *options, cloister_status status,
                           const char *said)
{
    assert_int_equal(boot_prepare(options, &memory, &boot, &why), status);
    if (!strstr(why.text, said))
        fail_msg("'%s' is not in '%s'", said, why.text);
}

/* A kernel's or an initrd's file is refused: the option and the file are named. */
static void expect_file_refused(const struct guest_options *options, cloister_status status,
                                const char *said)
{
    expect_refusal(options, status, said);
    assert_non_null(strstr(why.text, options->initrd ? "--initrd" : "--kernel"));
    assert_non_null(strstr(why.text, options->initrd ? options->initrd : options->kernel));
}

static void expect_digest(const uint8_t *digest, const void *bytes, size_t size)
{
    uint8_t wanted[CLO_DIGEST_SIZE];
    assert_int_equal(EVP_Digest(bytes, size, wanted, NULL, EVP_sha384(), NULL), 1);
    assert_memory_equal(digest, wanted, sizeof wanted);
}

static const struct boot_params *zero_page(void)
{
    return (const struct boot_params *)(memory.bytes + BOOT_ZERO_PAGE);
}

static const char *placed_line(void)
{
    return (const char *)memory.bytes + BOOT_COMMAND_LINE;
}

/* Placing and measuring */

static void what_is_placed_is_what_was_measured(void **state)
{
    (void)state;
    struct guest_options options = sample_with_initrd(initrd_path);
    options.command_line = "quiet";
    expect_taken(&options);
    assert_int_equal(boot.entry, KERNEL_SAMPLE_ADDRESS + 0x200);
    assert_memory_equal(memory.bytes + KERNEL_SAMPLE_ADDRESS, kernel + KERNEL_SAMPLE_CODE_AT,
                        KERNEL_SAMPLE_CODE_SIZE);
    assert_int_equal(zero_page()->hdr.ramdisk_size, INITRD_SIZE);
    assert_memory_equal(memory.bytes + zero_page()->hdr.ramdisk_image, initrd, INITRD_SIZE);
    assert_string_equal(placed_line(), boot.command_line);
    assert_int_equal(boot.measured.magic, CLO_GUEST_MEASURED_MAGIC);
    expect_digest(boot.measured.kernel, kernel, sizeof kernel);
    expect_digest(boot.measured.initrd, initrd, sizeof initrd);
    expect_digest(boot.measured.command_line, boot.command_line, strlen(boot.command_line));
}

static void no_initrd_and_an_empty_one_are_told_apart(void **state)
{
    static const uint8_t none[CLO_DIGEST_SIZE];
    (void)state;
    struct guest_options options = sample();
    expect_taken(&options);
    assert_int_equal(zero_page()->hdr.ramdisk_size, 0);
    assert_memory_equal(boot.measured.initrd, none, sizeof none);
    write_file(other_path, "", 0);
    options = sample_with_initrd(other_path);
    expect_taken(&options);
    assert_int_equal(zero_page()->hdr.ramdisk_size, 0);
    expect_digest(boot.measured.initrd, "", 0);
}

/* The header, which is not placed, and what lies behind the code. */
static void every_byte_of_a_kernel_file_is_measured(void **state)
{
    struct clo_guest_measured before;
    static uint8_t longer[KERNEL_SAMPLE_SIZE + 1];
    (void)state;
    const struct guest_options options = sample();
    expect_taken(&options);
    before = boot.measured;
    memcpy(longer, kernel, sizeof kernel);
    longer[0] = 1;
    write_file(kernel_path, longer, sizeof kernel);
    expect_taken(&options);
    expect_digest(boot.measured.kernel, longer, sizeof kernel);
    assert_memory_not_equal(boot.measured.kernel, before.kernel, CLO_DIGEST_SIZE);
    write_file(kernel_path, longer, sizeof longer);
    expect_taken(&options);
    expect_digest(boot.measured.kernel, longer, sizeof longer);
}

/* The command line */

static void line_has_the_console_first_and_the_users_words_last(void **state)
{
    static const char words[] = "quiet console=tty0 -- single";
    (void)state;
    struct guest_options options = sample();
    expect_taken(&options);
    assert_non_null(strstr(boot.command_line, "console=ttyS0"));
    assert_int_not_equal(boot.command_line[strlen(boot.command_line) - 1], ' ');
    options.command_line = words;
    expect_taken(&options);
    const char *end = boot.command_line + strlen(boot.command_line) - strlen(words);
    assert_string_equal(end, words);
    assert_int_equal(end[-1], ' ');
    const char *console = strstr(boot.command_line, "console=ttyS0");
    assert_true(console && console < end);
}

/* What is added for the disks, and that it stands before the user's words. */
static void expect_root(const struct guest_options *options, const char *added)
{
    expect_taken(options);
    const char *at = strstr(boot.command_line, "root=/dev/vda");
    assert_true((at != NULL) == (added != NULL));
    if (added)
        assert_memory_equal(at, added, strlen(added));
}

static void first_disk_is_the_root(void **state)
{
    (void)state;
    struct guest_options options = sample();
    expect_root(&options, NULL);
    options.disk_count = 2;
    options.disk[1].read_only = true;
    expect_root(&options, "root=/dev/vda rw");
    options.disk[0].read_only = true;
    options.command_line = "quiet";
    expect_root(&options, "root=/dev/vda ro quiet");
}

static void root_of_the_users_is_left_alone(void **state)
{
    static const char *const lines[] = {"root=/dev/vdb",
                                        "quiet root=PARTUUID=1",
                                        "quiet\troot=/dev/vdb",
                                        "root=",
                                        "nfsroot=1.2.3.4:/r root=/dev/nfs",
                                        "rootwait root=LABEL=r",
                                        "quiet  root=/dev/vdb -- init"};
    (void)state;
    struct guest_options options = sample();
    options.disk_count = 1;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        options.command_line = lines[i];
        expect_root(&options, NULL);
    }
}

static void words_that_only_look_like_a_root_are_none(void **state)
{
    static const char *const lines[] = {"rootwait",       "rootfstype=ext4",  "nfsroot=1.2.3.4:/r",
                                        "init=/x,root=y", "-- root=/dev/vdb", "root",
                                        "xroot=y"};
    (void)state;
    struct guest_options options = sample();
    options.disk_count = 1;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        options.command_line = lines[i];
        expect_root(&options, "root=/dev/vda rw ");
    }
}

/* With the user's words the line is as long as asked. */
static void expect_line_length(size_t length, cloister_status status)
{
    static char words[BOOT_COMMAND_LINE_MAX + 2];
    struct guest_options options = sample();
    expect_taken(&options);
    size_t ours = strlen(boot.command_line) + 1;
    memset(words, 'x', length - ours);
    words[length - ours] = '\0';
    options.command_line = words;
    assert_int_equal(boot_prepare(&options, &memory, &boot, &why), status);
    if (status == CLOISTER_OK)
        assert_int_equal(strlen(placed_line()), length);
    else
        assert_non_null(strstr(why.text, "--cmdline"));
}

static void line_as_long_as_the_kernel_takes_is_taken(void **state)
{
    (void)state;
    expect_line_length(KERNEL_SAMPLE_COMMAND_LINE, CLOISTER_OK);
    expect_line_length(KERNEL_SAMPLE_COMMAND_LINE + 1, CLOISTER_TOO_BIG);
    assert_non_null(strstr(why.text, "2048 characters"));
    assert_non_null(strstr(why.text, "the kernel takes 2047"));
}

static void line_as_long_as_we_can_pass_on_is_taken(void **state)
{
    (void)state;
    kernel_sample_setup(kernel)->cmdline_size = UINT32_MAX;
    write_file(kernel_path, kernel, sizeof kernel);
    expect_line_length(BOOT_COMMAND_LINE_MAX, CLOISTER_OK);
    expect_line_length(BOOT_COMMAND_LINE_MAX + 1, CLOISTER_TOO_BIG);
    assert_non_null(strstr(why.text, "at most 4095 are possible"));
}

/* Files that are refused */

static void files_that_are_not_there_are_refused(void **state)
{
    (void)state;
    struct guest_options options = sample_with_initrd(other_path);
    expect_file_refused(&options, CLOISTER_NOT_FOUND, "No such file or directory");
    options = sample();
    options.kernel = other_path;
    expect_file_refused(&options, CLOISTER_NOT_FOUND, "No such file or directory");
}

static void path_that_is_too_long_is_refused(void **state)
{
    char longest[REASON_SIZE + 1];
    (void)state;
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    const struct guest_options options = sample_with_initrd(longest);
    expect_refusal(&options, CLOISTER_BAD_ARGUMENT, "--initrd: cannot open xxx");
    assert_non_null(strstr(why.text, "File name too long"));
}

static void what_is_no_regular_file_is_refused_at_once(void **state)
{
    const char *const paths[] = {folder, other_path, "/dev/zero"};
    (void)state;
    assert_int_equal(mkfifo(other_path, 0600), 0); /* that nobody writes to */
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct guest_options options = sample_with_initrd(paths[i]);
        expect_file_refused(&options, CLOISTER_BAD_FORMAT, "is not a regular file");
        options = sample();
        options.kernel = paths[i];
        expect_file_refused(&options, CLOISTER_BAD_FORMAT, "is not a regular file");
    }
}

static void file_that_may_not_be_read_is_refused(void **state)
{
    (void)state;
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(chmod(kernel_path, 0), 0);
    assert_true(geteuid() != 0 || seteuid(NOBODY) == 0); /* root reads every file */
    const struct guest_options options = sample();
    expect_file_refused(&options, CLOISTER_DENIED, "Permission denied");
}

static void files_that_are_no_kernels_are_refused(void **state)
{
    (void)state;
    const struct guest_options options = sample();
    write_file(kernel_path, "", 0);
    expect_file_refused(&options, CLOISTER_BAD_FORMAT, "this is no kernel (0 bytes)");
    write_file(kernel_path, initrd, sizeof initrd);
    expect_file_refused(&options, CLOISTER_BAD_FORMAT, "a bzImage or an ELF vmlinux is needed");
    write_sparse(kernel_path, 1 << 20);
    expect_file_refused(&options, CLOISTER_BAD_FORMAT, "this is no kernel (1048576 bytes)");
}

static void truncated_kernel_is_refused(void **state)
{
    static const off_t sizes[] = {KERNEL_SAMPLE_SIZE - 1, KERNEL_SAMPLE_CODE_AT, 0x240};
    (void)state;
    const struct guest_options options = sample();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(truncate(kernel_path, sizes[i]), 0);
        expect_file_refused(&options, CLOISTER_BAD_FORMAT, "kernel is truncated");
    }
}

static void kernel_file_beyond_the_limit_is_not_read(void **state)
{
    static const off_t sizes[] = {KERNEL_IMAGE_MAX + 1ll, 1ll << 40};
    (void)state;
    const struct guest_options options = sample();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(truncate(kernel_path, sizes[i]), 0);
        expect_file_refused(&options, CLOISTER_TOO_BIG, "at most 536870912 are allowed");
    }
}

static void kernel_for_which_the_guest_is_too_small_is_refused(void **state)
{
    (void)state;
    const struct guest_options options = sample();
    kernel_sample_setup(kernel)->init_size = (uint32_t)(MEMORY_SIZE - KERNEL_SAMPLE_ADDRESS + 1);
    write_file(kernel_path, kernel, sizeof kernel);
    expect_file_refused(&options, CLOISTER_TOO_BIG, "the guest has 0x100000 to 0x4000000");
}

static void initrd_larger_than_the_guest_is_not_read(void **state)
{
    static const off_t sizes[] = {MEMORY_SIZE + 1, 1ll << 40};
    (void)state;
    const struct guest_options options = sample_with_initrd(other_path);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        write_sparse(other_path, sizes[i]);
        expect_file_refused(&options, CLOISTER_TOO_BIG, "at most 67108864 are allowed");
    }
}

static void initrd_has_all_the_room_above_the_kernel_and_no_more(void **state)
{
    const off_t room = MEMORY_SIZE - KERNEL_END;
    (void)state;
    const struct guest_options options = sample_with_initrd(other_path);
    write_sparse(other_path, room);
    expect_taken(&options);
    assert_int_equal(zero_page()->hdr.ramdisk_image, KERNEL_END);
    assert_int_equal(zero_page()->hdr.ramdisk_size, room);
    write_sparse(other_path, room + 1);
    expect_file_refused(&options, CLOISTER_TOO_BIG, "give more memory");
    write_sparse(other_path, MEMORY_SIZE);
    expect_file_refused(&options, CLOISTER_TOO_BIG, "no room for an initrd of 67108864 bytes");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_placed_is_what_was_measured),
        TEST(no_initrd_and_an_empty_one_are_told_apart),
        TEST(every_byte_of_a_kernel_file_is_measured),
        TEST(line_has_the_console_first_and_the_users_words_last),
        TEST(first_disk_is_the_root),
        TEST(root_of_the_users_is_left_alone),
        TEST(words_that_only_look_like_a_root_are_none),
        TEST(line_as_long_as_the_kernel_takes_is_taken),
        TEST(line_as_long_as_we_can_pass_on_is_taken),
        TEST(files_that_are_not_there_are_refused),
        TEST(path_that_is_too_long_is_refused),
        TEST(what_is_no_regular_file_is_refused_at_once),
        TEST(file_that_may_not_be_read_is_refused),
        TEST(files_that_are_no_kernels_are_refused),
        TEST(truncated_kernel_is_refused),
        TEST(kernel_file_beyond_the_limit_is_not_read),
        TEST(kernel_for_which_the_guest_is_too_small_is_refused),
        TEST(initrd_larger_than_the_guest_is_not_read),
        TEST(initrd_has_all_the_room_above_the_kernel_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Whole files: limits, what is no regular file, atomic replacement, full disks.
 */
#include "base/file.h"

#include "base/scope.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

static char folder[64];
static char path[128];
static struct reason why;

static int make_folder(void **state)
{
    (void)state;
    memset(&why, 0, sizeof why);
    (void)snprintf(folder, sizeof folder, "/tmp/cloister-test.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(path, sizeof path, "%s/file", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static unsigned files_in_folder(void)
{
    unsigned count = 0;
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (const struct dirent *entry = readdir(directory); entry; entry = readdir(directory))
        count += entry->d_name[0] != '.';
    (void)closedir(directory);
    return count;
}

static void write_file(const void *bytes, size_t size)
{
    assert_int_equal(file_write(path, bytes, size, 0600, &why), CLOISTER_OK);
}

static void expect_content(const void *bytes, size_t size)
{
    AUTO_FREE uint8_t *read = NULL;
    size_t length;
    assert_int_equal(file_read(path, 1 << 20, &read, &length, &why), CLOISTER_OK);
    assert_int_equal(length, size);
    assert_memory_equal(read, bytes, size);
}

static void expect_no_read(const char *from, size_t limit, cloister_status status)
{
    uint8_t *bytes = NULL;
    size_t size = 99;
    assert_int_equal(file_read(from, limit, &bytes, &size, &why), status);
    assert_null(bytes);
    assert_int_equal(size, 99);
    assert_non_null(strstr(why.text, from));
}

static void written_file_is_read_back(void **state)
{
    (void)state;
    static uint8_t large[300000];
    memset(large, 0x5a, sizeof large);
    write_file("", 0);
    expect_content("", 0);
    write_file(large, sizeof large);
    expect_content(large, sizeof large);
    assert_int_equal(files_in_folder(), 1);
}

static void mode_is_the_one_asked_for(void **state)
{
    (void)state;
    struct stat st;
    mode_t mask = umask(0);
    write_file("x", 1);
    (void)umask(mask);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void file_of_exactly_the_limit_is_read(void **state)
{
    (void)state;
    AUTO_FREE uint8_t *bytes = NULL;
    size_t size;
    write_file("12345", 5);
    assert_int_equal(file_read(path, 5, &bytes, &size, &why), CLOISTER_OK);
    assert_int_equal(size, 5);
}

static void file_larger_than_the_limit_is_refused(void **state)
{
    (void)state;
    write_file("12345", 5);
    expect_no_read(path, 4, CLOISTER_TOO_BIG);
}

static void sparse_terabyte_is_refused_at_once(void **state)
{
    (void)state;
    write_file("", 0);
    if (truncate(path, 1ll << 40) != 0)
        skip();
    expect_no_read(path, 1 << 20, CLOISTER_TOO_BIG);
}

static void absent_file_is_not_found(void **state)
{
    (void)state;
    expect_no_read(path, 10, CLOISTER_NOT_FOUND);
}

static void folder_is_no_file(void **state)
{
    (void)state;
    expect_no_read(folder, 10, CLOISTER_BAD_FORMAT);
}

static void long_path_does_not_hide_what_is_wrong_with_it(void **state)
{
    uint8_t *bytes = NULL;
    size_t size;
    char name[REASON_SIZE + 1];
    (void)state;
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(file_read(name, 10, &bytes, &size, &why), CLOISTER_BAD_ARGUMENT);
    assert_non_null(strstr(why.text, "File name too long"));
    for (size_t i = 0; i + 2 < sizeof name; i += 2)
        memcpy(name + i, "./", 2);
    assert_int_equal(file_read(name, 10, &bytes, &size, &why), CLOISTER_BAD_FORMAT);
    assert_non_null(strstr(why.text, "is not a regular file"));
}

static void device_is_no_file(void **state)
{
    (void)state;
    expect_no_read("/dev/zero", 10, CLOISTER_BAD_FORMAT);
}

static void fifo_is_refused_without_waiting(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_no_read(path, 10, CLOISTER_BAD_FORMAT);
}

static void device_is_written_in_place(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(file_write("/dev/null", "x", 1, 0600, &why), CLOISTER_OK);
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
}

static void full_device_is_a_failure(void **state)
{
    (void)state;
    assert_int_equal(file_write("/dev/full", "x", 1, 0600, &why), CLOISTER_IO);
    assert_non_null(strstr(why.text, "/dev/full"));
}

static void folder_that_is_absent_is_not_found(void **state)
{
    (void)state;
    assert_int_equal(file_write("/nowhere/at/all", "x", 1, 0600, &why), CLOISTER_NOT_FOUND);
}

static void folder_is_not_written(void **state)
{
    (void)state;
    assert_int_equal(file_write(folder, "x", 1, 0600, &why), CLOISTER_BAD_ARGUMENT);
    assert_non_null(strstr(why.text, "Is a directory"));
    assert_int_equal(files_in_folder(), 0);
}

static void file_is_no_folder_to_write_in(void **state)
{
    (void)state;
    char below[140];
    (void)snprintf(below, sizeof below, "%s/x", path);
    write_file("old", 3);
    assert_int_equal(file_write(below, "x", 1, 0600, &why), CLOISTER_BAD_ARGUMENT);
    expect_content("old", 3);
}

static void assert_checked(cloister_status (*check)(const char *, struct reason *), const char *of,
                           cloister_status status)
{
    why.text[0] = '\0';
    assert_int_equal(check(of, &why), status);
    assert_int_equal(why.text[0] != '\0', status != CLOISTER_OK);
}

static void outputs_are_checked_before_they_are_written(void **state)
{
    (void)state;
    char below[140];
    (void)snprintf(below, sizeof below, "%s/x", path);
    assert_checked(file_check_output, "-", CLOISTER_OK);
    assert_checked(file_check_output, path, CLOISTER_OK);
    assert_int_equal(files_in_folder(), 0);
    write_file("old", 3);
    assert_checked(file_check_output, path, CLOISTER_OK);
    expect_content("old", 3);
    assert_checked(file_check_output, "/dev/full", CLOISTER_OK);
    assert_checked(file_check_output, folder, CLOISTER_BAD_ARGUMENT);
    assert_checked(file_check_output, "/", CLOISTER_BAD_ARGUMENT);
    assert_checked(file_check_output, "", CLOISTER_BAD_ARGUMENT);
    assert_checked(file_check_output, "absent/", CLOISTER_BAD_ARGUMENT);
    assert_checked(file_check_output, below, CLOISTER_BAD_ARGUMENT);
    assert_checked(file_check_output, "/nowhere/at/all", CLOISTER_NOT_FOUND);
}

static void inputs_are_checked_before_they_are_read(void **state)
{
    (void)state;
    assert_checked(file_check_input, "-", CLOISTER_OK);
    assert_checked(file_check_input, "/dev/zero", CLOISTER_OK);
    assert_checked(file_check_input, path, CLOISTER_NOT_FOUND);
    assert_checked(file_check_input, folder, CLOISTER_BAD_FORMAT);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_checked(file_check_input, path, CLOISTER_OK);
}

/* Root may write everywhere. */
static void what_may_not_be_written_is_denied(void **state)
{
    (void)state;
    int end = 0;
    assert_int_equal(chmod(folder, 0500), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool denied = (geteuid() != 0 || setuid(65534) == 0) &&
                      file_check_output(path, &why) == CLOISTER_DENIED &&
                      file_write(path, "x", 1, 0600, &why) == CLOISTER_DENIED;
        _exit(denied ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &end, 0), child);
    assert_int_equal(end, 0);
    assert_int_equal(chmod(folder, 0700), 0);
}

static void path_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char longest[PATH_MAX + 1];
    memset(longest, '/', sizeof longest);
    longest[PATH_MAX] = '\0';
    assert_int_not_equal(file_write(longest, "x", 1, 0600, &why), CLOISTER_OK);
}

/* A write that fails half way: the old file stays, no other is left. */
static void failed_write_leaves_the_old_file(void **state)
{
    (void)state;
    static uint8_t large[100000];
    struct rlimit old;
    struct rlimit small = {.rlim_cur = 4096};
    write_file("old", 3);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    cloister_status status = file_write(path, large, sizeof large, 0600, &why);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(status, CLOISTER_IO);
    expect_content("old", 3);
    assert_int_equal(files_in_folder(), 1);
}

static void full_disk_leaves_the_old_file(void **state)
{
    (void)state;
    static uint8_t large[200000];
    if (mount("none", folder, "tmpfs", 0, "size=64k") != 0) {
        print_message("skipped: cannot mount a small file system here\n");
        skip();
    }
    write_file("old", 3);
    cloister_status status = file_write(path, large, sizeof large, 0600, &why);
    unsigned files = files_in_folder();
    expect_content("old", 3);
    assert_int_equal(umount2(folder, MNT_DETACH), 0);
    assert_int_equal(status, CLOISTER_IO);
    assert_int_equal(files, 1);
    assert_non_null(strstr(why.text, "No space left"));
}

/* Wherever it comes: once the old or the new file is there, and no other. */
static void signal_leaves_no_temporary_file(void **state)
{
    (void)state;
    static uint8_t large[100000];
    for (useconds_t wait_us = 0; wait_us < 10000; wait_us += 100) {
        int end = 0;
        pid_t child = fork();
        assert_true(child >= 0);
        while (child == 0)
            if (file_write(path, large, sizeof large, 0600, NULL) != CLOISTER_OK)
                _exit(1);
        (void)usleep(wait_us);
        assert_int_equal(kill(child, SIGTERM), 0);
        assert_int_equal(waitpid(child, &end, 0), child);
        assert_true(WIFSIGNALED(end) && WTERMSIG(end) == SIGTERM);
        assert_in_range(files_in_folder(), 0, 1);
    }
}

static void symbolic_link_to_a_file_is_replaced_not_followed(void **state)
{
    (void)state;
    char target[140];
    struct stat st;
    (void)snprintf(target, sizeof target, "%s.target", path);
    assert_int_equal(file_write(target, "target", 6, 0600, &why), CLOISTER_OK);
    assert_int_equal(symlink(target, path), 0);
    write_file("new", 3);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_size, 6);
    assert_int_equal(unlink(target), 0);
}

static void closed_descriptor_is_a_failure(void **state)
{
    (void)state;
    assert_int_equal(fd_write_all(-1, "x", 1), CLOISTER_IO);
    assert_int_equal(fd_write_all(-1, "x", 0), CLOISTER_OK);
}

static void pipe_takes_more_than_it_holds(void **state)
{
    (void)state;
    static uint8_t large[300000];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        _exit(fd_write_all(ends[1], large, sizeof large) == CLOISTER_OK ? 0 : 1);
    }
    (void)close(ends[1]);
    size_t total = 0;
    uint8_t part[777];
    for (ssize_t n = 1; n > 0; total += (size_t)n)
        n = read(ends[0], part, sizeof part);
    (void)close(ends[0]);
    assert_int_equal(total, sizeof large);
}

/* What fd_copy makes of a file of `size` bytes under `limit`. */
static cloister_status copy_of(size_t size, size_t limit, uint8_t *bytes, size_t *copied)
{
    static uint8_t large[300000];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (uint8_t)(i * 7 + i / 251);
    write_file(large, size);
    AUTO_FD int from = open(path, O_RDONLY | O_CLOEXEC);
    AUTO_FD int to = memfd_create("copy", MFD_CLOEXEC);
    assert_true(from >= 0 && to >= 0);
    cloister_status status = fd_copy(from, to, limit, copied);
    if (status == CLOISTER_OK) {
        assert_int_equal(pread(to, bytes, sizeof large, 0), *copied);
        assert_memory_equal(bytes, large, *copied);
    }
    return status;
}

static uint8_t copied_bytes[300000];

static void copy_has_every_byte(void **state)
{
    (void)state;
    for (size_t size = 0; size <= sizeof copied_bytes; size += 99999) {
        size_t copied = 1;
        assert_int_equal(copy_of(size, size, copied_bytes, &copied), CLOISTER_OK);
        assert_int_equal(copied, size);
    }
}

static void copy_stops_one_byte_beyond_the_limit(void **state)
{
    (void)state;
    size_t copied = 0;
    assert_int_equal(copy_of(300000, 4096, copied_bytes, &copied), CLOISTER_OK);
    assert_int_equal(copied, 4097);
}

static void copy_to_nowhere_is_a_failure(void **state)
{
    (void)state;
    size_t copied = 7;
    write_file("x", 1);
    AUTO_FD int from = open(path, O_RDONLY | O_CLOEXEC);
    AUTO_FD int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_int_equal(fd_copy(from, -1, 1, &copied), CLOISTER_IO);
    assert_int_equal(fd_copy(-1, full, 1, &copied), CLOISTER_IO);
    assert_int_equal(fd_copy(from, full, 1, &copied), CLOISTER_IO);
    assert_int_equal(copied, 7);
}

static void read_at_gives_the_range_and_moves_nothing(void **state)
{
    (void)state;
    char bytes[4] = "";
    write_file("0123456789", 10);
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(fd_read_at(fd, bytes, 3, 7), CLOISTER_OK);
    assert_string_equal(bytes, "789");
    assert_int_equal(fd_read_at(fd, bytes, 3, 0), CLOISTER_OK);
    assert_string_equal(bytes, "012");
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
}

static void written_at_an_offset_leaves_the_rest_and_the_position(void **state)
{
    (void)state;
    char bytes[11] = "";
    write_file("0123456789", 10);
    AUTO_FD int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(fd_write_at(fd, "ab", 2, 3), CLOISTER_OK);
    assert_int_equal(fd_write_at(fd, "z", 0, 0), CLOISTER_OK);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    assert_int_equal(fd_read_at(fd, bytes, 10, 0), CLOISTER_OK);
    assert_string_equal(bytes, "012ab56789");
    assert_int_equal(fd_write_at(-1, "ab", 2, 0), CLOISTER_IO);
    assert_int_equal(errno, EBADF);
}

static void read_at_beyond_the_end_is_a_failure(void **state)
{
    (void)state;
    char bytes[4];
    write_file("0123456789", 10);
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(fd_read_at(fd, bytes, 3, 8), CLOISTER_IO);
    assert_int_equal(errno, 0);
    assert_int_equal(fd_read_at(-1, bytes, 3, 0), CLOISTER_IO);
    assert_int_equal(errno, EBADF);
    assert_int_equal(fd_read_at(fd, bytes, 0, 99), CLOISTER_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(written_file_is_read_back),
        TEST(mode_is_the_one_asked_for),
        TEST(file_of_exactly_the_limit_is_read),
        TEST(file_larger_than_the_limit_is_refused),
        TEST(sparse_terabyte_is_refused_at_once),
        TEST(absent_file_is_not_found),
        TEST(folder_is_no_file),
        TEST(long_path_does_not_hide_what_is_wrong_with_it),
        TEST(device_is_no_file),
        TEST(fifo_is_refused_without_waiting),
        TEST(device_is_written_in_place),
        TEST(full_device_is_a_failure),
        TEST(folder_that_is_absent_is_not_found),
        TEST(folder_is_not_written),
        TEST(file_is_no_folder_to_write_in),
        TEST(outputs_are_checked_before_they_are_written),
        TEST(inputs_are_checked_before_they_are_read),
        TEST(what_may_not_be_written_is_denied),
        TEST(path_that_is_too_long_is_refused),
        TEST(failed_write_leaves_the_old_file),
        TEST(full_disk_leaves_the_old_file),
        TEST(signal_leaves_no_temporary_file),
        TEST(symbolic_link_to_a_file_is_replaced_not_followed),
        TEST(closed_descriptor_is_a_failure),
        TEST(pipe_takes_more_than_it_holds),
        TEST(copy_has_every_byte),
        TEST(copy_stops_one_byte_beyond_the_limit),
        TEST(copy_to_nowhere_is_a_failure),
        TEST(read_at_gives_the_range_and_moves_nothing),
        TEST(written_at_an_offset_leaves_the_rest_and_the_position),
        TEST(read_at_beyond_the_end_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

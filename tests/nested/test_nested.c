/*
 * `cloister nested` with the real machine, on any host that has QEMU: what comes out of it, what
 * goes in, and how it ends. Each boot takes seconds, so one serves several tests.
 */
#include "tests/e2e/command.h"
#include "tests/e2e/started_world.h"
#include "tools/tool.h"

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define BROKEN 125
/* Bytes that a terminal or a text mode would change. */
#define INPUT "one\r\ntwo\n\n\003\004\021\023\032\177\377 end without newline"

static char folder[64];
static char work[80]; /* where the machine keeps what it works on */
static struct command ran;

static const char *in_folder(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_text(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static const char *text_of(const char *name)
{
    static char text[4096];
    FILE *file = fopen(in_folder(name), "r");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        (void)fclose(file);
    text[size] = '\0';
    return text;
}

static bool is_empty(const char *path)
{
    unsigned count = 0;
    DIR *entries = opendir(path);
    assert_non_null(entries);
    while (readdir(entries))
        count++;
    (void)closedir(entries);
    return count == 2;
}

/* One boot for the tests that look at what it left. */
static const char everything[] =
    "pwd; cat folder/inner 'a file'; cat; head -c 40000 /dev/zero; echo to error >&2;"
    "cloister doctor --json >'the result'; echo $? >>'the result'; : >empty; exit 42";

static int boot_once(void **state)
{
    (void)state;
    char build[PATH_MAX];
    char given[PATH_MAX];
    started_path("", given, sizeof given);
    (void)snprintf(folder, sizeof folder, "/tmp/test_nested.XXXXXX");
    if (!realpath(given, build) || setenv("CLOISTER_BUILD", build, 1) != 0 || !mkdtemp(folder))
        return -1;
    (void)snprintf(work, sizeof work, "%s/work", folder);
    if (mkdir(work, 0700) != 0 || setenv("TMPDIR", work, 1) != 0 ||
        mkdir(in_folder("here"), 0755) || mkdir(in_folder("here/folder"), 0755))
        return -1;
    write_text("here/folder/inner", "inner\n");
    write_text("here/a file", "spaced\n");
    if (chdir(in_folder("here")) != 0)
        return -1;
    command_run_with_input(&ran, INPUT,
                           (const char *const[]){"nested", "-f", "folder", "-f", "a file", "-o",
                                                 "the result", "-o", "empty", "--", "sh", "-c",
                                                 everything, NULL});
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static int remove_all(void **state)
{
    (void)state;
    return chdir("/") == 0 ? nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) : -1;
}

static void status_is_the_commands(void **state)
{
    (void)state;
    if (ran.status != 42)
        print_error("%s", ran.err);
    assert_int_equal(ran.status, 42);
}

static void output_is_exact_and_error_kept_apart(void **state)
{
    (void)state;
    char head[256];
    size_t length =
        (size_t)snprintf(head, sizeof head, "%s\ninner\nspaced\n" INPUT, in_folder("here"));
    assert_int_equal(ran.out_size, length + 40000);
    assert_memory_equal(ran.out, head, length);
    for (size_t i = length; i < ran.out_size; i++)
        assert_int_equal(ran.out[i], 0);
    assert_string_equal(ran.err, "to error\n");
}

static void worlds_can_run_inside_and_results_come_out(void **state)
{
    (void)state;
    const char *text = text_of("here/the result");
    assert_non_null(strstr(text, "\"worlds\": true"));
    assert_non_null(strstr(text, "\n0\n"));
    assert_string_equal(text_of("here/empty"), "");
    assert_int_equal(access("empty", F_OK), 0);
}

static void nothing_is_left_behind(void **state)
{
    (void)state;
    assert_true(is_empty(work));
}

static void command_that_does_not_end_is_ended(void **state)
{
    (void)state;
    RUN(&ran, "nested", "-t", "2", "--", "sleep", "1000");
    assert_int_equal(ran.status, 124);
    assert_non_null(strstr(ran.err, "the time is over"));
    assert_true(is_empty(work));
}

static void machine_that_breaks_down_is_told(void **state)
{
    (void)state;
    RUN(&ran, "nested", "--", "reboot", "-f");
    assert_int_equal(ran.status, BROKEN);
    assert_non_null(strstr(ran.err, "the machine ended before the command did"));
    assert_true(is_empty(work));
}

static void result_that_is_missing_is_a_failure(void **state)
{
    (void)state;
    RUN(&ran, "nested", "-o", "absent", "--", "true");
    assert_int_equal(ran.status, BROKEN);
    assert_string_equal(ran.err, "cloister nested: no result absent: No such file or directory\n");
    assert_int_not_equal(access("absent", F_OK), 0);
}

static void kvm_has_nested_paging_unless_it_is_to_shadow(void **state)
{
    (void)state;
    static const char paging[] = "/sys/module/kvm_amd/parameters/npt";
    RUN(&ran, "nested", "--", "cat", paging);
    assert_string_equal(ran.out, "Y\n");
    RUN(&ran, "nested", "-s", "--", "cat", paging);
    assert_string_equal(ran.out, "N\n");
}

/* The machine's own kernel, as packages from Linux 7 on have it: the kernel in one, the modules in
   another. */
static const char split_kernel[] =
    "package() { mkdir $1/DEBIAN && printf 'Package: %s\\nVersion: 1\\nArchitecture: amd64\\n"
    "Maintainer: x\\nDescription: x\\n' $1 >$1/DEBIAN/control &&"
    " dpkg-deb --root-owner-group -z0 -b $1 >/dev/null && rm -r $1; };"
    "release=usr/lib/modules/1; mkdir -p binary/$release modules/$release &&"
    "cp \"${CLOISTER_NESTED:-$CLOISTER_BUILD/nested}\"/linux/vmlinuz binary/$release/ &&"
    "cp \"${CLOISTER_NESTED:-$CLOISTER_BUILD/nested}\"/linux/*.ko modules/$release/ && package "
    "binary && package modules";

static void kernel_of_several_packages_boots(void **state)
{
    (void)state;
    assert_int_equal(system(split_kernel), 0);
    RUN(&ran, "nested", "-k", "binary.deb", "-k", "modules.deb", "--", "test", "-c", "/dev/kvm");
    command_expect(&ran, TOOL_OK);
    RUN(&ran, "nested", "-k", "binary.deb", "--", "true");
    assert_int_equal(ran.status, BROKEN);
    assert_non_null(strstr(ran.err, "binary.deb has no irqbypass.ko that can be read"));
    assert_int_equal(system("rm binary.deb modules.deb"), 0);
    assert_true(is_empty(work));
}

static void kernel_that_is_no_package_is_refused(void **state)
{
    (void)state;
    RUN(&ran, "nested", "-k", "a file", "--", "true");
    assert_int_equal(ran.status, BROKEN);
    assert_string_equal(ran.err, "cloister nested: a file is no Debian package\n");
    assert_true(is_empty(work));
}

/* A copy of ls that asks for a library which no host has. */
static void program_that_lacks_a_library_is_told_of(void **state)
{
    (void)state;
    static const char line[] =
        "sed 's/libc[.]so[.]6/libq.so.6/g' /bin/ls >lacking && chmod 755 lacking";
    if (system(line) != 0 || system("ldd ./lacking | grep -q 'libq.so.6 => not found'") != 0) {
        print_message("skipped: ls is no program with shared libraries\n");
        skip();
    }
    RUN(&ran, "nested", "-f", "lacking", "--", "./lacking");
    assert_int_equal(ran.status, BROKEN);
    char told[512];
    (void)snprintf(told, sizeof told, "%s needs shared libraries that this host lacks: libq.so.6\n",
                   in_folder("here/lacking"));
    assert_string_equal(strstr(ran.err, in_folder("here")), told);
    assert_string_equal(strchr(ran.err, '\n'), "\n");
    RUN(&ran, "nested", "-f", "lacking", "--", "true");
    assert_int_equal(ran.status, 0);
    assert_non_null(strstr(ran.err, "warning"));
    assert_string_equal(strstr(ran.err, in_folder("here")), told);
    assert_true(is_empty(work));
}

static void termination_ends_the_machine_and_leaves_nothing(void **state)
{
    (void)state;
    static const char *const words[] = {"nested", "--", "sleep", "1000", NULL};
    pid_t command = command_start(in_folder("log"), words);
    for (int i = 0; i < 1000 && is_empty(work); i++)
        (void)usleep(10000);
    assert_false(is_empty(work));
    (void)sleep(2); /* into the boot; it must end the same way wherever it is */
    assert_int_equal(kill(command, SIGTERM), 0);
    assert_int_equal(command_wait(command), 128 + SIGTERM);
    assert_true(is_empty(work));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_is_the_commands),
        cmocka_unit_test(output_is_exact_and_error_kept_apart),
        cmocka_unit_test(worlds_can_run_inside_and_results_come_out),
        cmocka_unit_test(nothing_is_left_behind),
        cmocka_unit_test(command_that_does_not_end_is_ended),
        cmocka_unit_test(machine_that_breaks_down_is_told),
        cmocka_unit_test(result_that_is_missing_is_a_failure),
        cmocka_unit_test(kvm_has_nested_paging_unless_it_is_to_shadow),
        cmocka_unit_test(kernel_of_several_packages_boots),
        cmocka_unit_test(kernel_that_is_no_package_is_refused),
        cmocka_unit_test(program_that_lacks_a_library_is_told_of),
        cmocka_unit_test(termination_ends_the_machine_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, boot_once, remove_all);
}

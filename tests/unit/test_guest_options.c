/*
 * Command line of the guest VMM: what it takes, and what it refuses in which words.
 */
#include "vmm/guest/guest_memory.h"
#include "vmm/guest/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WORDS_MAX 40
#define LONG 4000

static struct guest_options options;
static struct reason why;

/* The program's name in front, and copies of the words: parsing may cut them. */
static cloister_status parse(const char *const *words)
{
    static char copy[WORDS_MAX][LONG + 100];
    static char *argv[WORDS_MAX + 1];
    int argc = 0;
    (void)snprintf(copy[argc++], sizeof *copy, "cloister-guest");
    for (; *words; words++)
        (void)snprintf(copy[argc++], sizeof *copy, "%s", *words);
    for (int i = 0; i < argc; i++)
        argv[i] = copy[i];
    argv[argc] = NULL;
    why = (struct reason){""};
    return guest_options_parse(argc, argv, &options, &why);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})
#define TAKEN(...) assert_int_equal(PARSE(__VA_ARGS__), CLOISTER_OK)
#define REFUSED(said, ...)                                                                         \
    do {                                                                                           \
        assert_int_equal(PARSE(__VA_ARGS__), CLOISTER_BAD_ARGUMENT);                               \
        assert_string_equal(why.text, said);                                                       \
    } while (0)

/* A word that is far too long, begins with `start` and ends with `end`. */
static const char *long_word(const char *start, const char *end)
{
    static char word[LONG + 50];
    memset(word, 'x', LONG);
    memcpy(word, start, strlen(start));
    (void)snprintf(word + LONG, sizeof word - LONG, "%s", end);
    return word;
}

static void kernel_alone_is_enough(void **state)
{
    (void)state;
    TAKEN("--kernel", "vmlinuz");
    assert_string_equal(options.kernel, "vmlinuz");
    assert_null(options.initrd);
    assert_string_equal(options.command_line, "");
    assert_null(options.world);
    assert_int_equal(options.memory, OPTIONS_MEMORY_DEFAULT);
    assert_int_equal(options.disk_count, 0);
    assert_false(options.help);
}

static void every_option_is_taken(void **state)
{
    (void)state;
    TAKEN("--kernel", "k", "--initrd=i", "--cmdline", "quiet root=/dev/vdb", "--mem", "1G",
          "--disk", "one", "--disk=two,ro", "--world", "w");
    assert_string_equal(options.kernel, "k");
    assert_string_equal(options.initrd, "i");
    assert_string_equal(options.command_line, "quiet root=/dev/vdb");
    assert_int_equal(options.memory, 1ull << 30);
    assert_int_equal(options.disk_count, 2);
    assert_string_equal(options.disk[0].path, "one");
    assert_false(options.disk[0].read_only);
    assert_string_equal(options.disk[1].path, "two");
    assert_true(options.disk[1].read_only);
    assert_string_equal(options.world, "w");
}

static void options_do_not_outlive_their_command_line(void **state)
{
    (void)state;
    TAKEN("--kernel", "k", "--initrd", "i", "--world", "w", "--disk", "d,ro", "--mem", "1G");
    TAKEN("--kernel", "k");
    assert_null(options.initrd);
    assert_null(options.world);
    assert_int_equal(options.disk_count, 0);
    assert_int_equal(options.memory, OPTIONS_MEMORY_DEFAULT);
}

static void last_of_an_option_counts(void **state)
{
    (void)state;
    TAKEN("--kernel", "a", "--initrd", "a", "--cmdline", "a", "--mem", "64M", "--world", "a",
          "--kernel", "b", "--initrd", "b", "--cmdline", "b", "--mem", "65M", "--world", "b");
    assert_string_equal(options.kernel, "b");
    assert_string_equal(options.initrd, "b");
    assert_string_equal(options.command_line, "b");
    assert_string_equal(options.world, "b");
    assert_int_equal(options.memory, 65u << 20);
}

static void help_needs_nothing_else_and_names_every_option(void **state)
{
    static const char *const names[] = {"--kernel", "--initrd", "--cmdline",
                                        "--mem",    "--disk",   "--world"};
    (void)state;
    TAKEN("--help");
    assert_true(options.help);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_non_null(strstr(guest_options_help, names[i]));
}

static void words_that_are_no_options_are_refused(void **state)
{
    (void)state;
    REFUSED("unknown option --kernle", "--kernle", "k");
    REFUSED("unknown option --smp=2", "--kernel", "k", "--smp=2");
    REFUSED("unknown option -k", "--kernel", "k", "-k");
    REFUSED("unknown option -xyz", "--kernel", "k", "-xyz");
    REFUSED("unknown option -xyz", "-xyz");
    REFUSED("option --help takes no value", "--help=all");
    REFUSED("'extra' is no option", "--kernel", "k", "extra");
    REFUSED("'-' is no option", "--kernel", "k", "-");
    REFUSED("'' is no option", "--kernel", "k", "");
    REFUSED("'--mem' is no option", "--kernel", "k", "--", "--mem", "64M");
}

static void option_without_its_value_is_refused(void **state)
{
    static const char *const names[] = {"--kernel", "--initrd", "--cmdline",
                                        "--mem",    "--disk",   "--world"};
    char said[64];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(said, sizeof said, "option %s needs a value", names[i]);
        REFUSED(said, "--kernel", "k", names[i]);
    }
}

static void missing_kernel_is_refused(void **state)
{
    (void)state;
    REFUSED("--kernel is missing", "--mem", "64M");
    assert_int_equal(parse((const char *const[]){NULL}), CLOISTER_BAD_ARGUMENT);
    assert_string_equal(why.text, "--kernel is missing");
}

static void empty_file_names_are_refused(void **state)
{
    (void)state;
    REFUSED("--kernel is empty; it must name a file", "--kernel", "");
    REFUSED("--initrd is empty; it must name a file", "--kernel", "k", "--initrd=");
    REFUSED("--world is empty; it must name a socket", "--kernel", "k", "--world", "");
    REFUSED("--disk has no file; FILE or FILE,ro is needed", "--kernel", "k", "--disk", "");
    REFUSED("--disk has no file; FILE or FILE,ro is needed", "--kernel", "k", "--disk", ",ro");
    TAKEN("--kernel", "k", "--cmdline", "");
    assert_string_equal(options.command_line, "");
}

static void sizes_of_memory_are_taken_to_the_page(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } sizes[] = {{"32M", GUEST_MEMORY_MIN},      {"64G", GUEST_MEMORY_MAX},
                 {"33554432", 32u << 20},        {"32768K", 32u << 20},
                 {"32772K", (32u << 20) + 4096}, {"0064M", 64u << 20},
                 {"68719476736", 64ull << 30}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        TAKEN("--kernel", "k", "--mem", sizes[i].text);
        assert_int_equal(options.memory, sizes[i].bytes);
    }
}

static void other_sizes_of_memory_are_refused(void **state)
{
    static const char *const sizes[] = {"",
                                        "0",
                                        "M",
                                        "G",
                                        "31M",
                                        "33554431",
                                        "33554433",
                                        "32769K",
                                        "65G",
                                        "64T",
                                        "64Gi",
                                        "64MB",
                                        "64 M",
                                        "64m",
                                        "0x40M",
                                        "-1G",
                                        "+64M",
                                        " 64M",
                                        "64M ",
                                        "6.5G",
                                        "1e9",
                                        "64M64M",
                                        "64G1",
                                        "68719480832",
                                        "18446744073709551615",
                                        "18446744073709551616",
                                        "17179869184G",
                                        "18014398509481984K",
                                        "99999999999999999999999G"};
    char said[160];
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        (void)snprintf(said, sizeof said,
                       "--mem is '%s'; it must be a size from 32M to 64G in whole pages", sizes[i]);
        REFUSED(said, "--kernel", "k", "--mem", sizes[i]);
    }
}

/* FILE[,ro]: any other end is part of the name. */
static void only_ro_at_the_end_makes_a_disk_read_only(void **state)
{
    static const struct {
        const char *text;
        const char *path;
        bool read_only;
    } disks[] = {{"d,ro", "d", true},       {"d,rw", "d,rw", false},   {"d,RO", "d,RO", false},
                 {"d,ro,", "d,ro,", false}, {"d,rox", "d,rox", false}, {"d,", "d,", false},
                 {"d,ro,ro", "d,ro", true}, {"a,b,ro", "a,b", true},   {"d ro", "d ro", false},
                 {"ro", "ro", false},       {"d,ro ", "d,ro ", false}};
    (void)state;
    for (size_t i = 0; i < sizeof disks / sizeof *disks; i++) {
        TAKEN("--kernel", "k", "--disk", disks[i].text);
        assert_int_equal(options.disk_count, 1);
        assert_string_equal(options.disk[0].path, disks[i].path);
        assert_int_equal(options.disk[0].read_only, disks[i].read_only);
    }
}

static void eight_disks_are_taken_in_their_order_and_a_ninth_is_refused(void **state)
{
    const char *words[WORDS_MAX] = {"--kernel", "k"};
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "the-ninth,ro"};
    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        words[2 + 2 * i] = "--disk";
        words[3 + 2 * i] = names[i];
    }
    assert_int_equal(parse(words), CLOISTER_BAD_ARGUMENT);
    assert_string_equal(why.text, "--disk the-ninth,ro is one too many; at most 8 are possible");
    words[18] = NULL;
    assert_int_equal(parse(words), CLOISTER_OK);
    assert_int_equal(options.disk_count, OPTIONS_DISKS_MAX);
    for (unsigned i = 0; i < OPTIONS_DISKS_MAX; i++)
        assert_string_equal(options.disk[i].path, names[i]);
}

/* Whatever is quoted, what would be right is still there, in one line. */
static void long_and_strange_values_leave_the_message_readable(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--kernel", "k", "--mem", long_word("64", "M")), CLOISTER_BAD_ARGUMENT);
    assert_non_null(strstr(why.text, "--mem is '64xxx"));
    assert_non_null(strstr(why.text, "it must be a size from 32M to 64G"));
    assert_int_equal(PARSE("--kernel", "k", long_word("--no", "")), CLOISTER_BAD_ARGUMENT);
    assert_non_null(strstr(why.text, "unknown option --noxxx"));
    assert_int_equal(PARSE("--kernel", "k", "a\033[2J\nb"), CLOISTER_BAD_ARGUMENT);
    assert_string_equal(why.text, "'a?[2J?b' is no option");
}

static void values_that_are_wrong_are_told_from_wrong_usage(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--kernel", "k", "--mem", "1"), CLOISTER_BAD_ARGUMENT);
    assert_true(options.bad_value);
    assert_int_equal(PARSE("--kernel", ""), CLOISTER_BAD_ARGUMENT);
    assert_true(options.bad_value);
    assert_int_equal(PARSE("--kernel", "k", "word"), CLOISTER_BAD_ARGUMENT);
    assert_false(options.bad_value);
    assert_int_equal(PARSE("--kernel", "k", "--no"), CLOISTER_BAD_ARGUMENT);
    assert_false(options.bad_value);
    assert_int_equal(PARSE("--mem", "64M"), CLOISTER_BAD_ARGUMENT);
    assert_false(options.bad_value);
}

static void long_values_are_taken_whole(void **state)
{
    (void)state;
    TAKEN("--kernel", "k", "--disk", long_word("d", ",ro"));
    assert_int_equal(strlen(options.disk[0].path), LONG);
    assert_true(options.disk[0].read_only);
    TAKEN("--kernel", long_word("k", ""));
    assert_int_equal(strlen(options.kernel), LONG);
    TAKEN("--kernel", "k", "--cmdline", long_word("c", "end"));
    assert_string_equal(options.command_line + LONG, "end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernel_alone_is_enough),
        cmocka_unit_test(every_option_is_taken),
        cmocka_unit_test(options_do_not_outlive_their_command_line),
        cmocka_unit_test(last_of_an_option_counts),
        cmocka_unit_test(help_needs_nothing_else_and_names_every_option),
        cmocka_unit_test(words_that_are_no_options_are_refused),
        cmocka_unit_test(option_without_its_value_is_refused),
        cmocka_unit_test(missing_kernel_is_refused),
        cmocka_unit_test(empty_file_names_are_refused),
        cmocka_unit_test(sizes_of_memory_are_taken_to_the_page),
        cmocka_unit_test(other_sizes_of_memory_are_refused),
        cmocka_unit_test(only_ro_at_the_end_makes_a_disk_read_only),
        cmocka_unit_test(eight_disks_are_taken_in_their_order_and_a_ninth_is_refused),
        cmocka_unit_test(long_and_strange_values_leave_the_message_readable),
        cmocka_unit_test(values_that_are_wrong_are_told_from_wrong_usage),
        cmocka_unit_test(long_values_are_taken_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

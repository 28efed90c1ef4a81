/*
 * Command line of the world host: what it refuses.
 */
#include "vmm/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#define WORDS_MAX 160

/* Parses the words behind the program's name. */
static cloister_status parse(const char *const *words, struct options *options, struct reason *why)
{
    static char *argv[WORDS_MAX];
    int argc = 0;
    argv[argc++] = (char *)"cloister-world";
    for (; *words; words++)
        argv[argc++] = (char *)(uintptr_t)*words;
    argv[argc] = NULL;
    return options_parse(argc, argv, options, why);
}

#define WORDS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static void assert_refused(const char *const *words, const char *because)
{
    struct options options;
    struct reason why = {""};
    assert_int_equal(parse(words, &options, &why), CLOISTER_BAD_ARGUMENT);
    if (!strstr(why.text, because))
        fail_msg("\"%s\" does not say \"%s\"", why.text, because);
}

static void guest_options_are_taken_and_checked(void **state)
{
    (void)state;
    struct options options;
    assert_int_equal(parse(WORDS("--name", "w", "--guest-socket", "g", "a.mod"), &options, NULL),
                     CLOISTER_OK);
    assert_string_equal(options.guest_socket, "g");
    assert_int_equal(options.guest_memory, 16 << 20);
    assert_int_equal(
        parse(WORDS("--name", "w", "--guest-socket", "g", "--guest-memory", "268435456", "a.mod"),
              &options, NULL),
        CLOISTER_OK);
    assert_int_equal(options.guest_memory, 256 << 20);
    assert_refused(WORDS("--name", "w", "--guest-memory", "16777216", "a.mod"),
                   "without --guest-socket");
    assert_refused(
        WORDS("--name", "w", "--guest-socket", "g", "--guest-memory", "12582912", "a.mod"),
        "must be a power of two");
    assert_refused(
        WORDS("--name", "w", "--guest-socket", "g", "--guest-memory", "4194304", "a.mod"),
        "8388608 to 268435456");
    assert_refused(WORDS("--exec", "p", "--guest-socket", "g", "--", "p"), "options of a world");
}

static void world_options_are_taken(void **state)
{
    (void)state;
    struct options options;
    assert_int_equal(
        parse(WORDS("--name", "w", "--debug", "--spin", "7", "--window", "1048576", "--ready-fd",
                    "9", "--module", "a.mod", "b.mod", "--no-guest-memfd"),
              &options, NULL),
        CLOISTER_OK);
    assert_int_equal(options.mode, OPTIONS_WORLD);
    assert_string_equal(options.name, "w");
    assert_true(options.debug && options.no_guest_memfd && !options.verbose);
    assert_int_equal(options.spin_us, 7);
    assert_int_equal(options.window, 1 << 20);
    assert_int_equal(options.ready_fd, 9);
    assert_int_equal(options.module_count, 2);
    assert_string_equal(options.module[1], "b.mod");
}

static void poll_modes_are_spin_times(void **state)
{
    (void)state;
    struct options options;
    assert_int_equal(
        parse(WORDS("--name", "w", "--module", "m", "--poll", "always"), &options, NULL),
        CLOISTER_OK);
    assert_int_equal(options.spin_us, OPTIONS_SPIN_ALWAYS);
    assert_int_equal(
        parse(WORDS("--name", "w", "--module", "m", "--poll", "never"), &options, NULL),
        CLOISTER_OK);
    assert_int_equal(options.spin_us, 0);
    assert_refused(WORDS("--name", "w", "--module", "m", "--poll", "often"), "adaptive, always");
}

static void program_arguments_are_passed_as_they_are(void **state)
{
    (void)state;
    struct options options;
    assert_int_equal(parse(WORDS("--exec", "/bin/x", "--mem", "8388608", "--", "x", "--name", "-v"),
                           &options, NULL),
                     CLOISTER_OK);
    assert_int_equal(options.mode, OPTIONS_EXEC);
    assert_int_equal(options.memory, 8 << 20);
    assert_string_equal(options.arguments[1], "--name");
    assert_string_equal(options.arguments[2], "-v");
    assert_null(options.arguments[3]);
}

static void world_without_name_or_module_is_refused(void **state)
{
    (void)state;
    assert_refused(WORDS("--module", "m"), "--name is missing");
    assert_refused(WORDS("--name", "w"), "--module is missing");
}

static void bad_world_names_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {
        "", ".hidden", "-x", "a/b", "a b", "..", "0123456789012345678901234567890123456789"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_refused(WORDS("--name", names[i], "--module", "m"), "world name");
}

static void bad_numbers_are_refused(void **state)
{
    (void)state;
    static const char *const numbers[] = {"",   "-1",   "+1",      " 1",
                                          "1x", "0x10", "1000001", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        assert_refused(WORDS("--name", "w", "--module", "m", "--spin", numbers[i]), "--spin is");
    assert_refused(WORDS("--name", "w", "--module", "m", "--window", "1048577"), "multiple");
    assert_refused(WORDS("--name", "w", "--module", "m", "--window", "4096"), "--window is");
    assert_refused(WORDS("--name", "w", "--module", "m", "--ready-fd", "2"), "--ready-fd is");
    assert_refused(WORDS("--exec", "p", "--mem", "0", "--", "p"), "--mem is");
}

static void options_of_another_mode_are_refused(void **state)
{
    (void)state;
    assert_refused(WORDS("--exec", "p", "--name", "w", "--", "p"), "options of a world");
    assert_refused(WORDS("--probe", "--module", "m"), "options of a world");
    assert_refused(WORDS("--name", "w", "--module", "m", "--mem", "1048576"), "--mem given");
    assert_refused(WORDS("--name", "w", "--module", "m", "--json"), "--json given");
    assert_refused(WORDS("--exec", "p"), "arguments of p are missing");
}

static void unknown_and_unfinished_options_are_refused(void **state)
{
    (void)state;
    assert_refused(WORDS("--nmae", "w"), "unknown option --nmae");
    assert_refused(WORDS("--name"), "needs a value");
    assert_refused(WORDS("-x"), "unknown option");
}

static void too_many_modules_are_refused(void **state)
{
    (void)state;
    const char *words[CLO_MODULES_MAX + 4] = {"--name", "w"};
    for (unsigned i = 0; i < CLO_MODULES_MAX + 1; i++)
        words[2 + i] = "m.mod";
    assert_refused(words, "more than 64 modules");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(world_options_are_taken),
        cmocka_unit_test(guest_options_are_taken_and_checked),
        cmocka_unit_test(poll_modes_are_spin_times),
        cmocka_unit_test(program_arguments_are_passed_as_they_are),
        cmocka_unit_test(world_without_name_or_module_is_refused),
        cmocka_unit_test(bad_world_names_are_refused),
        cmocka_unit_test(bad_numbers_are_refused),
        cmocka_unit_test(options_of_another_mode_are_refused),
        cmocka_unit_test(unknown_and_unfinished_options_are_refused),
        cmocka_unit_test(too_many_modules_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * `cloister interface` as its users meet it: what it makes, what it refuses, and that it makes all
 * or nothing. Uses the command in $CLOISTER_BUILD.
 */
#include "tests/e2e/command.h"
#include "tools/tool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD "syntax = \"proto3\"; package a; import \"nanopb.proto\";"
#define SERVICE "message M { uint32 n = 1; } service S { rpc Do(M) returns (M); }"

static char folder[64];
static char output[8192]; /* of the last command, both streams */

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/cloister-interface.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* Runs a shell line in the folder, `cloister` being the command; returns its exit status. */
static int run(const char *line)
{
    char build[PATH_MAX];
    char command[PATH_MAX + 1024];
    const char *given = getenv("CLOISTER_BUILD");
    if (access("/usr/bin/protoc", X_OK) != 0) {
        print_message("skipped: protoc is not installed\n");
        skip();
    }
    assert_non_null(realpath(given ? given : "build", build));
    (void)snprintf(command, sizeof command, "cd %s && PATH=\"%s:$PATH\" && (%s) 2>&1 </dev/null",
                   folder, build, line);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t size = fread(output, 1, sizeof output - 1, pipe);
    output[size] = '\0';
    int status = pclose(pipe);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void assert_run(int expected, const char *line, const char *word)
{
    int status = run(line);
    if (status != expected || !strstr(output, word))
        fail_msg("%s: exit status %d, not %d, or no \"%s\": %s", line, status, expected, word,
                 output);
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* One line, the right status, nothing made. */
static void assert_refused(const char *text, const char *word)
{
    write_file("a.proto", text);
    assert_run(TOOL_BAD_INPUT, "cloister interface a.proto -o made", word);
    char *end = strchr(output, '\n');
    assert_non_null(end);
    assert_string_equal(end, "\n");
    assert_run(0, "ls -A", "a.proto\n");
    assert_string_equal(output, "a.proto\n");
}

static void six_files_are_made(void **state)
{
    (void)state;
    write_file("a.proto", HEAD SERVICE);
    assert_run(TOOL_OK, "cloister interface a.proto -o made && ls -A made", "a.pb.c");
    assert_string_equal(output, "a.pb.c\na.pb.h\na_client.c\na_client.h\na_module.c\na_module.h\n");
    assert_run(0, "cat made/a_module.h",
               "CLOISTER_METHOD(\"do\", CLOISTER_IN(0, a_M_size), CLOISTER_OUT(a_M_size))");
    assert_run(0, "cat made/a_client.h", "cloister_result a_do(cloister_session *session");
}

static void field_without_a_maximum_is_refused(void **state)
{
    (void)state;
    assert_refused(
        HEAD SERVICE "message N { string s = 1; }",
        "a.proto: field a_N.s has no maximum; give it one with [(nanopb).max_length = N]");
    assert_refused(HEAD SERVICE "message N { bytes b = 1; }", "a_N.b has no maximum");
    assert_refused(HEAD SERVICE "message N { repeated uint32 r = 1; }",
                   "a_N.r has no maximum; give it one with [(nanopb).max_count = N]");
    assert_refused(HEAD SERVICE "message N { oneof o { uint32 n = 1; string s = 2; } }",
                   "a_N.s has no maximum");
    assert_refused(HEAD SERVICE "message N { repeated string s = 1 [(nanopb).max_count = 4]; }",
                   "max_length");
    assert_refused(HEAD SERVICE "message N { map<uint32, uint32> m = 1; }", "a_N.m has no maximum");
}

static void pointers_and_callbacks_are_refused(void **state)
{
    (void)state;
    assert_refused(HEAD SERVICE "message N { string s = 1 [(nanopb).type = FT_POINTER]; }",
                   "pointer or callback");
    assert_refused(HEAD SERVICE "message N { uint32 n = 1 [(nanopb).type = FT_CALLBACK]; }",
                   "a_N.n");
    assert_refused(HEAD SERVICE
                   "message N { oneof o { option (nanopb_oneof).submsg_callback = true; "
                   "M m = 1 [(nanopb).submsg_callback = true]; } }",
                   "a.proto");
}

static void message_that_contains_itself_is_refused(void **state)
{
    (void)state;
    assert_refused(HEAD SERVICE "message N { N n = 1; }", "a_N contains itself");
    assert_refused(HEAD SERVICE "message N { O o = 1; } message O { N n = 1; }", "contains itself");
}

static void message_beyond_64_kib_is_refused(void **state)
{
    (void)state;
    assert_refused(HEAD SERVICE "message N { bytes b = 1 [(nanopb).max_size = 65535]; }",
                   "at most 65535");
    assert_refused(HEAD SERVICE "message N { repeated O o = 1 [(nanopb).max_count = 100]; }"
                                "message O { bytes b = 1 [(nanopb).max_size = 1000]; }",
                   "at most 65535");
}

static void rules_of_the_file_are_kept(void **state)
{
    (void)state;
    assert_refused("syntax = \"proto2\"; package a; message M {} service S {}", "proto3");
    assert_refused("", "a.proto: it must say syntax = \"proto3\"");
    assert_refused("syntax = \"proto3\"; package b;" SERVICE, "package is 'b'; it must be 'a'");
    assert_refused("syntax = \"proto3\";" SERVICE, "package is ''; it must be 'a'");
    assert_refused(HEAD "message M {}", "0 services");
    assert_refused(HEAD SERVICE "service T { rpc Go(M) returns (M); }", "2 services");
    assert_refused(HEAD "message M {} service S {}", "0 methods");
    assert_refused(HEAD "message M {} service S { rpc Do(stream M) returns (M); }", "streams");
    assert_refused(HEAD "message M {} service S { rpc Do(M) returns (stream M); }", "streams");
    assert_refused(HEAD "message M {} service S { rpc DoIt(M) returns (M);"
                        "rpc do_it(M) returns (M); }",
                   "two methods are named 'do_it'");
    assert_refused(HEAD "message M {} service S { rpc Do2345678901234567890123456789012345(M) "
                        "returns (M); }",
                   "at most 31");
    assert_refused(HEAD SERVICE "message N { uint32 class = 1; }", "'class' is a word of C or C++");
    assert_refused(HEAD "message do {} service S { rpc Do(do) returns (do); }",
                   "'a_do' is both a method and a type");
    assert_refused(HEAD "import \"google/protobuf/empty.proto\";" SERVICE, "empty.proto");
}

static void too_many_methods_are_refused(void **state)
{
    (void)state;
    char text[4096];
    size_t length = (size_t)snprintf(text, sizeof text, "%s", HEAD "message M {} service S {");
    for (unsigned i = 0; i < 33; i++)
        length +=
            (size_t)snprintf(text + length, sizeof text - length, "rpc Do%u(M) returns (M);", i);
    (void)snprintf(text + length, sizeof text - length, "}");
    assert_refused(text, "33 methods; 1 to 32 are allowed");
}

static void mistake_is_told_with_its_place(void **state)
{
    (void)state;
    assert_refused(HEAD "\nmessage M { nonsense }", "a.proto:2:");
    assert_refused(HEAD "message M {} service S { rpc Do(Other) returns (M); }", "\"Other\"");
    assert_refused("", "a.proto");
}

static void bounds_may_stand_in_an_options_file(void **state)
{
    (void)state;
    assert_run(0, "mkdir below", "");
    write_file("below/a.proto", HEAD SERVICE "message N { string s = 1; }");
    write_file("below/a.options", "a.N.s max_length:20\n");
    assert_run(TOOL_OK, "cloister interface below/a.proto -o made && cat made/a.pb.h",
               "char s[21]");
    write_file("a.options", "a.N.s max_length:30\n"); /* of another a.proto */
    assert_run(TOOL_OK, "cloister interface below/a.proto -o made && cat made/a.pb.h",
               "char s[21]");
    write_file("below/a.options", "a.N.s max_length:20\na.N.typo max_length:20\n");
    assert_run(TOOL_BAD_INPUT, "cloister interface below/a.proto -o made", "typo");
}

static void own_files_are_replaced_and_others_are_not(void **state)
{
    (void)state;
    write_file("a.proto", HEAD SERVICE);
    assert_run(TOOL_OK, "cloister interface a.proto -o made && cloister interface a.proto -o made",
               "");
    write_file("a.proto", HEAD SERVICE "message Later {}");
    write_file("made/a_module.c", "/* by hand */\n");
    assert_run(TOOL_BAD_INPUT, "cloister interface a.proto -o made",
               "made/a_module.c exists and was not made by this command");
    assert_run(1, "grep -l Later made/*", "");
    assert_run(0, "cat made/a_module.c; ls -A made | wc -l", "/* by hand */\n6\n");
    assert_run(0, "cd made && rm a_module.c && ln -s a_client.c a_module.c", "");
    assert_run(TOOL_BAD_INPUT, "cloister interface a.proto -o made", "a_module.c exists");
    assert_run(0, "cd made && rm a_module.c && mkdir a_module.c", "");
    assert_run(TOOL_BAD_INPUT, "cloister interface a.proto -o made", "a_module.c exists");
    assert_run(0, "ls -A made | wc -l", "6\n");
}

static void wrong_usage_is_told_in_one_line(void **state)
{
    (void)state;
    write_file("a.proto", HEAD SERVICE);
    write_file("Upper.proto", HEAD SERVICE);
    write_file("file", "");
    assert_run(TOOL_USAGE, "cloister interface", "one interface file is needed");
    assert_run(TOOL_USAGE, "cloister interface a.proto", "-o FOLDER is missing");
    assert_run(TOOL_USAGE, "cloister interface a.proto a.proto -o made", "one interface file");
    assert_run(TOOL_NOT_FOUND, "cloister interface none.proto -o made", "none.proto");
    assert_run(TOOL_BAD_INPUT, "cloister interface file -o made", "ends in .proto");
    assert_run(TOOL_BAD_INPUT, "cloister interface Upper.proto -o made", "lower-case");
    assert_run(TOOL_NOT_FOUND, "cloister interface a.proto -o none/made", "none/made");
    assert_run(TOOL_BAD_INPUT, "cloister interface a.proto -o file", "file");
    assert_run(TOOL_BAD_INPUT, "cloister interface a.proto -o ''", "must name a folder");
    assert_run(TOOL_BAD_INPUT, "cloister interface . -o made", ". is not a regular file");
    assert_run(TOOL_OK, "cloister interface --help", "Usage: cloister interface");
}

/* A folder whose name looks like protoc's own syntax. */
static void strange_folder_names_are_taken(void **state)
{
    (void)state;
    write_file("a.proto", HEAD SERVICE);
    assert_run(TOOL_OK, "cloister interface a.proto -o 'x:y, z=1' && ls 'x:y, z=1'", "a_module.h");
}

/* protoc waits for somebody to write the interface. */
static void making_that_is_interrupted_leaves_nothing(void **state)
{
    (void)state;
    char source[96];
    char made[96];
    char log[96];
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    assert_run(0, "mkfifo a.proto", "");
    (void)snprintf(source, sizeof source, "%s/a.proto", folder);
    (void)snprintf(made, sizeof made, "%s/made", folder);
    (void)snprintf(log, sizeof log, "%s/log", folder);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        pid_t command =
            command_start(log, (const char *const[]){"interface", source, "-o", made, NULL});
        for (int wait = 0; wait < 1000 && access(made, F_OK) != 0; wait++)
            (void)usleep(10000);
        (void)usleep(100000); /* into protoc; it must end the same way wherever it is */
        assert_int_equal(kill(command, numbers[i]), 0);
        assert_int_equal(command_wait(command), 128 + numbers[i]);
        assert_run(0, "rm -f log && ls -A", "");
        assert_string_equal(output, "a.proto\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(six_files_are_made, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(field_without_a_maximum_is_refused, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(pointers_and_callbacks_are_refused, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(message_that_contains_itself_is_refused, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(message_beyond_64_kib_is_refused, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(rules_of_the_file_are_kept, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(too_many_methods_are_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(mistake_is_told_with_its_place, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(bounds_may_stand_in_an_options_file, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(own_files_are_replaced_and_others_are_not, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(wrong_usage_is_told_in_one_line, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(strange_folder_names_are_taken, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(making_that_is_interrupted_leaves_nothing, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

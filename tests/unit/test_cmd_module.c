/*
 * `cloister module` as its users meet it: keys, signing, inspecting, and what is refused. Uses the
 * command in $CLOISTER_BUILD; skips without.
 */
#include "base/file.h"
#include "tests/e2e/command.h"
#include "tests/unit/elf_sample.h"
#include "tools/tool.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct elf_sample sample;
static char folder[64];
static char output[16384]; /* of the last command, both streams */

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/cloister-cmd.XXXXXX");
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
    char command[1024];
    (void)snprintf(command, sizeof command,
                   "cd %s && PATH=\"$CLOISTER_BUILD:$PATH\" && (%s) 2>&1 </dev/null", folder, line);
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

static void save(const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(file_write(path, &sample, sizeof sample, 0644, NULL), CLOISTER_OK);
}

/* x.mod: an unsigned sample; a.pem: a key. */
static int prepare(void **state)
{
    (void)state;
    sample_make(&sample);
    sample.section[SAMPLE_SIGNATURE] = (Elf64_Shdr){0};
    save("x.mod");
    return run("rm -f a.pem && cloister module keygen -o a.pem");
}

static void keygen_makes_a_key_that_only_its_owner_reads(void **state)
{
    (void)state;
    char path[128];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/a.pem", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(strlen(output), 2 * CLO_AUTHOR_SIZE + 1);
    char author[sizeof output];
    memcpy(author, output, sizeof author);
    assert_run(TOOL_OK, "cloister module key a.pem", author);
}

static void keygen_never_overwrites(void **state)
{
    (void)state;
    assert_run(TOOL_BAD_INPUT, "cp a.pem copy && cloister module keygen -o a.pem",
               "never overwritten");
    assert_run(TOOL_OK, "cmp a.pem copy", "");
    assert_run(TOOL_BAD_INPUT, "ln -sf nowhere link && cloister module keygen -o link", "never");
}

static void keygen_writes_no_key_to_standard_output(void **state)
{
    (void)state;
    assert_run(TOOL_USAGE, "cloister module keygen -o -", "standard output");
    assert_int_equal(run("test -e -"), 1);
}

static void signed_module_names_its_author(void **state)
{
    (void)state;
    char author[sizeof output];
    memcpy(author, output, sizeof author);
    author[2 * CLO_AUTHOR_SIZE] = '\0';
    assert_run(TOOL_OK, "cloister module inspect x.mod", "signature    none");
    assert_run(TOOL_OK, "cloister module sign x.mod --key a.pem", "");
    assert_run(TOOL_OK, "cloister module inspect x.mod --json", author);
    assert_run(TOOL_OK, "cloister module inspect x.mod", "signature    valid");
}

static void signing_leaves_the_measurement(void **state)
{
    (void)state;
    assert_run(TOOL_OK, "cloister module measure x.mod >before", "");
    assert_run(TOOL_OK, "cloister module sign x.mod --key a.pem", "");
    assert_run(TOOL_OK, "cloister module measure x.mod | cmp - before", "");
}

static void one_byte_changed_makes_the_signature_invalid(void **state)
{
    (void)state;
    assert_run(TOOL_OK, "cloister module sign x.mod --key a.pem", "");
    assert_run(TOOL_OK, "printf X | dd of=x.mod bs=1 seek=4100 conv=notrunc status=none", "");
    assert_run(TOOL_REFUSED, "cloister module inspect x.mod", "another measurement or manifest");
}

/* A manifest that claims a higher SVN than its author signed. */
static void higher_svn_than_signed_makes_the_signature_invalid(void **state)
{
    (void)state;
    char line[256];
    (void)snprintf(line, sizeof line,
                   "cloister module sign x.mod --key a.pem && printf X | "
                   "dd of=x.mod bs=1 seek=%zu conv=notrunc status=none",
                   offsetof(struct elf_sample, note.manifest.svn));
    assert_run(TOOL_OK, line, "");
    assert_run(TOOL_REFUSED, "cloister module inspect x.mod", "another measurement or manifest");
}

static void signing_by_another_author_replaces_the_first(void **state)
{
    (void)state;
    assert_run(TOOL_OK, "cloister module sign x.mod --key a.pem", "");
    assert_run(TOOL_OK, "rm -f b.pem && cloister module keygen -o b.pem", "01");
    char author[2 * CLO_AUTHOR_SIZE + 1];
    memcpy(author, output, sizeof author - 1);
    author[sizeof author - 1] = '\0';
    assert_run(TOOL_OK, "cloister module sign x.mod -k b.pem && cloister module inspect x.mod",
               author);
}

static void signature_can_go_to_another_file(void **state)
{
    (void)state;
    assert_run(TOOL_OK,
               "cp x.mod copy && cloister module sign x.mod -k a.pem -o y.mod && cmp x.mod copy",
               "");
    assert_run(TOOL_OK, "cloister module inspect y.mod", "valid");
}

static void write_key(const char *name, const char *group, const EVP_CIPHER *cipher)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    EVP_PKEY *key = EVP_EC_gen(group);
    FILE *file = fopen(path, "w");
    assert_true(key && file);
    unsigned char password[] = "secret";
    assert_int_equal(PEM_write_PrivateKey(file, key, cipher, cipher ? password : NULL,
                                          cipher ? 6 : 0, NULL, NULL),
                     1);
    (void)fclose(file);
    EVP_PKEY_free(key);
}

static void unsuitable_keys_are_refused(void **state)
{
    (void)state;
    write_key("p384.pem", "P-384", NULL);
    write_key("encrypted.pem", "P-256", EVP_aes_256_cbc());
    assert_run(TOOL_BAD_INPUT, "cp x.mod copy && cloister module sign x.mod --key p384.pem",
               "P-256");
    assert_run(TOOL_BAD_INPUT, "cloister module sign x.mod --key encrypted.pem", "not encrypted");
    assert_run(TOOL_BAD_INPUT, "cloister module sign x.mod --key x.mod", "is no key");
    assert_run(TOOL_NOT_FOUND, "cloister module sign x.mod --key none.pem", "none.pem");
    assert_run(TOOL_OK, "cmp x.mod copy", "");
}

static void failed_signing_leaves_the_module_and_nothing_else(void **state)
{
    (void)state;
    assert_run(TOOL_OK, "ls >before", "");
    assert_run(TOOL_NOT_FOUND, "cloister module sign x.mod -k a.pem -o nowhere/y.mod", "nowhere");
    assert_run(TOOL_OK, "ls | cmp - before", "");
}

static void bad_modules_are_refused_by_name(void **state)
{
    (void)state;
    sample.phdr[SAMPLE_TEXT].p_flags |= PF_W;
    save("bad.mod");
    assert_run(TOOL_BAD_INPUT, "cloister module sign bad.mod -k a.pem", "bad.mod: segment 1");
    assert_run(TOOL_BAD_INPUT, "cloister module inspect bad.mod", "bad.mod: segment 1");
    assert_run(TOOL_BAD_INPUT, "cloister module measure bad.mod", "bad.mod: segment 1");
    assert_run(TOOL_BAD_INPUT, "cloister module measure .", "not a regular file");
    assert_run(TOOL_NOT_FOUND, "cloister module measure none.mod", "none.mod");
    assert_run(TOOL_BAD_INPUT, "cloister module measure ''", "the name of a file is empty");
}

static void wrong_usage_is_told(void **state)
{
    (void)state;
    assert_run(TOOL_USAGE, "cloister module sign x.mod", "--key");
    assert_run(TOOL_USAGE, "cloister module sign x.mod --key", "--key");
    assert_run(TOOL_USAGE, "cloister module inspect", "one module");
    assert_run(TOOL_USAGE, "cloister module inspect x.mod y.mod", "one module");
    assert_run(TOOL_USAGE, "cloister module measure --frob x.mod", "--frob");
    assert_run(TOOL_USAGE, "cloister module keygen", "-o");
    assert_run(TOOL_USAGE, "cloister module diff x.mod", "two modules");
    assert_run(TOOL_OK, "cloister module sign --help", "Usage");
}

/* 2 is for the form of a command line, 7 for what stands in it; both are one line. */
static void values_that_are_not_acceptable_are_told_from_wrong_usage(void **state)
{
    static const char *const lines[] = {
        "cloister module new a/b",
        "cloister report get w/m --nonce 00 -o r",
        "cloister guest run --kernel k --mem 1",
        "cloister metrics --listen nowhere",
        "cloister metrics --listen 65536",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_run(TOOL_BAD_INPUT, lines[i], "must be");
        assert_ptr_equal(strchr(output, '\n'), output + strlen(output) - 1);
    }
    /* There other statuses are verdicts. */
    assert_run(TOOL_USAGE, "cloister report verify r --nonce zz --ca c", "must be");
}

/* Building */

#define HANDLER_THAT(returns)                                                                      \
    "#include <cloister/module.h>\n"                                                               \
    "#include <dlfcn.h>\n"                                                                         \
    "int missing_function(void);\n"                                                                \
    "static cloister_status f(cloister_call *call) { (void)call; return " returns "; }\n"          \
    "CLOISTER_MODULE(.name = \"m\", .version = \"1.0.0\", .svn = 1, .heap_size = 1 << 20,\n"       \
    "    .stack_size = 64 << 10, .method_count = 1, .method = {CLOISTER_METHOD(\"f\")});\n"        \
    "CLOISTER_HANDLERS(f);\n"

static void save_source(const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/m.c", folder);
    assert_int_equal(file_write(path, text, strlen(text), 0644, NULL), CLOISTER_OK);
}

/* The nested machine has none. */
static void need_compiler(void)
{
    if (run("command -v \"${CC:-gcc}\"") == 0)
        return;
    print_message("skipped: there is no compiler\n");
    skip();
}

static void module_that_lacks_a_function_is_not_built(void **state)
{
    (void)state;
    need_compiler();
    save_source(HANDLER_THAT("missing_function()"));
    assert_run(TOOL_BAD_INPUT, "cloister module build m.c -o m.mod", "missing_function");
    assert_run(TOOL_BAD_INPUT, "cloister module build --no-libc m.c -o m.mod", "missing_function");
    assert_int_equal(run("ls m.mod*"), 2);
}

static void source_that_declares_no_module_is_told_of(void **state)
{
    (void)state;
    need_compiler();
    save_source("int f(void) { return 0; }\n");
    assert_run(TOOL_BAD_INPUT, "cloister module build m.c -o m.mod",
               "; none of them has CLOISTER_MODULE(...)");
    assert_run(TOOL_BAD_INPUT, "cloister module build --no-libc m.c -o m.mod",
               "; none of them has CLOISTER_MODULE(...)");
    assert_run(TOOL_BAD_INPUT, "cloister module build . -o m.mod", ". is not a regular file");
}

static void remarks_on_a_static_libc_are_not_shown(void **state)
{
    (void)state;
    need_compiler();
    save_source(HANDLER_THAT("dlopen(\"x\", 0) != NULL"));
    assert_run(TOOL_OK, "cloister module build m.c -o m.mod", "m.mod: m 1.0.0");
    assert_string_equal(strchr(output, '\n'), "\n");
}

static void source_does_not_become_its_own_module(void **state)
{
    (void)state;
    save_source(HANDLER_THAT("CLOISTER_OK"));
    assert_run(TOOL_OK, "cp m.c copy.c && ln -f m.c other.c", "");
    assert_run(TOOL_BAD_INPUT, "cloister module build m.c -o m.c", "m.c is a source");
    assert_run(TOOL_BAD_INPUT, "cloister module build m.c -o ./m.c", "is a source");
    assert_run(TOOL_BAD_INPUT, "cloister module build m.c -o other.c", "other.c is a source");
    assert_run(TOOL_OK, "cmp m.c copy.c", "");
}

static bool is_there(const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

/* Of the command alone (kill), or of all that the terminal knows (Ctrl-C). */
static void interrupt_build(int number, bool whole_group)
{
    char log[128];
    assert_run(0, "rm -f busy && ls >before", "");
    (void)snprintf(log, sizeof log, "%s/log", folder);
    pid_t build =
        command_start(log, (const char *const[]){"module", "build", "m.c", "-o", "m.mod", NULL});
    for (int i = 0; i < 1000 && !is_there("busy"); i++)
        (void)usleep(10000);
    assert_true(is_there("busy"));
    assert_int_equal(kill(whole_group ? -build : build, number), 0);
    assert_int_equal(command_wait(build), 128 + number);
    /* What its child was is gone, or waits for init to notice. */
    assert_run(0, "! grep -q 'State:.[^ZX]' /proc/$(cat busy)/status 2>/dev/null", "");
    assert_run(0, "rm -f busy log && ls | cmp - before", "");
}

static void build_that_is_interrupted_leaves_nothing(void **state)
{
    (void)state;
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    char here[PATH_MAX];
    save_source(HANDLER_THAT("CLOISTER_OK"));
    assert_run(
        0,
        "printf '#!/bin/sh\\nsh -c \"echo \\$\\$ >busy_; mv busy_ busy; exec sleep 1000\"\\n' "
        ">slow && chmod +x slow",
        "");
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(setenv("CC", "./slow", 1), 0);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        interrupt_build(numbers[i], false);
        interrupt_build(numbers[i], true);
    }
    assert_int_equal(unsetenv("CC"), 0);
    assert_int_equal(chdir(here), 0);
}

/* What each command says to an output: one line, the right status, before any work. */
static void expect_bad_output(const char *command, const char *output_file, int status)
{
    char line[256];
    (void)snprintf(line, sizeof line, "%s -o %s", command, output_file);
    assert_run(status, line, output_file);
    assert_ptr_equal(strchr(output, '\n'), output + strlen(output) - 1);
}

static void outputs_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "cloister module build m.c",
        "cloister module sign x.mod -k a.pem",
        "cloister report get nobody/m --nonce 000102030405060708090a0b0c0d0e0f",
    };
    save_source(HANDLER_THAT("CLOISTER_OK"));
    assert_run(0, "mkdir -p old.d && rm -f out && ls -R >before", "");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        expect_bad_output(commands[i], "/", TOOL_BAD_INPUT);
        expect_bad_output(commands[i], "old.d", TOOL_BAD_INPUT);
        expect_bad_output(commands[i], "a.pem/x", TOOL_BAD_INPUT);
        expect_bad_output(commands[i], "nowhere/x", TOOL_NOT_FOUND);
        assert_run(0, "ls -R | cmp - before", "");
    }
    expect_bad_output("cloister module keygen", "old.d", TOOL_BAD_INPUT);
    expect_bad_output("cloister module keygen", "a.pem/x", TOOL_BAD_INPUT);
    expect_bad_output("cloister module keygen", "nowhere/x", TOOL_NOT_FOUND);
    expect_bad_output("cloister module sign x.mod -k a.pem", "/dev/full", TOOL_IO);
    expect_bad_output("cloister module build m.c", "-", TOOL_BAD_INPUT);
    assert_run(0, "mkfifo fifo && ls -R >before", "");
    expect_bad_output("cloister module build m.c", "fifo", TOOL_BAD_INPUT);
    assert_run(0, "test -p fifo && ls -R | cmp - before", "");
}

static void diff_names_what_differs(void **state)
{
    (void)state;
    assert_run(TOOL_OK,
               "cloister module sign x.mod -k a.pem -o y.mod && cloister module diff x.mod y.mod",
               "");
    sample.note.manifest.svn = 9;
    sample.text[18] ^= 1;
    save("y.mod");
    assert_run(TOOL_FAILED, "cloister module diff x.mod y.mod", "manifest svn: 0x7 / 0x9");
    assert_non_null(strstr(output, "resolver+0x2"));
    assert_run(TOOL_FAILED, "cloister module diff x.mod y.mod >/dev/full",
               "cannot write standard output");
}

#define TEST(name) cmocka_unit_test_setup(name, prepare)

int main(void)
{
    if (!getenv("CLOISTER_BUILD")) {
        print_message("skipped: CLOISTER_BUILD does not name the folder of the command\n");
        return 0;
    }
    static const struct CMUnitTest tests[] = {
        TEST(keygen_makes_a_key_that_only_its_owner_reads),
        TEST(keygen_never_overwrites),
        TEST(keygen_writes_no_key_to_standard_output),
        TEST(signed_module_names_its_author),
        TEST(signing_leaves_the_measurement),
        TEST(one_byte_changed_makes_the_signature_invalid),
        TEST(higher_svn_than_signed_makes_the_signature_invalid),
        TEST(signing_by_another_author_replaces_the_first),
        TEST(signature_can_go_to_another_file),
        TEST(unsuitable_keys_are_refused),
        TEST(failed_signing_leaves_the_module_and_nothing_else),
        TEST(bad_modules_are_refused_by_name),
        TEST(wrong_usage_is_told),
        TEST(values_that_are_not_acceptable_are_told_from_wrong_usage),
        TEST(module_that_lacks_a_function_is_not_built),
        TEST(source_that_declares_no_module_is_told_of),
        TEST(remarks_on_a_static_libc_are_not_shown),
        TEST(source_does_not_become_its_own_module),
        TEST(build_that_is_interrupted_leaves_nothing),
        TEST(outputs_that_cannot_be_are_refused),
        TEST(diff_names_what_differs),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/*
 * Lines of the log: one each, whatever is in it, and the text of a module on its way there.
 */
#include "base/log.h"

#include "base/utf8.h"
#include "vmm/hypercall.h"
#include "vmm/world.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static int kept = -1; /* standard error of the test itself */
static char line[4096];

static void start_to_listen(void)
{
    int memory = memfd_create("log", MFD_CLOEXEC);
    assert_true(memory >= 0);
    kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    assert_true(kept >= 0 && dup2(memory, STDERR_FILENO) == STDERR_FILENO);
    (void)close(memory);
}

/* What was logged since then: one line of plain text, in `line` without its end. */
static void expect_line(void)
{
    ssize_t size = pread(STDERR_FILENO, line, sizeof line, 0);
    assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    (void)close(kept);
    assert_in_range(size, 1, sizeof line - 1);
    assert_int_equal(line[size - 1], '\n');
    line[size - 1] = '\0';
    assert_int_equal(strlen(line), size - 1);
    assert_true(utf8_is_plain((const uint8_t *)line, strlen(line)));
}

static void line_is_of_plain_text(void **state)
{
    (void)state;
    start_to_listen();
    log_warning("Ω %s %s %s", "\033[2J\nforged",
                "\xc2\x9b"
                "2J\x9b",
                "\u202egol\u2066\u2028\u200b");
    expect_line();
    assert_string_equal(line, "cloister: warning: Ω ?[2J?forged ??2J? ???gol?????????");
}

static void long_line_is_cut_between_characters(void **state)
{
    (void)state;
    char text[4000];
    for (size_t i = 0; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "\u2026", 4);
    for (unsigned more = 0; more < 3; more++) { /* the cut is at another place of a character */
        start_to_listen();
        log_warning("%.*s%s", (int)more, "xx", text);
        expect_line();
        assert_in_range(strlen(line), 1000, 1600);
    }
}

/* As much of a world as a module needs that logs a line. */
static void say(const char *text)
{
    static struct world world;
    static struct module_thread thread;
    static struct clo_mailbox mailbox;
    static struct module module;
    module.world = &world;
    module.thread = &thread;
    module.thread_count = 1;
    module.allowed = hypercall_allowed(UINT64_MAX, false);
    module.placement.mailbox[0] = &mailbox;
    module.file.record.manifest.log_class = CLO_LOG_CLASS_PUBLIC;
    module.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    module.logs = rate_of(2, world_now());
    thread.module = &module;
    mailbox.argument[0] = CLO_LOG_ERROR;
    mailbox.argument[1] = strlen(text);
    memcpy(mailbox.payload, text, strlen(text));
    hypercall_serve(&thread, CLO_HC_LOG);
    assert_int_equal(mailbox.status, CLOISTER_OK);
}

static void line_of_a_hostile_module_is_harmless(void **state)
{
    (void)state;
    start_to_listen();
    say("\033]0;x\a\nforged: line \xc2\x9b"
        "2J\x9b \u202egol\u202c \u2028\u200b");
    expect_line();
    assert_non_null(strstr(line,
                           "\\x1b]0;x\\x07\\x0aforged: line \\xc2\\x9b2J\\x9b "
                           "\\xe2\\x80\\xaegol\\xe2\\x80\\xac \\xe2\\x80\\xa8\\xe2\\x80\\x8b"));
    for (const char *c = line; *c; c++)
        assert_in_range(*c, ' ', '~');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_is_of_plain_text),
        cmocka_unit_test(long_line_is_cut_between_characters),
        cmocka_unit_test(line_of_a_hostile_module_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Many worlds at once, and many modules in one. Prints what they take; how fast they start is the
 * benchmark's to judge. CLOISTER_SCALE=300 in the environment makes it as many.
 */
#include "tests/e2e/command.h"
#include "tests/e2e/started_world.h"

#include "cloister/client.h"
#include "tools/show/process_memory.h"
#include "tools/tool.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WORLDS 20
#define WORLDS_MOST 1000
#define TEXT "from far away"

static char folder[64];
static char runtime[100];
static char echo_module[512];
static unsigned wanted = WORLDS;
static unsigned alive;
static struct command ran;
static uint64_t start_ns[WORLDS_MOST];

static int set_up_all(void **state)
{
    (void)state;
    char text[200];
    const char *scale = getenv("CLOISTER_SCALE");
    if (scale && atoi(scale) > 0 && atoi(scale) <= WORLDS_MOST)
        wanted = (unsigned)atoi(scale);
    (void)snprintf(folder, sizeof folder, "/tmp/test_scale.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    started_path("modules/echo.mod", echo_module, sizeof echo_module);
    (void)snprintf(text, sizeof text, "%s/state", folder);
    (void)setenv("CLOISTER_STATE", text, 1);
    (void)snprintf(runtime, sizeof runtime, "%s/run", folder);
    (void)setenv("CLOISTER_RUNTIME", runtime, 1);
    RUN(&ran, "key", "init");
    return ran.status;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static void name_of(unsigned number, char name[CLO_NAME_SIZE])
{
    (void)snprintf(name, CLO_NAME_SIZE, "w%u", number);
}

/* Whatever a failed test left. */
static int tear_down_all(void **state)
{
    (void)state;
    for (char name[CLO_NAME_SIZE]; alive > 0;) {
        name_of(--alive, name);
        RUN(&ran, "world", "stop", name);
    }
    RUN(&ran, "world", "stop", "many");
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void expect(int status)
{
    if (ran.status != status)
        print_error("%s", ran.err);
    assert_int_equal(ran.status, status);
}

static uint64_t clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void start_worlds(void)
{
    for (char name[CLO_NAME_SIZE]; alive < wanted; alive++) {
        name_of(alive, name);
        uint64_t begun = clock_ns();
        RUN(&ran, "world", "run", name, "--debug", "--detach", "--module", echo_module);
        start_ns[alive] = clock_ns() - begun;
        expect(TOOL_OK);
    }
}

static void call_module(cloister_world *world, const char *module)
{
    cloister_session *session;
    char back[sizeof TEXT] = "";
    assert_int_equal(cloister_session_open(world, module, 0, &session), CLOISTER_OK);
    cloister_parameter p[4] = {cloister_in(TEXT, sizeof TEXT), cloister_out(back, sizeof back)};
    cloister_result result = cloister_call(session, "echo", p, 0);
    assert_int_equal(result.status, CLOISTER_OK);
    assert_memory_equal(back, TEXT, sizeof TEXT);
    cloister_session_close(session);
}

static struct clo_world_info info_of(const char *name)
{
    cloister_world *world;
    struct clo_world_info info;
    assert_int_equal(cloister_world_open(name, &world), CLOISTER_OK);
    assert_int_equal(cloister_world_info(world, &info), CLOISTER_OK);
    cloister_world_close(world);
    return info;
}

static void call_worlds(void)
{
    for (unsigned i = 0; i < alive; i++) {
        char name[CLO_NAME_SIZE];
        cloister_world *world;
        name_of(i, name);
        assert_int_equal(cloister_world_open(name, &world), CLOISTER_OK);
        call_module(world, "echo");
        cloister_world_close(world);
    }
}

/* Ticks of processor time that a process has used. */
static unsigned long long ticks_of(uint32_t pid)
{
    char path[64];
    unsigned long long user = 0;
    unsigned long long kernel = 0;
    (void)snprintf(path, sizeof path, "/proc/%" PRIu32 "/stat", pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file,
                            "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
                            &user, &kernel),
                     2);
    (void)fclose(file);
    return user + kernel;
}

struct totals {
    uint64_t host;
    uint64_t keeper;
    uint64_t exits;
    unsigned long long ticks;
};

static struct totals add_up(void)
{
    struct totals totals = {0};
    for (unsigned i = 0; i < alive; i++) {
        char name[CLO_NAME_SIZE];
        name_of(i, name);
        struct clo_world_info info = info_of(name);
        struct process_memory host = process_memory_read(info.pid);
        struct process_memory keeper = process_memory_read(info.keeper);
        assert_true(host.rss > 0 && keeper.rss > 0);
        totals.host += host.pss_is_known ? host.pss : host.rss;
        totals.keeper += keeper.pss_is_known ? keeper.pss : keeper.rss;
        totals.exits += info.exits;
        totals.ticks += ticks_of(info.pid) + ticks_of(info.keeper);
    }
    return totals;
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* Medians: single starts vary with whatever else the machine does. */
static void print_start_times(void)
{
    unsigned part = alive < 20 ? alive : 20;
    qsort(start_ns, part, sizeof *start_ns, compare);
    uint64_t *last = start_ns + alive - part;
    if (alive >= 2 * part)
        qsort(last, part, sizeof *last, compare);
    print_message("start to serving: first %u worlds %" PRIu64 " us, last %u %" PRIu64
                  " us (medians)\n",
                  part, start_ns[part / 2] / 1000, part, last[part / 2] / 1000);
}

static void worlds_live_side_by_side(void **state)
{
    (void)state;
    started_world_or_skip();
    start_worlds();
    call_worlds();
    struct totals totals = add_up();
    print_message("%u worlds: world host %" PRIu64 " KiB, keeper %" PRIu64 " KiB, both %" PRIu64
                  " KiB of memory each\n",
                  alive, totals.host / alive / 1024, totals.keeper / alive / 1024,
                  (totals.host + totals.keeper) / alive / 1024);
    print_start_times();
}

/* After its last call a module polls for a moment; then no vCPU runs until somebody calls. */
static void idle_worlds_do_not_run(void **state)
{
    (void)state;
    started_world_or_skip();
    const struct timespec rest = {.tv_sec = 1};
    struct totals before = add_up();
    for (unsigned i = 0;; i++) {
        (void)nanosleep(&rest, NULL);
        struct totals now = add_up();
        if (now.exits == before.exits) {
            print_message("%u idle worlds: %llu ticks of processor time in a second, all of it to "
                          "answer this test\n",
                          alive, now.ticks - before.ticks);
            return;
        }
        assert_true(i < 10);
        before = now;
    }
}

static void all_of_them_are_seen_at_once(void **state)
{
    (void)state;
    started_world_or_skip();
    char head[32];
    RUN(&ran, "top", "--once", "-d", "0.1", "--sort", "memory");
    expect(TOOL_OK);
    name_of(0, head);
    assert_non_null(strstr(ran.out, head));
    RUN(&ran, "world", "ls");
    expect(TOOL_OK);
    unsigned lines = 0;
    for (const char *c = ran.out; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, alive + 1);
}

static bool folder_holds(const char *suffix)
{
    bool found = false;
    DIR *entries = opendir(runtime);
    assert_non_null(entries);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
        found = found || strstr(entry->d_name, suffix);
    (void)closedir(entries);
    return found;
}

static void worlds_leave_nothing_behind(void **state)
{
    (void)state;
    started_world_or_skip();
    for (char name[CLO_NAME_SIZE]; alive > 0;) {
        name_of(alive - 1, name);
        RUN(&ran, "world", "stop", name);
        expect(TOOL_OK);
        alive--;
    }
    assert_false(folder_holds(".sock") || folder_holds(".lock"));
}

static void copy_module(const char *path)
{
    static char bytes[1 << 20];
    FILE *from = fopen(echo_module, "r");
    FILE *to = fopen(path, "w");
    assert_true(from && to);
    size_t size = fread(bytes, 1, sizeof bytes, from);
    assert_true(size > 0 && size < sizeof bytes);
    assert_int_equal(fwrite(bytes, 1, size, to), size);
    assert_int_equal(fclose(to), 0);
    (void)fclose(from);
}

static void world_holds_as_many_modules_as_it_may(void **state)
{
    (void)state;
    started_world_or_skip();
    static char paths[CLO_MODULES_MAX][100];
    const char *words[CLO_MODULES_MAX + 7] = {"world",   "run",      "many",
                                              "--debug", "--detach", "--module"};
    for (unsigned i = 0; i < CLO_MODULES_MAX; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "%s/m%u.mod", folder, i);
        copy_module(paths[i]);
        words[6 + i] = paths[i];
    }
    command_run(&ran, words);
    expect(TOOL_OK);
    cloister_world *world;
    assert_int_equal(cloister_world_open("many", &world), CLOISTER_OK);
    for (unsigned i = 0; i < CLO_MODULES_MAX; i++) {
        char name[CLO_NAME_SIZE];
        struct clo_module_metrics metrics;
        (void)snprintf(name, sizeof name, "m%u", i);
        call_module(world, name);
        assert_int_equal(cloister_world_metrics(world, i, &metrics), CLOISTER_OK);
        assert_string_equal(metrics.name, name);
        assert_true(metrics.calls > 0);
    }
    cloister_world_close(world);
    struct process_memory host = process_memory_read(info_of("many").pid);
    print_message("%u modules in one world: world host %" PRIu64 " KiB resident\n", CLO_MODULES_MAX,
                  host.rss / 1024);
    RUN(&ran, "world", "stop", "many");
    expect(TOOL_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worlds_live_side_by_side),
        cmocka_unit_test(idle_worlds_do_not_run),
        cmocka_unit_test(all_of_them_are_seen_at_once),
        cmocka_unit_test(worlds_leave_nothing_behind),
        cmocka_unit_test(world_holds_as_many_modules_as_it_may),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}

/*
 * A secret made inside a module is looked for in all memory of the world host and the keeper, as a
 * user who may read /proc/PID/mem can (ATTACKS R2, R5: passive reading). Where guest_memfd is in
 * use it is nowhere; with module data as ordinary memory it is found, which shows that the search
 * works.
 */
#include "tests/e2e/started_world.h"
#include "tests/modules/keep.h"

#include "base/scope.h"
#include "cloister/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SEED 0x5eed0ff1ce0ddba1ull
#define WINDOW (1u << 20)
#define NEEDLE 32u
/* A sanitizer's shadow takes terabytes of addresses: no module's data is there. */
#ifdef CLOISTER_SANITIZED
#define RANGE_MAX (1ull << 32)
#else
#define RANGE_MAX UINT64_MAX
#endif

/* Is the needle in [start, end) of the process? Unreadable parts are passed over. */
static bool in_range(int memory, uint64_t start, uint64_t end, const uint8_t *needle)
{
    static uint8_t window[WINDOW + NEEDLE];
    for (uint64_t at = start; at < end; at += WINDOW) {
        uint64_t left = end - at;
        size_t size = left < sizeof window ? (size_t)left : sizeof window;
        ssize_t n = pread(memory, window, size, (off_t)at);
        if (n > 0 && memmem(window, (size_t)n, needle, NEEDLE))
            return true;
    }
    return false;
}

/* -1: this user may not read the process. */
static int in_process(pid_t pid, const uint8_t *needle)
{
    char path[64];
    char line[512];
    uint64_t start, end;
    (void)snprintf(path, sizeof path, "/proc/%d/maps", pid);
    AUTO_FILE FILE *maps = fopen(path, "re");
    (void)snprintf(path, sizeof path, "/proc/%d/mem", pid);
    AUTO_FD int memory = open(path, O_RDONLY | O_CLOEXEC);
    if (!maps || memory < 0)
        return -1;
    unsigned ranges = 0;
    while (fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2 || strstr(line, "[vsyscall]"))
            continue;
        if (end - start > RANGE_MAX)
            continue;
        ranges++;
        if (in_range(memory, start, end, needle))
            return 1;
    }
    assert_true(ranges > 5);
    return 0;
}

static cloister_session *plant(const struct started_world *world, uint32_t *isolation)
{
    cloister_world *connection;
    cloister_session *session;
    struct clo_world_info info;
    assert_int_equal(cloister_world_open(world->socket, &connection), CLOISTER_OK);
    assert_int_equal(cloister_world_info(connection, &info), CLOISTER_OK);
    assert_int_equal(cloister_session_open(connection, "keep", 0, &session), CLOISTER_OK);
    cloister_parameter p[4] = {cloister_value(SEED, 0)};
    assert_int_equal(cloister_call(session, "keep", p, 0).status, CLOISTER_OK);
    cloister_world_close(connection);
    *isolation = info.isolation;
    return session;
}

static void still_there(cloister_session *session)
{
    cloister_parameter p[4] = {cloister_value(SEED, 0), cloister_value_out()};
    assert_int_equal(cloister_call(session, "check", p, 0).status, CLOISTER_OK);
    assert_int_equal(p[1].a, KEEP_SIZE);
}

static void search(const char *const *options, bool mapped)
{
    const char *why_not = started_world_impossible();
    if (why_not) {
        print_message("skipped: %s\n", why_not);
        skip();
    }
    struct started_world world;
    uint8_t secret[KEEP_SIZE];
    uint32_t isolation;
    keep_fill(SEED, secret, sizeof secret);
    const uint8_t *needle = secret + KEEP_SIZE / 2; /* far from what a register may hold */
    started_world_start(&world, options);
    cloister_session *session = plant(&world, &isolation);
    int host = in_process(world.host, needle);
    int keeper = in_process(world.keeper, needle);
    still_there(session);
    cloister_session_close(session);
    started_world_stop(&world);
    if (host < 0 || keeper < 0) {
        print_message("skipped: this user may not read the world host's memory\n");
        skip();
    }
    if (!mapped && isolation == CLO_ISOLATION_MAPPED) {
        print_message("skipped: this kernel has no guest_memfd\n");
        skip();
    }
    assert_int_equal(host, mapped ? 1 : 0);
    assert_int_equal(keeper, 0);
}

static void secret_of_a_module_is_in_no_process(void **state)
{
    static const char *const options[] = {"--debug", "--module", "@tests/modules/keep.mod", NULL};
    (void)state;
    search(options, false);
}

static void search_finds_a_secret_in_mapped_memory(void **state)
{
    static const char *const options[] = {"--debug", "--no-guest-memfd", "--module",
                                          "@tests/modules/keep.mod", NULL};
    (void)state;
    search(options, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secret_of_a_module_is_in_no_process),
        cmocka_unit_test(search_finds_a_secret_in_mapped_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Modules that call modules: who may, who is told what, and what becomes of the one when the other
 * ends.
 */
#include "tests/e2e/started_world.h"
#include "tests/modules/relay.h"

#include "abi/peer.h"
#include "cloister/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_US 30000000u

static struct started_world world;
static char folder[64]; /* copies of modules under other names */

/* The path of a copy of the built module `of` that a world will know as `name`. */
static const char *copy(const char *of, const char *name)
{
    static char path[CLO_MODULES_MAX][128];
    static unsigned next;
    char from[512];
    char below[64];
    char *to = path[next++ % CLO_MODULES_MAX];
    struct stat facts;
    (void)snprintf(below, sizeof below, "tests/modules/%s.mod", of);
    (void)snprintf(to, sizeof path[0], "%s/%s.mod", folder, name);
    started_path(below, from, sizeof from);
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(in >= 0 && out >= 0 && fstat(in, &facts) == 0);
    assert_int_equal(sendfile(out, in, NULL, (size_t)facts.st_size), facts.st_size);
    (void)close(in);
    (void)close(out);
    return to;
}

static int start(void **state)
{
    (void)state;
    world.folder[0] = '\0';
    (void)snprintf(folder, sizeof folder, "/tmp/test_peer.XXXXXX");
    assert_non_null(mkdtemp(folder));
    if (started_world_impossible())
        return 0;
    const char *const options[] = {
        "--debug",           "--module", copy("relay", "a"),     "--module",
        copy("relay", "b"),  "--module", copy("relay", "c"),     "--module",
        copy("shy", "shy"),  "--module", copy("hasty", "hasty"), "--module",
        "@modules/echo.mod", NULL};
    started_world_start(&world, options);
    return 0;
}

static int stop(void **state)
{
    char command[128];
    (void)state;
    if (world.folder[0])
        started_world_stop(&world);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* A client's session to a module, with its world. */
struct client {
    cloister_world *world;
    cloister_session *session;
};

static struct client open_client(const char *module)
{
    struct client client;
    assert_int_equal(cloister_world_open(world.socket, &client.world), CLOISTER_OK);
    assert_int_equal(cloister_session_open(client.world, module, 0, &client.session), CLOISTER_OK);
    return client;
}

static void close_client(struct client *client)
{
    cloister_session_close(client->session);
    cloister_world_close(client->world);
}

struct answer {
    cloister_result outer; /* of the module that was asked */
    cloister_result inner; /* of the one that it called */
    uint8_t bytes[RELAY_MAX];
    size_t size;
};

/* Has `module` call "other/method" with the text. */
static struct answer relay(const char *module, const char *where, const char *text,
                           uint64_t deadline_us)
{
    struct answer answer = {0};
    struct client client = open_client(module);
    cloister_parameter p[4] = {cloister_in(where, strlen(where)), cloister_in(text, strlen(text)),
                               cloister_out(answer.bytes, sizeof answer.bytes),
                               cloister_value_inout(deadline_us, 0)};
    answer.outer = cloister_call(client.session, "forward", p, PATIENCE_US);
    answer.inner = (cloister_result){(cloister_status)p[3].a, (int)p[3].b};
    answer.size = p[2].size;
    close_client(&client);
    return answer;
}

static void assert_relayed(const char *module, const char *where, const char *text)
{
    struct answer answer = relay(module, where, text, 0);
    assert_int_equal(answer.outer.status, CLOISTER_OK);
    assert_int_equal(answer.inner.status, CLOISTER_OK);
    assert_int_equal(answer.inner.origin, CLOISTER_ORIGIN_MODULE);
    assert_int_equal(answer.size, strlen(text));
    assert_memory_equal(answer.bytes, text, strlen(text));
}

static void assert_inner(struct answer answer, cloister_status status, int origin)
{
    assert_int_equal(answer.outer.status, CLOISTER_OK);
    assert_int_equal(answer.inner.status, status);
    assert_int_equal(answer.inner.origin, origin);
    assert_int_equal(answer.size, 0);
}

static void hang_up(const char *module)
{
    struct client client = open_client(module);
    assert_int_equal(cloister_call(client.session, "hang-up", NULL, PATIENCE_US).status,
                     CLOISTER_OK);
    close_client(&client);
}

static void module_info(const char *name, struct clo_module_info *info)
{
    cloister_world *connection;
    struct clo_world_info facts;
    uint32_t i = 0;
    assert_int_equal(cloister_world_open(world.socket, &connection), CLOISTER_OK);
    assert_int_equal(cloister_world_info(connection, &facts), CLOISTER_OK);
    do
        assert_int_equal(cloister_world_module(connection, i, info), CLOISTER_OK);
    while (strcmp((const char *)info->name, name) != 0 && ++i < facts.module_count);
    assert_string_equal((const char *)info->name, name);
    cloister_world_close(connection);
}

static void sessions_of(const char *module, unsigned both[2])
{
    struct client client = open_client(module);
    cloister_parameter p[4] = {cloister_in("", 0), cloister_out(both, 2 * sizeof both[0])};
    assert_int_equal(cloister_call(client.session, "sessions", p, PATIENCE_US).status, CLOISTER_OK);
    close_client(&client);
}

/* Until every session that a module opened to this one is closed. */
static unsigned wait_for_closed(const char *module)
{
    unsigned both[2] = {1, 0};
    for (unsigned i = 0; i < 1000 && both[0] != both[1]; i++) {
        (void)usleep(2000);
        sessions_of(module, both);
    }
    assert_int_equal(both[0], both[1]);
    return both[1];
}

static void permitted_call_is_answered(void **state)
{
    (void)state;
    char text[RELAY_MAX];
    started_world_or_skip();
    assert_relayed("a", "b/say", "through the wall");
    assert_relayed("a", "b/say", "");
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_relayed("a", "b/say", text); /* through the arena */
    assert_relayed("shy", "a/say", "with two manifests");
}

static void many_calls_go_over_one_channel(void **state)
{
    (void)state;
    struct clo_module_info info;
    started_world_or_skip();
    for (unsigned i = 0; i < 300; i++)
        assert_relayed("a", "b/say", "again");
    module_info("b", &info);
    assert_int_equal(info.channels, 1);
    hang_up("a");
    module_info("b", &info);
    assert_int_equal(info.channels, 0);
    for (unsigned i = 0; i < 20; i++) {
        assert_relayed("a", "b/say", "opened anew");
        hang_up("a");
    }
    (void)wait_for_closed("b");
}

static void chain_of_calls_reaches_its_end(void **state)
{
    (void)state;
    started_world_or_skip();
    assert_relayed("a", "b/say", "first");
    assert_relayed("b", "c/say", "second");
    assert_relayed("shy", "a/say", "third");
}

static void callers_manifest_must_permit(void **state)
{
    (void)state;
    started_world_or_skip();
    assert_inner(relay("shy", "hasty/say", "x", 0), CLOISTER_DENIED, CLOISTER_ORIGIN_WORLD);
    assert_non_null(strstr(started_world_log(&world),
                           "module shy: OPEN refused: its own manifest does not say that it calls "
                           "hasty"));
}

static void other_manifest_must_accept(void **state)
{
    (void)state;
    started_world_or_skip();
    assert_inner(relay("a", "shy/say", "x", 0), CLOISTER_DENIED, CLOISTER_ORIGIN_WORLD);
    assert_inner(relay("a", "echo/echo", "x", 0), CLOISTER_DENIED, CLOISTER_ORIGIN_WORLD);
    /* Who has no author is nobody's fellow. */
    assert_inner(relay("a", "hasty/say", "x", 0), CLOISTER_DENIED, CLOISTER_ORIGIN_WORLD);
    assert_non_null(strstr(started_world_log(&world),
                           "module a: OPEN refused: the manifest of shy does not accept it"));
}

static void what_is_not_there_is_not_found(void **state)
{
    (void)state;
    started_world_or_skip();
    assert_inner(relay("a", "nobody/say", "x", 0), CLOISTER_NOT_FOUND, CLOISTER_ORIGIN_WORLD);
    assert_inner(relay("a", "../b/say", "x", 0), CLOISTER_BAD_ARGUMENT, CLOISTER_ORIGIN_WORLD);
    assert_inner(relay("a", "b/sing", "x", 0), CLOISTER_NOT_FOUND, CLOISTER_ORIGIN_CLIENT);
}

static void circle_of_modules_is_denied(void **state)
{
    (void)state;
    started_world_or_skip();
    assert_inner(relay("a", "a/say", "x", 0), CLOISTER_DENIED, CLOISTER_ORIGIN_WORLD);
    assert_relayed("a", "b/say", "x");
    assert_relayed("b", "c/say", "x");
    assert_inner(relay("b", "a/say", "x", 0), CLOISTER_DENIED, CLOISTER_ORIGIN_WORLD);
    assert_inner(relay("c", "a/say", "x", 0), CLOISTER_DENIED, CLOISTER_ORIGIN_WORLD);
    /* The other way round once the first has hung up. */
    hang_up("a");
    assert_relayed("c", "a/say", "x");
    hang_up("c");
    hang_up("b");
}

static void called_module_learns_who_was_measured(void **state)
{
    (void)state;
    struct clo_module_info info;
    struct clo_caller caller;
    struct clo_module_identity identity;
    started_world_or_skip();
    struct answer answer = relay("shy", "b/who", "", 0);
    assert_int_equal(answer.inner.status, CLOISTER_OK);
    assert_int_equal(answer.size, sizeof caller + sizeof identity);
    memcpy(&caller, answer.bytes, sizeof caller);
    memcpy(&identity, answer.bytes + sizeof caller, sizeof identity);
    module_info("shy", &info);
    assert_int_equal(caller.kind, CLO_CALLER_MODULE);
    assert_int_equal(caller.id, info.index);
    assert_int_equal(caller.pid, 0);
    assert_int_equal(identity.index, info.index);
    assert_int_equal(identity.svn, 3);
    assert_int_equal(identity.generation, 1);
    assert_string_equal((char *)identity.name, "shy");
    assert_memory_equal(identity.measurement, info.measurement, sizeof identity.measurement);
    assert_memory_equal(identity.author, info.author, sizeof identity.author);
    hang_up("shy");
}

static void client_is_no_module(void **state)
{
    (void)state;
    uint8_t out[RELAY_MAX];
    started_world_or_skip();
    struct client client = open_client("a");
    cloister_parameter p[4] = {cloister_in("", 0), cloister_out(out, sizeof out)};
    assert_int_equal(cloister_call(client.session, "who", p, 0).status, CLOISTER_BAD_STATE);
    close_client(&client);
}

static void deadline_ends_the_call_and_nothing_else(void **state)
{
    (void)state;
    struct clo_module_info info;
    started_world_or_skip();
    assert_inner(relay("a", "b/slow", "x", 20000), CLOISTER_TIMEOUT, CLOISTER_ORIGIN_CLIENT);
    assert_relayed("a", "b/say", "later");
    module_info("b", &info);
    assert_int_equal(info.state, CLO_MODULE_SERVING);
    hang_up("a");
}

static void module_that_sleeps_is_woken(void **state)
{
    (void)state;
    started_world_or_skip();
    for (unsigned i = 0; i < 5; i++) {
        (void)usleep(100000); /* both have parked */
        assert_relayed("a", "b/say", "wake up");
    }
    assert_relayed("a", "b/slow", "the caller parks meanwhile");
    hang_up("a");
}

static void end_of_the_caller_closes_its_sessions_once(void **state)
{
    (void)state;
    struct clo_module_info info;
    unsigned before[2], after[2];
    started_world_or_skip();
    sessions_of("b", before);
    /* Its own time is over while b works for it. */
    struct answer answer = relay("hasty", "b/slow", "x", 10000000);
    assert_int_equal(answer.outer.status, CLOISTER_DEAD);
    module_info("hasty", &info);
    assert_int_equal(info.state, CLO_MODULE_DEAD);
    (void)wait_for_closed("b");
    (void)usleep(50000);
    sessions_of("b", after);
    assert_int_equal(after[0], before[0] + 1);
    assert_int_equal(after[1], before[1] + 1);
    module_info("b", &info);
    assert_int_equal(info.state, CLO_MODULE_SERVING);
    assert_relayed("a", "b/say", "b lives");
    hang_up("a");
}

static void end_of_the_called_ends_the_call_alone(void **state)
{
    (void)state;
    struct clo_module_info info;
    started_world_or_skip();
    assert_inner(relay("a", "c/die", "x", 0), CLOISTER_DEAD, CLOISTER_ORIGIN_WORLD);
    assert_inner(relay("a", "c/say", "x", 0), CLOISTER_DEAD, CLOISTER_ORIGIN_WORLD);
    hang_up("a");
    assert_inner(relay("a", "c/say", "x", 0), CLOISTER_DEAD, CLOISTER_ORIGIN_WORLD);
    module_info("c", &info);
    assert_int_equal(info.state, CLO_MODULE_DEAD);
    module_info("a", &info);
    assert_int_equal(info.state, CLO_MODULE_SERVING);
    assert_relayed("a", "b/say", "a lives");
    hang_up("a");
}

static void sixty_four_modules_call_each_other(void **state)
{
    (void)state;
    static const char *options[2 * CLO_MODULES_MAX + 2] = {"--debug"};
    char name[CLO_NAME_SIZE];
    char where[CLO_NAME_SIZE + 8];
    started_world_or_skip();
    (void)snprintf(folder, sizeof folder, "/tmp/test_peer.XXXXXX");
    assert_non_null(mkdtemp(folder));
    for (unsigned i = 0; i < CLO_MODULES_MAX; i++) {
        (void)snprintf(name, sizeof name, "m%02u", i);
        options[1 + 2 * i] = "--module";
        options[2 + 2 * i] = copy("relay", name);
    }
    started_world_start(&world, options);
    /* The first calls all, each calls its next, and the first still calls all. */
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 1; i < CLO_MODULES_MAX; i++) {
            (void)snprintf(where, sizeof where, "m%02u/say", i);
            assert_relayed("m00", where, "all of them");
        }
        for (unsigned i = 1; i + 1 < CLO_MODULES_MAX; i++) {
            (void)snprintf(name, sizeof name, "m%02u", i);
            (void)snprintf(where, sizeof where, "m%02u/say", i + 1);
            assert_relayed(name, where, "in a row");
        }
    }
    assert_inner(relay("m63", "m00/say", "x", 0), CLOISTER_DENIED, CLOISTER_ORIGIN_WORLD);
    (void)stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permitted_call_is_answered),
        cmocka_unit_test(many_calls_go_over_one_channel),
        cmocka_unit_test(chain_of_calls_reaches_its_end),
        cmocka_unit_test(callers_manifest_must_permit),
        cmocka_unit_test(other_manifest_must_accept),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(circle_of_modules_is_denied),
        cmocka_unit_test(called_module_learns_who_was_measured),
        cmocka_unit_test(client_is_no_module),
        cmocka_unit_test(deadline_ends_the_call_and_nothing_else),
        cmocka_unit_test(module_that_sleeps_is_woken),
        cmocka_unit_test(end_of_the_caller_closes_its_sessions_once),
        cmocka_unit_test(end_of_the_called_ends_the_call_alone),
    };
    const struct CMUnitTest alone[] = {
        cmocka_unit_test(sixty_four_modules_call_each_other),
    };
    int failed = cmocka_run_group_tests(tests, start, stop);
    return failed + cmocka_run_group_tests(alone, NULL, NULL);
}

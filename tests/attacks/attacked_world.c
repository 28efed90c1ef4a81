/*
 * The world that is attacked: see attacked_world.h.
 */
#include "tests/attacks/attacked_world.h"

#include "cloister/client.h"
#include "tests/attacks/raw_channel.h"
#include "tests/modules/witness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define POLL_US 2000
#define POLLS 30000

struct started_world attacked;

int attacked_start(void **state)
{
    (void)state;
    if (!started_world_impossible())
        started_world_start(&attacked, (const char *const[]){"--debug", "--module",
                                                             "@tests/modules/witness.mod", NULL});
    return 0;
}

int attacked_stop(void **state)
{
    (void)state;
    if (attacked.folder[0])
        started_world_stop(&attacked);
    return 0;
}

void attacked_or_skip(void)
{
    const char *why = started_world_impossible();
    if (!why)
        return;
    print_message("skipped: %s\n", why);
    skip();
}

unsigned attacked_times(unsigned times)
{
#ifdef CLOISTER_SANITIZED
    return times / 10;
#else
    return getenv("CLOISTER_EMULATED") ? times / 10 : times;
#endif
}

pid_t attacked_fork(void)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0)
        return child;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setenv("CMOCKA_TEST_ABORT", "1", 1);
    return 0;
}

int attacked_wait_for(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The honest client */

struct neighbour {
    pid_t pid;
    _Atomic uint64_t replies;
    _Atomic int wrong;
    atomic_bool stop;
};

static bool echo_is_right(cloister_session *session, uint64_t number)
{
    uint8_t in[WITNESS_MOST];
    uint8_t out[WITNESS_MOST];
    size_t size = number * 37 % (number % 8 ? 48 : WITNESS_MOST);
    memset(in, (int)number, size);
    memset(out, (int)~number, size);
    cloister_parameter p[4] = {cloister_in(in, size), cloister_out(out, size)};
    cloister_result result = cloister_call(session, "echo", p, 0);
    if (result.status != CLOISTER_OK)
        (void)fprintf(stderr, "neighbour: call %llu: status %d, origin %d\n",
                      (unsigned long long)number, result.status, result.origin);
    return result.status == CLOISTER_OK && p[1].size == size && memcmp(in, out, size) == 0;
}

static void call_until_stopped(struct neighbour *neighbour)
{
    cloister_world *world;
    cloister_session *session;
    if (cloister_world_open(attacked.socket, &world) != CLOISTER_OK ||
        cloister_session_open(world, "witness", 0, &session) != CLOISTER_OK) {
        atomic_store(&neighbour->wrong, 1);
        return;
    }
    for (uint64_t i = 0; !atomic_load(&neighbour->stop) && !atomic_load(&neighbour->wrong); i++)
        if (echo_is_right(session, i))
            (void)atomic_fetch_add(&neighbour->replies, 1);
        else
            atomic_store(&neighbour->wrong, 1);
    cloister_session_close(session);
    cloister_world_close(world);
}

struct neighbour *neighbour_start(void)
{
    struct neighbour *neighbour =
        mmap(NULL, sizeof *neighbour, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(neighbour, MAP_FAILED);
    pid_t child = attacked_fork();
    if (child == 0) {
        call_until_stopped(neighbour);
        _exit(0);
    }
    neighbour->pid = child;
    neighbour_goes_on(neighbour, 1);
    return neighbour;
}

uint64_t neighbour_replies(const struct neighbour *neighbour)
{
    assert_int_equal(atomic_load(&neighbour->wrong), 0);
    return atomic_load(&neighbour->replies);
}

void neighbour_goes_on(const struct neighbour *neighbour, uint64_t more)
{
    uint64_t wanted = neighbour_replies(neighbour) + more;
    for (unsigned i = 0; i < POLLS; i++) {
        if (neighbour_replies(neighbour) >= wanted)
            return;
        (void)usleep(POLL_US);
    }
    fail_msg("an honest client got %llu replies; it should have got %llu",
             (unsigned long long)neighbour_replies(neighbour), (unsigned long long)wanted);
}

void neighbour_stop(struct neighbour *neighbour)
{
    neighbour_goes_on(neighbour, 100);
    atomic_store(&neighbour->stop, true);
    assert_int_equal(attacked_wait_for(neighbour->pid), 0);
    assert_int_equal(atomic_load(&neighbour->wrong), 0);
    (void)munmap(neighbour, sizeof *neighbour);
}

/* The module */

struct witness_facts attacked_facts(void)
{
    cloister_world *world;
    cloister_session *session;
    cloister_parameter p[4] = {cloister_value_out(), cloister_value_out(), cloister_value_out(),
                               cloister_value_out()};
    assert_int_equal(cloister_world_open(attacked.socket, &world), CLOISTER_OK);
    assert_int_equal(cloister_session_open(world, "witness", 0, &session), CLOISTER_OK);
    assert_int_equal(cloister_call(session, "facts", p, 0).status, CLOISTER_OK);
    cloister_session_close(session);
    cloister_world_close(world);
    return (struct witness_facts){.opened = p[0].a,
                                  .closed = p[0].b,
                                  .begun = p[1].a,
                                  .most_running = p[1].b,
                                  .changed = p[2].a,
                                  .wrong = p[2].b,
                                  .uid = (uint32_t)(p[3].a >> 32),
                                  .gid = (uint32_t)p[3].a,
                                  .pid = (uint32_t)p[3].b};
}

static struct clo_module_info module_info(void)
{
    struct clo_module_info info;
    struct clo_module_query query = {.name = "witness"};
    int fd = raw_connect(attacked.socket);
    assert_int_equal(raw_ask(fd, CLO_CONTROL_MODULE, &query, sizeof query, &info, sizeof info),
                     CLOISTER_OK);
    (void)close(fd);
    return info;
}

void attacked_is_sound(void)
{
    struct clo_module_info info = module_info();
    struct witness_facts facts = attacked_facts();
    assert_int_equal(info.state, CLO_MODULE_SERVING);
    assert_int_equal(info.generation, 1);
    assert_int_equal(facts.changed, 0);
    assert_int_equal(facts.wrong, 0);
    assert_in_range(facts.most_running, 0, 1);
}

void attacked_wait_for_channels(uint32_t wanted)
{
    uint32_t channels = 0;
    for (unsigned i = 0; i < POLLS; i++) {
        channels = module_info().channels;
        if (channels == wanted)
            return;
        (void)usleep(POLL_US);
    }
    fail_msg("the module has %u channels; expected %u", channels, wanted);
}

/* The world host */

unsigned attacked_descriptors(void)
{
    char path[64];
    unsigned count = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)attacked.host);
    DIR *folder = opendir(path);
    for (; folder && readdir(folder); count++)
        ;
    if (folder)
        (void)closedir(folder);
    return count;
}

unsigned long attacked_memory(void)
{
    char path[64];
    char line[128];
    unsigned long size = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)attacked.host);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %lu", &size) == 1)
            break;
    if (file)
        (void)fclose(file);
    return size;
}

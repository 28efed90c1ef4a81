/*
 * Opens and closes sessions over a world's socket: takes the channel's memory and the doorbell,
 * checks both, and gives the ring its host side: an eventfd to ring, a futex to sleep on.
 */
#include "normal-world/client/session.h"

#include "base/bytes.h"
#include "base/scope.h"
#include "normal-world/client/connection.h"
#include "normal-world/client/facts.h"
#include "normal-world/client/shared_word.h"
#include "normal-world/client/ticks.h"
#include "normal-world/client/world.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define ARENA_DEFAULT 65536u
#define SPIN_DEFAULT_US 50u
/* While a call spins nobody looks whether the world is still there. */
#define SPIN_MAX_US 100000u
#define OPEN_TIMEOUT_US 10000000u
#define CLOSE_TIMEOUT_US 100000u

/* A saturated eventfd refuses the write; it is ringing already then. */
static void ring_doorbell(void *context)
{
    const cloister_session *session = context;
    uint64_t one = 1;
    ssize_t written;
    do
        written = write(session->doorbell, &one, sizeof one);
    while (written < 0 && errno == EINTR);
}

static void sleep_on(void *context, uint32_t *word, uint32_t value, uint64_t timeout_us)
{
    (void)context;
    struct timespec timeout = {
        .tv_sec = (time_t)(timeout_us / 1000000),
        .tv_nsec = (long)(timeout_us % 1000000 * 1000),
    };
    (void)syscall(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0);
}

static bool is_connected(void *context)
{
    const cloister_session *session = context;
    return connection_alive(session->socket);
}

/* Memory that the world could shrink under us would be our SIGBUS. */
static bool memory_is_sealed(int fd, size_t size)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    return seals >= 0 && (seals & wanted) == wanted && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == size;
}

static bool doorbell_never_blocks(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_NONBLOCK);
}

static cloister_status map_channel(cloister_session *session, int fd,
                                   const struct clo_open_reply *reply, struct ticks_moment started)
{
    if (reply->size < CLO_ARENA_OFFSET || reply->size > CLO_ARENA_OFFSET + CLO_ARENA_MAX ||
        !memory_is_sealed(fd, reply->size) || !doorbell_never_blocks(session->doorbell))
        return CLOISTER_PROTOCOL;
    void *memory = mmap(NULL, reply->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return CLOISTER_NO_MEMORY;
    session->memory = memory;
    session->memory_size = reply->size;
    /* What passes through the arena belongs in no core file. */
    (void)madvise(memory, reply->size, MADV_DONTDUMP);
    const struct ring_peer peer = {
        .doorbell = ring_doorbell,
        .sleep = sleep_on,
        .connected = is_connected,
        .context = session,
    };
    return ring_attach(&session->ring, memory, reply->size, reply->arena_size, &peer,
                       ticks_per_us_since(started));
}

static cloister_status ask_for_channel(cloister_session *session, const char *module,
                                       size_t arena_size, struct connection_reply *reply)
{
    struct clo_open_request request = {.arena_size = (uint32_t)arena_size};
    if (!name_set(request.module, sizeof request.module, module) ||
        !name_is_valid(request.module, sizeof request.module))
        return CLOISTER_BAD_ARGUMENT;
    cloister_status status =
        connection_ask(session->socket, CLO_CONTROL_OPEN, &request, sizeof request, reply);
    if (status != CLOISTER_OK)
        return status;
    session->doorbell = reply->descriptor[1];
    return CLOISTER_OK;
}

static cloister_status open_channel(cloister_session *session, const char *module,
                                    size_t arena_size)
{
    struct clo_open_reply answer;
    struct connection_reply reply = {
        .body = &answer, .capacity = sizeof answer, .descriptor_count = 2};
    struct ticks_moment started = ticks_moment_now();
    cloister_status status = ask_for_channel(session, module, arena_size, &reply);
    if (status != CLOISTER_OK)
        return status;
    AUTO_FD int memory = reply.descriptor[0];
    if (reply.size != sizeof answer || !module_info_is_sound(&answer.module) ||
        answer.arena_size < arena_size)
        return CLOISTER_PROTOCOL;
    session->module = answer.module;
    session_plan(session);
    return map_channel(session, memory, &answer, started);
}

static void release(cloister_session *session)
{
    if (session->memory)
        (void)munmap(session->memory, session->memory_size);
    if (session->doorbell >= 0)
        (void)close(session->doorbell);
    if (session->socket >= 0)
        connection_close(session->socket);
    session_unshare(session);
    free(session);
}

static void release_unless_taken(cloister_session **session)
{
    if (*session)
        release(*session);
}

static uint32_t spin_default(void)
{
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) < 2)
        return 0;
    return SPIN_DEFAULT_US;
}

cloister_status cloister_session_open(cloister_world *world, const char *module, size_t arena_size,
                                      cloister_session **session)
{
    if (arena_size > CLO_ARENA_MAX)
        return CLOISTER_TOO_BIG;
    __attribute__((cleanup(release_unless_taken))) cloister_session *fresh =
        calloc(1, sizeof *fresh);
    if (!fresh)
        return CLOISTER_NO_MEMORY;
    fresh->socket = -1;
    fresh->doorbell = -1;
    cloister_status status = connection_open(world->path, &fresh->socket);
    if (status == CLOISTER_OK)
        status = open_channel(fresh, module, arena_size ? arena_size : ARENA_DEFAULT);
    if (status != CLOISTER_OK)
        return status;
    fresh->ring.spin_us = spin_default();
    status = session_call_plain(fresh, CLO_METHOD_OPEN, OPEN_TIMEOUT_US).status;
    if (status != CLOISTER_OK)
        return status;
    *session = take_pointer(&fresh);
    return CLOISTER_OK;
}

void cloister_session_close(cloister_session *session)
{
    if (!session)
        return;
    /* A module that has ended, or does not answer in time, learns of it from the world host. */
    (void)session_call_plain(session, CLO_METHOD_CLOSE, CLOSE_TIMEOUT_US);
    release(session);
}

const struct clo_module_info *cloister_session_module(const cloister_session *session)
{
    return &session->module;
}

void cloister_session_set_spin(cloister_session *session, uint32_t spin_us)
{
    shared_set(&session->ring.spin_us, spin_us < SPIN_MAX_US ? spin_us : SPIN_MAX_US);
}

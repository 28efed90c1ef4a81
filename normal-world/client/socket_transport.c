/*
 * Reaches a world by its socket: takes the channel's memory and the doorbell, checks both, and
 * gives the ring its host side: an eventfd to ring, a futex to sleep on.
 */
#include "normal-world/client/socket_transport.h"

#include "base/file.h"
#include "base/scope.h"
#include "normal-world/client/connection.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

#define SPIN_DEFAULT_US 50u

struct socket_transport {
    struct transport base;
    int socket;
    int doorbell; /* of the channel, -1: there is none */
    void *memory;
    size_t memory_size;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static struct socket_transport *of(struct transport *transport)
{
    return (struct socket_transport *)transport;
}

/* What the ring calls */

/* Rings by taking one. A write could be made to wait: the world has the same open file, whose
   O_NONBLOCK it can clear and whose counter it can fill. RWF_NOWAIT is of this call alone, and only
   reads of an eventfd know it. The C library of the command has no preadv2. */
static bool take_one(int doorbell)
{
    uint64_t one;
    const struct iovec part = {&one, sizeof one};
    return syscall(SYS_preadv2, doorbell, &part, 1ul, -1l, -1l, RWF_NOWAIT) == sizeof one &&
           one == 1;
}

/* A world that has left nothing to take does not want to be rung. */
static void ring_doorbell(void *context)
{
    const struct socket_transport *transport = context;
    (void)take_one(transport->doorbell);
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
    const struct socket_transport *transport = context;
    return connection_alive(transport->socket);
}

/* Channel */

/* Memory that the world could take away under us would be our SIGBUS. */
static bool memory_stays(int fd, size_t size)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    return seals >= 0 && (seals & wanted) == wanted && fd_is_ordinary_memory(fd) &&
           fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == size;
}

/* An eventfd is a file of no type; with a type, even such a read may wait for a lock that the world
   holds. Of an eventfd that is not as docs/abi.md says, one cannot be taken, or not again. */
static bool doorbell_is_sound(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == 0 && take_one(fd);
}

static cloister_status map_channel(struct socket_transport *transport, int fd, uint32_t size)
{
    if (size < CLO_ARENA_OFFSET || size > CLO_ARENA_OFFSET + CLO_ARENA_MAX ||
        !memory_stays(fd, size) || !doorbell_is_sound(transport->doorbell))
        return CLOISTER_PROTOCOL;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return CLOISTER_NO_MEMORY;
    transport->memory = memory;
    transport->memory_size = size;
    /* What passes through the arena belongs in no core file. */
    (void)madvise(memory, size, MADV_DONTDUMP);
    return CLOISTER_OK;
}

static uint32_t spin_default(void)
{
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) < 2)
        return 0;
    return SPIN_DEFAULT_US;
}

static cloister_status open_channel(struct transport *base, const struct clo_open_request *request,
                                    struct clo_open_reply *answer,
                                    struct transport_channel *channel)
{
    struct socket_transport *transport = of(base);
    struct connection_reply reply = {
        .body = answer, .capacity = sizeof *answer, .descriptor_count = 2};
    cloister_status status =
        connection_ask(transport->socket, CLO_CONTROL_OPEN, request, sizeof *request, &reply);
    if (status != CLOISTER_OK)
        return status;
    AUTO_FD int memory = reply.descriptor[0];
    transport->doorbell = reply.descriptor[1];
    if (reply.size != sizeof *answer)
        return CLOISTER_PROTOCOL;
    status = map_channel(transport, memory, answer->size);
    if (status != CLOISTER_OK)
        return status;
    *channel = (struct transport_channel){
        .memory = transport->memory,
        .size = transport->memory_size,
        .spin_us = spin_default(),
        .peer =
            {
                .doorbell = ring_doorbell,
                .sleep = sleep_on,
                .connected = is_connected,
                .context = transport,
            },
    };
    return CLOISTER_OK;
}

/* Transport */

static cloister_status ask(struct transport *transport, uint16_t type, const void *body,
                           size_t size, struct transport_reply *reply)
{
    struct connection_reply got = {.body = reply->body, .capacity = reply->capacity};
    cloister_status status = connection_ask(of(transport)->socket, type, body, size, &got);
    if (status == CLOISTER_OK)
        reply->size = got.size;
    return status;
}

static cloister_status set_timeout(struct transport *transport, uint32_t timeout_ms)
{
    return connection_set_timeout(of(transport)->socket, timeout_ms);
}

static cloister_status again(const struct transport *transport, struct transport **fresh)
{
    return socket_transport_open(((const struct socket_transport *)transport)->path, fresh);
}

static void close_transport(struct transport *base)
{
    struct socket_transport *transport = of(base);
    if (transport->memory)
        (void)munmap(transport->memory, transport->memory_size);
    if (transport->doorbell < 0) {
        (void)close(transport->socket);
    } else {
        (void)close(transport->doorbell);
        connection_close(transport->socket);
    }
    free(transport);
}

cloister_status socket_transport_open(const char *path, struct transport **transport)
{
    static const struct transport_kind kind = {
        .again = again,
        .ask = ask,
        .open_channel = open_channel,
        .set_timeout = set_timeout,
        .close = close_transport,
    };
    AUTO_FREE struct socket_transport *fresh = calloc(1, sizeof *fresh);
    if (!fresh)
        return CLOISTER_NO_MEMORY;
    size_t length = strlen(path);
    if (length >= sizeof fresh->path)
        return CLOISTER_TOO_BIG;
    memcpy(fresh->path, path, length);
    fresh->base.kind = &kind;
    fresh->doorbell = -1;
    cloister_status status = connection_open(path, &fresh->socket);
    if (status != CLOISTER_OK)
        return status;
    *transport = &((struct socket_transport *)take_pointer(&fresh))->base;
    return CLOISTER_OK;
}

/*
 * What the same exchange costs over a Unix socket to a process on the same core, which is the best
 * that a socket can do: 48 bytes there and back, the server a thread that blocks in recv.
 */
#include "bench/row.h"

#include "bench/clock.h"
#include "bench/pin.h"
#include "bench/polled_sides.h"
#include "bench/statistics.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 30u
#define CALLS 1000u

static const struct row_head head = {
    .name = "socket",
    .ours = "switchless call of echo, 48 bytes each way, p50",
    .reference = "the same over a Unix socket to a server on the same core: so many times slower",
    .unit = "ns",
    .aim = ROW_AT_LEAST,
    .target = 10,
};

struct socket_server {
    int client, server;
    int cpu;
    pthread_t thread;
};

/* Until the client shuts its end. */
static void *serve(void *argument)
{
    const struct socket_server *socket = argument;
    struct reason why;
    uint8_t bytes[CLO_INLINE_SIZE];
    if (pin_self(socket->cpu, &why) != CLOISTER_OK)
        return NULL; /* where it runs is a matter of precision only */
    for (;;) {
        ssize_t size = recv(socket->server, bytes, sizeof bytes, 0);
        if (size <= 0 || send(socket->server, bytes, (size_t)size, MSG_NOSIGNAL) != size)
            return NULL;
    }
}

static cloister_status start(struct socket_server *server, int cpu, struct reason *why)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return refuse_errno(why, "cannot make a socket pair");
    *server = (struct socket_server){.client = ends[0], .server = ends[1], .cpu = cpu};
    if (pthread_create(&server->thread, NULL, serve, server) == 0)
        return CLOISTER_OK;
    (void)close(ends[0]);
    (void)close(ends[1]);
    return refuse(why, CLOISTER_NO_MEMORY, "cannot start a thread");
}

static void stop(struct socket_server *server)
{
    (void)shutdown(server->client, SHUT_RDWR);
    (void)pthread_join(server->thread, NULL);
    (void)close(server->client);
    (void)close(server->server);
}

static cloister_status socket_batch(const struct socket_server *server, double *median,
                                    struct reason *why)
{
    double ticks[CALLS];
    uint8_t bytes[CLO_INLINE_SIZE] = {0};
    for (unsigned i = 0; i < CALLS; i++) {
        uint64_t begin = clock_ticks();
        if (send(server->client, bytes, sizeof bytes, MSG_NOSIGNAL) != sizeof bytes ||
            recv(server->client, bytes, sizeof bytes, 0) != sizeof bytes)
            return refuse_errno(why, "cannot talk over a socket pair");
        ticks[i] = (double)(clock_ticks() - begin);
    }
    *median = statistics_median(ticks, CALLS);
    return CLOISTER_OK;
}

static cloister_status measure(const struct row_plan *plan, struct polled_sides *sides,
                               const struct socket_server *server, struct row_samples *samples,
                               struct reason *why)
{
    unsigned rounds = row_rounds(plan, ROUNDS);
    cloister_status status = CLOISTER_OK;
    for (unsigned i = 0; i < rounds && status == CLOISTER_OK && !row_interrupted(); i++) {
        double ours = 0;
        double socket = 0;
        polled_sides_settle();
        status = socket_batch(server, &socket, why);
        if (status == CLOISTER_OK)
            status = polled_our_batch(sides, CLO_INLINE_SIZE, CALLS, &ours, why);
        if (status == CLOISTER_OK)
            row_add_ticks(plan, samples, ours, socket, 1);
    }
    return status;
}

cloister_status bench_socket(const struct row_plan *plan, struct row *rows, unsigned *count,
                             struct reason *why)
{
    static struct row_samples samples;
    static struct polled_sides sides;
    struct socket_server server;
    cloister_status status = polled_sides_start(&sides, plan, "modules/echo.mod", "echo", why);
    if (status == CLOISTER_OK)
        status = start(&server, plan->caller_cpu, why);
    if (status == CLOISTER_OK) {
        status = measure(plan, &sides, &server, &samples, why);
        stop(&server);
    }
    polled_sides_stop(&sides);
    row_finish(&rows[0], &head, &samples);
    *count = 1;
    return status;
}

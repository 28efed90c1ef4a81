/*
 * One poll loop. A client that is slow, silent or greedy costs one of a few places for a few
 * seconds; while all are taken others wait in the listening socket's queue. The worlds are asked at
 * most once a second, however many clients want to know.
 */
#include "tools/metrics/metrics_server.h"

#include "base/log.h"
#include "base/scope.h"
#include "tools/metrics/http.h"
#include "tools/metrics/metrics_text.h"
#include "tools/show/world_names.h"

#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define CLIENTS_MAX 16u
#define REQUEST_NS 3000000000ull /* from connecting to the request's end */
#define ANSWER_NS 10000000000ull /* from the answer's start to the client's having it */
#define DRAIN_NS 1000000000ull   /* … and from that to its hanging up */
#define FRESH_NS 1000000000ull
#define HEAD_SIZE 256u

enum phase { FREE, READING, WRITING, DRAINING };

struct client {
    enum phase phase;
    int fd;
    uint64_t until_ns;
    size_t received;
    char request[HTTP_REQUEST_MAX];
    char *answer;
    size_t size;
    size_t sent;
};

struct metrics_server {
    const struct listening *listening;
    char *const *names;
    size_t name_count;
    struct snapshot snapshot; /* the last one */
    char *text;               /* … as metrics */
    size_t text_size;
    uint64_t text_ns; /* when it was made; 0: none */
    struct client client[CLIENTS_MAX];
};

static uint64_t clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Worlds */

static cloister_status take_snapshot(struct metrics_server *server, struct snapshot *fresh)
{
    struct reason why;
    struct world_names found = {0};
    bool all = server->name_count == 0;
    cloister_status status = all ? world_names_list(&found, &why) : CLOISTER_OK;
    if (status == CLOISTER_OK)
        status =
            snapshot_take(all ? found.name : server->names, all ? found.count : server->name_count,
                          all, &server->snapshot, fresh);
    else
        log_warning("%s", why.text);
    world_names_free(&found);
    return status;
}

static cloister_status refresh(struct metrics_server *server)
{
    struct snapshot fresh;
    char *text;
    size_t size;
    if (server->text_ns && clock_ns() - server->text_ns < FRESH_NS)
        return CLOISTER_OK;
    cloister_status status = take_snapshot(server, &fresh);
    if (status != CLOISTER_OK)
        return status;
    snapshot_free(&server->snapshot);
    server->snapshot = fresh;
    status = metrics_text(&fresh, &text, &size);
    if (status != CLOISTER_OK)
        return status;
    free(server->text);
    server->text = text;
    server->text_size = size;
    server->text_ns = clock_ns();
    return CLOISTER_OK;
}

/* Clients */

static void hang_up(struct client *client)
{
    (void)close(client->fd);
    free(client->answer);
    client->answer = NULL;
    client->phase = FREE;
}

/* Its own copy: the next snapshot must not wait for this client. */
static bool compose(struct client *client, unsigned status, const char *type, const char *body,
                    size_t body_size, bool with_body)
{
    client->answer = malloc(HEAD_SIZE + body_size);
    if (!client->answer)
        return false;
    client->sent = 0;
    client->size = http_head(status, type, body_size, client->answer, HEAD_SIZE);
    if (with_body) {
        memcpy(client->answer + client->size, body, body_size);
        client->size += body_size;
    }
    client->phase = WRITING;
    client->until_ns = clock_ns() + ANSWER_NS;
    return true;
}

static void write_more(struct client *client)
{
    ssize_t n = send(client->fd, client->answer + client->sent, client->size - client->sent,
                     MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            hang_up(client);
        return;
    }
    client->sent += (size_t)n;
    if (client->sent < client->size)
        return;
    /* Closing now would make the kernel throw away what the client has not read, if it sent more
       than we took. */
    (void)shutdown(client->fd, SHUT_WR);
    client->phase = DRAINING;
    client->until_ns = clock_ns() + DRAIN_NS;
}

static void answer_error(struct client *client, unsigned status)
{
    char body[64];
    int length = snprintf(body, sizeof body, "%u %s\n", status, http_phrase(status));
    if (!compose(client, status, "text/plain; charset=utf-8", body, (size_t)length, true))
        hang_up(client);
}

static void answer(struct metrics_server *server, struct client *client)
{
    bool head;
    unsigned status =
        http_judge(client->request, client->received, server->listening->local_port, &head);
    if (status == HTTP_MORE)
        return;
    if (status == HTTP_OK && refresh(server) != CLOISTER_OK)
        status = HTTP_UNAVAILABLE;
    if (status != HTTP_OK)
        answer_error(client, status);
    else if (!compose(client, status, METRICS_CONTENT_TYPE, server->text, server->text_size, !head))
        hang_up(client);
    if (client->phase == WRITING)
        write_more(client);
}

static void read_more(struct metrics_server *server, struct client *client)
{
    ssize_t n = recv(client->fd, client->request + client->received,
                     sizeof client->request - client->received, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        hang_up(client);
        return;
    }
    client->received += (size_t)n;
    answer(server, client);
}

static void drain(struct client *client)
{
    char nothing[1024];
    ssize_t n = recv(client->fd, nothing, sizeof nothing, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        hang_up(client);
}

static void serve_client(struct metrics_server *server, struct client *client)
{
    if (client->phase == READING)
        read_more(server, client);
    else if (client->phase == WRITING)
        write_more(client);
    else
        drain(client);
}

static void end_patience(struct client *client)
{
    if (client->phase != READING) {
        hang_up(client);
        return;
    }
    answer_error(client, HTTP_TIMEOUT);
    if (client->phase == WRITING)
        write_more(client);
}

static void accept_client(struct metrics_server *server, struct client *client)
{
    int fd = accept4(server->listening->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    client->fd = fd;
    client->phase = READING;
    client->received = 0;
    client->until_ns = clock_ns() + REQUEST_NS;
}

/* The loop */

static struct client *free_place(struct metrics_server *server)
{
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        if (server->client[i].phase == FREE)
            return &server->client[i];
    return NULL;
}

/* Until the first client's patience ends, ms; -1: there is none. */
static int patience(const struct metrics_server *server)
{
    uint64_t now = clock_ns();
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        const struct client *client = &server->client[i];
        if (client->phase != FREE && client->until_ns < least)
            least = client->until_ns;
    }
    if (least == UINT64_MAX)
        return -1;
    return least > now ? (int)((least - now) / 1000000 + 1) : 0;
}

static short wanted(const struct client *client)
{
    return client->phase == WRITING ? POLLOUT : POLLIN;
}

static void serve_clients(struct metrics_server *server, const struct pollfd *pollers)
{
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &server->client[i];
        if (client->phase != FREE && pollers[i].fd >= 0 && pollers[i].revents)
            serve_client(server, client);
        if (client->phase != FREE && client->until_ns <= clock_ns())
            end_patience(client);
    }
}

static cloister_status loop(struct metrics_server *server, int signals, struct reason *why)
{
    struct pollfd pollers[CLIENTS_MAX + 2];
    for (;;) {
        struct client *place = free_place(server);
        for (unsigned i = 0; i < CLIENTS_MAX; i++) {
            const struct client *client = &server->client[i];
            pollers[i] =
                (struct pollfd){client->phase == FREE ? -1 : client->fd, wanted(client), 0};
        }
        pollers[CLIENTS_MAX] = (struct pollfd){signals, POLLIN, 0};
        pollers[CLIENTS_MAX + 1] = (struct pollfd){place ? server->listening->fd : -1, POLLIN, 0};
        if (poll(pollers, CLIENTS_MAX + 2, patience(server)) < 0 && errno != EINTR)
            return refuse_errno(why, "cannot wait for clients");
        if (pollers[CLIENTS_MAX].revents)
            return CLOISTER_OK;
        serve_clients(server, pollers);
        if (place && pollers[CLIENTS_MAX + 1].revents)
            accept_client(server, place);
    }
}

cloister_status metrics_serve(const struct listening *listening, int signals, char *const *names,
                              size_t count, struct reason *why)
{
    AUTO_FREE struct metrics_server *server = calloc(1, sizeof *server);
    if (!server)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for the server");
    server->listening = listening;
    server->names = names;
    server->name_count = count;
    cloister_status status = loop(server, signals, why);
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        if (server->client[i].phase != FREE)
            hang_up(&server->client[i]);
    snapshot_free(&server->snapshot);
    free(server->text);
    return status;
}

/*
 * Serves the world socket with one epoll loop. No client can make it wait: every descriptor is
 * non-blocking, a reply that does not fit into the client's socket buffer ends the connection, and
 * each turn takes one request of each client.
 */
#include "vmm/server.h"

#include "vmm/client_process.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/scope.h"

#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#define EVENTS_AT_ONCE 32
#define ACCEPTS_AT_ONCE 16
/* The first calls need what a trim takes away: so long nothing happens before it. */
#define TRIM_AFTER_MS 50

/* Kinds of descriptor, in the upper half of epoll's data; connections have their serial there. */
enum watched {
    WATCH_LISTEN,
    WATCH_SIGNALS,
    WATCH_KEEPER,
    WATCH_CHANGES,
    WATCH_CONNECTION,
    WATCH_GUESTS,
};

#define NOTHING_HAPPENED (-1)

static uint64_t watch_data(enum watched kind, uint32_t index, uint32_t serial)
{
    return (uint64_t)serial << 32 | (uint64_t)kind << 24 | index;
}

static cloister_status watch(struct server *server, int fd, uint32_t events, uint64_t data,
                             struct reason *why)
{
    struct epoll_event event = {.events = events, .data.u64 = data};
    if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        return refuse_errno(why, "cannot watch a descriptor");
    return CLOISTER_OK;
}

static void stop_signals(sigset_t *signals)
{
    (void)sigemptyset(signals);
    (void)sigaddset(signals, SIGTERM);
    (void)sigaddset(signals, SIGINT);
    (void)sigaddset(signals, SIGHUP);
}

void server_block_signals(void)
{
    sigset_t all;
    /* The threads that start later inherit it, and open their own for the kick alone. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, NULL);
}

static cloister_status watch_all(struct server *server, struct reason *why)
{
    cloister_status status =
        watch(server, server->listen, EPOLLIN, watch_data(WATCH_LISTEN, 0, 0), why);
    if (status == CLOISTER_OK)
        status = watch(server, server->signals, EPOLLIN, watch_data(WATCH_SIGNALS, 0, 0), why);
    if (status == CLOISTER_OK)
        status = watch(server, server->world->changed, EPOLLIN | EPOLLET,
                       watch_data(WATCH_CHANGES, 0, 0), why);
    /* Only that it goes: its replies are for whoever asked. */
    if (status == CLOISTER_OK)
        status = watch(server, server->world->keeper.fd, EPOLLRDHUP, watch_data(WATCH_KEEPER, 0, 0),
                       why);
    return status;
}

cloister_status server_create(struct server *server, struct world *world, int listen,
                              struct reason *why)
{
    sigset_t signals;
    stop_signals(&signals);
    *server =
        (struct server){.world = world,
                        .listen = listen,
                        .epoll = epoll_create1(EPOLL_CLOEXEC),
                        .signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK),
                        .connection = calloc(SERVER_CONNECTIONS_MAX, sizeof(struct connection)),
                        .body = malloc(CONTROL_BODY_MAX),
                        .accepting = true};
    if (server->epoll < 0 || server->signals < 0)
        return refuse_errno(why, "cannot make the server's descriptors");
    if (!server->connection || !server->body)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for the server");
    return watch_all(server, why);
}

cloister_status server_add_guests(struct server *server, struct guests *guests, struct reason *why)
{
    server->guests = guests;
    return watch(server, guests->epoll, EPOLLIN, watch_data(WATCH_GUESTS, 0, 0), why);
}

/* Connections */

/* While descriptors are used up the listening socket would report a client again and again. */
static void set_accepting(struct server *server, bool accepting)
{
    struct epoll_event event = {.events = accepting ? EPOLLIN : 0,
                                .data.u64 = watch_data(WATCH_LISTEN, 0, 0)};
    if (server->accepting != accepting &&
        epoll_ctl(server->epoll, EPOLL_CTL_MOD, server->listen, &event) == 0)
        server->accepting = accepting;
}

static void hang_up(struct server *server, struct connection *connection)
{
    control_release(&connection->client);
    (void)close(connection->fd);
    *connection = (struct connection){.serial = connection->serial + 1};
    server->count--;
    set_accepting(server, true);
}

/* The connection without a channel that has been silent longest. */
static struct connection *find_idle(struct server *server)
{
    struct connection *idle = NULL;
    for (unsigned i = 0; i < SERVER_CONNECTIONS_MAX; i++) {
        struct connection *connection = &server->connection[i];
        if (connection->fd > 0 && !connection->client.module &&
            (!idle || connection->heard < idle->heard))
            idle = connection;
    }
    return idle;
}

static struct connection *find_free(struct server *server)
{
    for (unsigned i = 0; i < SERVER_CONNECTIONS_MAX; i++)
        if (server->connection[i].fd == 0)
            return &server->connection[i];
    struct connection *idle = find_idle(server);
    if (idle)
        hang_up(server, idle);
    return idle;
}

static bool identify(const struct server *server, int fd, struct clo_caller *caller)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return false;
    *caller = (struct clo_caller){.kind = CLO_CALLER_PROCESS,
                                  .uid = peer.uid,
                                  .gid = peer.gid,
                                  .pid = (uint32_t)peer.pid,
                                  .start_time =
                                      client_process_start(server->world->processes, fd, peer.pid)};
    return true;
}

static bool user_may(const struct server *server, uint32_t uid)
{
    unsigned held = 0;
    if (uid == server->world->owner || uid == 0)
        return true;
    for (unsigned i = 0; i < SERVER_CONNECTIONS_MAX; i++)
        held += server->connection[i].fd > 0 && server->connection[i].client.caller.uid == uid;
    return held < SERVER_USER_MAX;
}

/* Takes over `fd`. */
static void welcome(struct server *server, int fd)
{
    struct clo_caller caller;
    struct connection *connection = NULL;
    AUTO_FD int owned = fd;
    if (identify(server, fd, &caller) && user_may(server, caller.uid))
        connection = find_free(server);
    if (!connection) {
        log_debug("a client was turned away: %u connections are open", server->count);
        return;
    }
    uint32_t index = (uint32_t)(connection - server->connection);
    connection->serial++;
    if (watch(server, fd, EPOLLIN | EPOLLRDHUP,
              watch_data(WATCH_CONNECTION, index, connection->serial), NULL) != CLOISTER_OK)
        return;
    connection->fd = take_fd(&owned);
    connection->heard = server->clock++;
    connection->client = (struct control_client){.caller = caller};
    server->count++;
}

static void accept_clients(struct server *server)
{
    for (unsigned i = 0; i < ACCEPTS_AT_ONCE; i++) {
        int fd = accept4(server->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            welcome(server, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            struct connection *idle = find_idle(server);
            if (!idle) {
                log_warning("no descriptors left; clients wait until a connection closes");
                set_accepting(server, false);
                return;
            }
            hang_up(server, idle);
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

/* Requests */

static void attach(struct msghdr *message, void *buffer, const struct control_reply *reply)
{
    size_t size = reply->descriptor_count * sizeof(int);
    if (size == 0)
        return;
    message->msg_control = buffer;
    message->msg_controllen = CMSG_SPACE(size);
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(control), reply->descriptor, size);
}

static bool send_reply(int fd, struct control_reply *reply)
{
    struct iovec parts[2] = {{&reply->header, sizeof reply->header},
                             {reply->body, reply->header.size}};
    union {
        struct cmsghdr aligned;
        uint8_t bytes[CMSG_SPACE(sizeof reply->descriptor)];
    } control = {0};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    attach(&message, &control, reply);
    bool sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
    for (unsigned i = 0; i < reply->descriptor_count; i++)
        (void)close(reply->descriptor[i]);
    return sent;
}

/* One packet. false: the connection is over. Descriptors that a client sends are never taken: the
   socket refuses them where it can (world_socket.c), and there is no room for control messages, so
   that the kernel closes them. */
static bool receive(int fd, void *request, size_t room, size_t *size)
{
    struct iovec part = {request, room};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    *size = (size_t)got;
    return got > 0 && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
}

/* true: the world is to stop. */
static bool serve_connection(struct server *server, struct connection *connection)
{
    uint8_t request[CONTROL_REQUEST_MAX];
    struct control_reply reply;
    size_t size = 0;
    if (!receive(connection->fd, request, sizeof request, &size)) {
        hang_up(server, connection);
        return false;
    }
    if (size == 0)
        return false;
    connection->heard = server->clock++;
    control_answer(server->world, &connection->client, request, size, server->body, &reply);
    if (!send_reply(connection->fd, &reply) || reply.hang_up)
        hang_up(server, connection);
    return reply.stop;
}

static bool connection_event(struct server *server, const struct epoll_event *event)
{
    uint32_t index = event->data.u64 & 0xffffff;
    struct connection *connection = &server->connection[index];
    /* An earlier event of the same batch may have closed it. */
    if (connection->fd == 0 || connection->serial != (uint32_t)(event->data.u64 >> 32))
        return false;
    if (event->events & EPOLLIN)
        return serve_connection(server, connection);
    hang_up(server, connection);
    return false;
}

/* Everything else */

static int take_signal(struct server *server)
{
    struct signalfd_siginfo info;
    if (read(server->signals, &info, sizeof info) != sizeof info)
        return NOTHING_HAPPENED;
    log_info("signal %u: the world stops", info.ssi_signo);
    return SERVER_STOP;
}

static int module_changed(struct server *server)
{
    errands_serve(server->world);
    if (server->started || !world_started(server->world))
        return NOTHING_HAPPENED;
    server->started = true;
    return SERVER_STARTED;
}

static int handle(struct server *server, const struct epoll_event *event)
{
    switch ((enum watched)(event->data.u64 >> 24 & 0xff)) {
    case WATCH_LISTEN:
        accept_clients(server);
        return NOTHING_HAPPENED;
    case WATCH_SIGNALS:
        return take_signal(server);
    case WATCH_KEEPER:
        return SERVER_ORPHANED;
    case WATCH_CHANGES:
        return module_changed(server);
    case WATCH_CONNECTION:
        return connection_event(server, event) ? SERVER_STOP : NOTHING_HAPPENED;
    case WATCH_GUESTS: /* they have a turn after each batch */
        return NOTHING_HAPPENED;
    }
    return NOTHING_HAPPENED;
}

static int wait(struct server *server, struct epoll_event *events)
{
    bool trim = server->started && !server->trimmed;
    int timeout = trim ? TRIM_AFTER_MS : -1;
    int turn = server->guests ? guests_timeout(server->guests) : -1;
    if (turn >= 0 && (timeout < 0 || turn < timeout))
        timeout = turn;
    int count = epoll_wait(server->epoll, events, EVENTS_AT_ONCE, timeout);
    if (trim && count == 0 && timeout != turn) {
        memory_trim();
        server->trimmed = true;
    }
    return count;
}

enum server_event server_run(struct server *server, struct reason *why)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    for (;;) {
        int count = wait(server, events);
        if (count < 0 && errno != EINTR) {
            (void)!refuse_errno(why, "cannot wait for clients");
            return SERVER_FAILED;
        }
        /* What is left of a batch when this returns comes again: all but changes is
           level-triggered, and those are looked at here first. */
        for (int i = 0; i < count; i++) {
            int happened = handle(server, &events[i]);
            if (happened != NOTHING_HAPPENED)
                return (enum server_event)happened;
        }
        if (server->guests)
            guests_turn(server->guests);
    }
}

void server_destroy(struct server *server)
{
    for (unsigned i = 0; server->connection && i < SERVER_CONNECTIONS_MAX; i++)
        if (server->connection[i].fd > 0)
            hang_up(server, &server->connection[i]);
    if (server->epoll >= 0)
        (void)close(server->epoll);
    if (server->signals >= 0)
        (void)close(server->signals);
    free(server->connection);
    free(server->body);
}

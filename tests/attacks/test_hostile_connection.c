/*
 * ATTACKS N10 and N11: clients that die at every point of a call, come and go ten thousand times,
 * hold everything there is, send what nobody asked for, or claim to be somebody else. What they
 * held is given back, and an honest client goes on.
 */
#include "tests/attacks/attacked_world.h"
#include "tests/attacks/raw_channel.h"
#include "tests/modules/witness.h"

#include "base/scope.h"
#include "cloister/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CONNECTIONS 10000u
#define WARM_UP 500u
#define MEMORY_SLACK_KIB 512u
#define CHANNELS 32u /* witness's channels_max */
#define ROUNDS 5u
#define NOBODY 65534u
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

/* Death */

/* Where a client is when it dies; each point is reached by way of the ones before. */
enum point {
    CONNECTED,
    HALF_ASKED,   /* a header, and no body */
    ASKED,        /* the reply is not read */
    OPENED,       /* the channel is there */
    SESSION_SENT, /* the session's beginning is submitted, nobody was woken */
    IN_SESSION,
    CALL_WRITTEN, /* all but the turn */
    CALL_SENT,    /* nobody was woken */
    IN_CALL,
    ANSWERED, /* the reply is not read */
    RING_FULL,
    PARKED,
    POINTS,
};

static void write_turn(struct raw_channel *channel, const struct clo_submission *submission)
{
    struct clo_submission *entry = raw_entry(channel);
    *entry = *submission;
    channel->submitted++;
    __atomic_store_n(&entry->turn, channel->submitted, __ATOMIC_RELEASE);
}

static void ask_half(int socket)
{
    struct clo_control_header header = {.magic = CLO_CONTROL_MAGIC,
                                        .abi_major = CLO_ABI_MAJOR,
                                        .type = CLO_CONTROL_OPEN,
                                        .size = sizeof(struct clo_open_request)};
    (void)send(socket, &header, sizeof header, MSG_NOSIGNAL);
}

static int go_to_socket_point(enum point point)
{
    int socket = raw_connect(attacked.socket);
    if (point == HALF_ASKED)
        ask_half(socket);
    else if (point == ASKED)
        raw_ask_for_channel(socket, "witness", 0);
    return socket;
}

static void go_to_call_point(struct raw_channel *channel, enum point point)
{
    struct clo_submission slow = raw_slow(0, 30000);
    struct clo_submission echo = raw_echo(channel, 0, WITNESS_MOST);
    if (point == CALL_WRITTEN) {
        *raw_entry(channel) = slow;
        raw_entry(channel)->turn = 0;
    } else if (point == CALL_SENT) {
        write_turn(channel, &echo);
    } else if (point == ANSWERED) {
        raw_submit(channel, &echo);
        (void)usleep(1000);
    } else {
        for (unsigned i = 0; i < (point == RING_FULL ? CLO_RING_SIZE : 1); i++)
            raw_submit(channel, &slow);
    }
    if (point == PARKED)
        __atomic_store_n(&channel->header->client_parked, 1, __ATOMIC_SEQ_CST);
}

static void go_to(enum point point)
{
    struct raw_channel channel;
    struct clo_submission open = raw_plain(CLO_METHOD_OPEN, 0);
    if (point <= ASKED) {
        (void)go_to_socket_point(point);
        return;
    }
    assert_int_equal(raw_channel_open(&channel, attacked.socket, "witness", 2 * WITNESS_MOST),
                     CLOISTER_OK);
    if (point == OPENED)
        return;
    if (point == SESSION_SENT) {
        write_turn(&channel, &open);
        return;
    }
    assert_int_equal(raw_call(&channel, &open), CLOISTER_OK);
    if (point > IN_SESSION)
        go_to_call_point(&channel, point);
}

/* A client that stands still at `point`, and is killed there. */
static void die_at(enum point point)
{
    int ends[2];
    char byte = 0;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = attacked_fork();
    if (child == 0) {
        go_to(point);
        (void)!write(ends[1], "1", 1);
        for (;;)
            (void)pause();
    }
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    (void)close(ends[0]);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(attacked_wait_for(child), 128 + SIGKILL);
}

static void client_that_dies_leaves_nothing_wherever_it_was(void **state)
{
    (void)state;
    attacked_or_skip();
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct neighbour *neighbour = neighbour_start();
        for (enum point point = CONNECTED; point < POINTS; point++) {
            die_at(point);
            attacked_wait_for_channels(1);
        }
        neighbour_stop(neighbour);
    }
    attacked_wait_for_channels(0);
    struct witness_facts facts = attacked_facts();
    assert_int_equal(facts.opened, facts.closed + 1); /* one is the question's own */
    attacked_is_sound();
}

/* A client that is gone and back before anyone has looked gets a channel with nothing in it. */
static void client_that_comes_back_finds_an_empty_channel(void **state)
{
    (void)state;
    attacked_or_skip();
    for (unsigned i = 0; i < 200; i++) {
        struct raw_channel channel;
        raw_channel_ready(&channel, attacked.socket);
        assert_int_equal(channel.completed, 1);
        for (size_t byte = 0; byte < channel.arena_size; byte++)
            assert_int_equal(channel.arena[byte], 0);
        memset(channel.arena, 0xa5, channel.arena_size);
        struct clo_submission slow = raw_slow(0, 500);
        struct clo_submission echo = raw_echo(&channel, 0, WITNESS_MOST);
        raw_submit(&channel, &slow);
        raw_submit(&channel, &echo);
        raw_channel_close(&channel);
    }
    attacked_wait_for_channels(0);
    attacked_is_sound();
}

/* Numbers */

static void come_and_go(unsigned i)
{
    struct raw_channel channel;
    if (i % 8 < 4) {
        (void)close(go_to_socket_point((enum point)(i % 3)));
        return;
    }
    uint32_t arena = i % 8 == 4 ? 0 : 4096u << i % 5;
    assert_int_equal(raw_channel_open(&channel, attacked.socket, "witness", arena), CLOISTER_OK);
    if (i % 8 == 6) {
        struct clo_submission open = raw_plain(CLO_METHOD_OPEN, 0);
        assert_int_equal(raw_call(&channel, &open), CLOISTER_OK);
    } else if (i % 8 == 7) {
        memset(channel.header, (int)i, channel.size);
        raw_ring(&channel);
    }
    raw_channel_close(&channel);
}

static void connect_many(unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        come_and_go(i);
    attacked_wait_for_channels(1);
}

static void expect_no_more_than(unsigned descriptors, unsigned long memory)
{
    /* The last connections may still be on their way out. */
    for (unsigned i = 0; i < 1000 && attacked_descriptors() > descriptors; i++)
        (void)usleep(5000);
    assert_in_range(attacked_descriptors(), 0, descriptors);
    print_message("memory of the world host: %lu KiB, then %lu KiB\n", memory, attacked_memory());
#ifndef CLOISTER_SANITIZED /* they keep what was freed */
    assert_in_range(attacked_memory(), 1, memory + MEMORY_SLACK_KIB);
#endif
}

static void ten_thousand_connections_leave_nothing(void **state)
{
    (void)state;
    struct raw_channel channel;
    attacked_or_skip();
    struct neighbour *neighbour = neighbour_start();
    connect_many(attacked_times(WARM_UP));
    unsigned descriptors = attacked_descriptors();
    unsigned long memory = attacked_memory();
    uint64_t replies = neighbour_replies(neighbour);
    connect_many(attacked_times(CONNECTIONS));
    expect_no_more_than(descriptors, memory);
    print_message("an honest client got %llu replies meanwhile\n",
                  (unsigned long long)(neighbour_replies(neighbour) - replies));
    neighbour_goes_on(neighbour, 100);
    neighbour_stop(neighbour);
    attacked_wait_for_channels(0);
    /* Nothing is left in the window either: the largest channel fits. */
    assert_int_equal(raw_channel_open(&channel, attacked.socket, "witness", CLO_ARENA_MAX),
                     CLOISTER_OK);
    raw_channel_close(&channel);
    attacked_is_sound();
}

static void channels_that_are_all_held_come_back(void **state)
{
    (void)state;
    static struct raw_channel held[CHANNELS];
    struct raw_channel late;
    attacked_or_skip();
    struct neighbour *neighbour = neighbour_start();
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < CHANNELS - 1; i++)
            assert_int_equal(raw_channel_open_soon(&held[i], attacked.socket, 0), CLOISTER_OK);
        assert_int_equal(raw_channel_open(&late, attacked.socket, "witness", 0), CLOISTER_BUSY);
        neighbour_goes_on(neighbour, 100);
        for (unsigned i = 0; i < CHANNELS - 1; i++)
            raw_channel_close(&held[i]);
        attacked_wait_for_channels(1);
        raw_channel_ready(&late, attacked.socket);
        raw_channel_close(&late);
    }
    neighbour_stop(neighbour);
    attacked_is_sound();
}

/* A channel that went during a call waits for the call's end: many of them, of a client that does
   nothing else, leave everyone else served. */
static void channels_that_end_in_a_call_do_not_run_out(void **state)
{
    (void)state;
    struct raw_channel busy;
    attacked_or_skip();
    struct neighbour *neighbour = neighbour_start();
    for (unsigned round = 0; round < 10; round++) {
        raw_channel_ready(&busy, attacked.socket);
        struct clo_submission slow = raw_slow(0, 20000);
        raw_submit(&busy, &slow);
        for (unsigned i = 0; i < 2 * CHANNELS; i++) {
            struct raw_channel channel;
            int status = raw_channel_open(&channel, attacked.socket, "witness", 0);
            assert_true(status == CLOISTER_OK || status == CLOISTER_BUSY);
            if (status == CLOISTER_OK)
                raw_channel_close(&channel);
        }
        raw_channel_close(&busy);
        neighbour_goes_on(neighbour, 10);
    }
    neighbour_stop(neighbour);
    attacked_wait_for_channels(0);
    attacked_is_sound();
}

static void half_open_connections_are_closed(void **state)
{
    (void)state;
    char byte;
    attacked_or_skip();
    for (int how = SHUT_RD; how <= SHUT_RDWR; how++) {
        int fd = raw_connect(attacked.socket);
        assert_int_equal(shutdown(fd, how), 0);
        if (how == SHUT_RD)
            raw_send(fd, CLO_CONTROL_WORLD, NULL, 0);
        struct pollfd over = {.fd = fd, .events = POLLRDHUP};
        assert_int_equal(poll(&over, 1, 20000), 1);
        assert_in_range(recv(fd, &byte, 1, MSG_DONTWAIT) + 1, 0, 1);
        (void)close(fd);
    }
    attacked_is_sound();
}

static void world_without_descriptors_recovers(void **state)
{
    (void)state;
    int fd[64];
    struct raw_channel channel;
    struct rlimit old;
    attacked_or_skip();
    unsigned used = attacked_descriptors();
    struct rlimit low = {used + 4, 0};
    if (used == 0 || prlimit(attacked.host, RLIMIT_NOFILE, NULL, &old) != 0) {
        print_message("skipped: another process's limits may not be changed\n");
        skip();
    }
    low.rlim_max = old.rlim_max;
    struct neighbour *neighbour = neighbour_start();
    assert_int_equal(prlimit(attacked.host, RLIMIT_NOFILE, &low, NULL), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(fd); i++)
        fd[i] = raw_connect(attacked.socket);
    for (unsigned i = 0; i < 20; i++)
        if (raw_channel_open(&channel, attacked.socket, "witness", 0) == CLOISTER_OK)
            raw_channel_close(&channel);
    neighbour_goes_on(neighbour, 100);
    assert_int_equal(prlimit(attacked.host, RLIMIT_NOFILE, &old, NULL), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(fd); i++)
        (void)close(fd[i]);
    raw_channel_ready(&channel, attacked.socket);
    raw_channel_close(&channel);
    neighbour_stop(neighbour);
    attacked_is_sound();
}

/* Descriptors that nobody asked for */

static ssize_t send_descriptors(int socket, const int *sent, unsigned count)
{
    struct clo_control_header header = {
        .magic = CLO_CONTROL_MAGIC, .abi_major = CLO_ABI_MAJOR, .type = CLO_CONTROL_WORLD};
    struct iovec part = {&header, sizeof header};
    union {
        struct cmsghdr aligned;
        uint8_t bytes[CMSG_SPACE(200 * sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *first = CMSG_FIRSTHDR(&message);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(first), sent, count * sizeof(int));
    return sendmsg(socket, &message, MSG_NOSIGNAL);
}

static void foreign_descriptors_are_not_kept(void **state)
{
    (void)state;
    int sent[200];
    attacked_or_skip();
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (unsigned i = 0; i < ARRAY_SIZE(sent); i++)
        sent[i] = nothing;
    unsigned before = attacked_descriptors();
    for (unsigned i = 0; i < 100; i++) {
        int fd = raw_connect(attacked.socket);
        (void)send_descriptors(fd, sent, i % ARRAY_SIZE(sent) + 1);
        (void)close(fd);
    }
    (void)close(nothing);
    expect_no_more_than(before, attacked_memory());
    attacked_is_sound();
}

/* A TCP socket with bytes that its peer never takes. Closing it for the last time waits until they
   are gone, or for as long as SO_LINGER says. */
static int lingering_socket(int *peer)
{
    static const char bytes[1 << 16];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct linger linger = {1, 3600};
    socklen_t size = sizeof address;
    *peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(*peer, (struct sockaddr *)&address, size) != 0 || listen(*peer, 1) != 0 ||
        getsockname(*peer, (struct sockaddr *)&address, &size) != 0 ||
        connect(fd, (struct sockaddr *)&address, size) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) != 0)
        return -1;
    while (send(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        ;
    return fd;
}

static bool kernel_can_refuse_descriptors(void)
{
    const int off = 0;
    AUTO_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    return setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof off) == 0;
}

static void descriptor_that_lingers_does_not_hold_up_the_world(void **state)
{
    (void)state;
    int peer;
    attacked_or_skip();
    if (!kernel_can_refuse_descriptors()) {
        print_message("skipped: this kernel has no SO_PASSRIGHTS (Linux 6.16)\n");
        skip();
    }
    int sent = lingering_socket(&peer);
    if (sent < 0) {
        print_message("skipped: no TCP over the loopback interface\n");
        skip();
    }
    int fd = raw_connect(attacked.socket);
    ssize_t size = send_descriptors(fd, &sent, 1);
    int reason = errno;
    if (size < 0)
        attacked_is_sound();
    (void)close(peer); /* ends the wait, wherever it is; here else */
    (void)close(sent);
    (void)close(fd);
    assert_int_equal(size, -1);
    assert_int_equal(reason, EPERM);
}

/* Identity */

static void need_root(void)
{
    if (geteuid() == 0)
        return;
    print_message("skipped: only root can act as another user\n");
    skip();
}

/* Runs in a child as nobody. */
static int as_nobody(int (*act)(void))
{
    pid_t child = attacked_fork();
    if (child == 0) {
        if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
            _exit(200);
        _exit(act());
    }
    return attacked_wait_for(child);
}

static int try_to_connect(void)
{
    int fd = raw_connect(attacked.socket);
    return fd < 0 ? errno : 0;
}

static void other_users_cannot_connect(void **state)
{
    (void)state;
    attacked_or_skip();
    need_root();
    assert_int_equal(as_nobody(try_to_connect), EACCES);
    /* Where the folders are open, the socket itself is not. */
    char runtime[128];
    (void)snprintf(runtime, sizeof runtime, "%s/run", attacked.folder);
    assert_int_equal(chmod(attacked.folder, 0755), 0);
    assert_int_equal(chmod(runtime, 0755), 0);
    assert_int_equal(as_nobody(try_to_connect), EACCES);
    assert_int_equal(chmod(runtime, 0700), 0);
    attacked_is_sound();
}

/* 0: the module is told who we are. */
static int ask_who_we_are(void)
{
    struct witness_facts facts = attacked_facts();
    if (facts.uid != NOBODY || facts.gid != NOBODY)
        return 1;
    return facts.pid == (uint32_t)getpid() ? 0 : 2;
}

static int try_to_stop(void)
{
    uint8_t body[64];
    return raw_ask(raw_connect(attacked.socket), CLO_CONTROL_STOP, NULL, 0, body, sizeof body);
}

static void other_users_are_known_for_what_they_are(void **state)
{
    (void)state;
    char runtime[128];
    attacked_or_skip();
    need_root();
    (void)snprintf(runtime, sizeof runtime, "%s/run", attacked.folder);
    assert_int_equal(chmod(attacked.folder, 0755), 0);
    assert_int_equal(chmod(runtime, 0755), 0);
    assert_int_equal(chmod(attacked.socket, 0666), 0);
    assert_int_equal(as_nobody(ask_who_we_are), 0);
    assert_int_equal(as_nobody(try_to_stop), CLOISTER_DENIED);
    assert_int_equal(chmod(attacked.socket, 0600), 0);
    assert_int_equal(chmod(runtime, 0700), 0);
    attacked_is_sound();
}

/* Root may send any credentials; the world asks the kernel who connected. */
static void credentials_in_a_packet_count_for_nothing(void **state)
{
    (void)state;
    struct clo_open_reply reply;
    attacked_or_skip();
    need_root();
    struct ucred claim = {.pid = 1, .uid = NOBODY, .gid = NOBODY};
    struct {
        struct clo_control_header header;
        struct clo_open_request request;
    } open = {{.magic = CLO_CONTROL_MAGIC,
               .abi_major = CLO_ABI_MAJOR,
               .type = CLO_CONTROL_OPEN,
               .size = sizeof open.request},
              {.module = "witness", .arena_size = 2 * WITNESS_MOST}};
    struct iovec part = {&open, sizeof open};
    union {
        struct cmsghdr aligned;
        uint8_t bytes[CMSG_SPACE(sizeof claim)];
    } control = {0};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *first = CMSG_FIRSTHDR(&message);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_CREDENTIALS;
    first->cmsg_len = CMSG_LEN(sizeof claim);
    memcpy(CMSG_DATA(first), &claim, sizeof claim);
    int fd = raw_connect(attacked.socket);
    assert_int_equal(sendmsg(fd, &message, MSG_NOSIGNAL), sizeof open);
    int status = raw_receive(fd, &reply, sizeof reply, NULL);
    print_message("a request with credentials in it: status %d\n", status);
    assert_int_equal(attacked_facts().uid, 0);
    (void)close(fd);
    attacked_is_sound();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_that_dies_leaves_nothing_wherever_it_was),
        cmocka_unit_test(client_that_comes_back_finds_an_empty_channel),
        cmocka_unit_test(ten_thousand_connections_leave_nothing),
        cmocka_unit_test(channels_that_are_all_held_come_back),
        cmocka_unit_test(channels_that_end_in_a_call_do_not_run_out),
        cmocka_unit_test(half_open_connections_are_closed),
        cmocka_unit_test(world_without_descriptors_recovers),
        cmocka_unit_test(foreign_descriptors_are_not_kept),
        cmocka_unit_test(descriptor_that_lingers_does_not_hold_up_the_world),
        cmocka_unit_test(other_users_cannot_connect),
        cmocka_unit_test(other_users_are_known_for_what_they_are),
        cmocka_unit_test(credentials_in_a_packet_count_for_nothing),
    };
    return cmocka_run_group_tests(tests, attacked_start, attacked_stop);
}

/*
 * A client that keeps no rule: see raw_channel.h.
 */
#include "tests/attacks/raw_channel.h"

#include "cloister/status.h"
#include "tests/modules/witness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_S 20
#define POLL_US 20
#define POLLS (PATIENCE_S * 1000000u / POLL_US)
#define POLLS_BUSY 2000u /* before the first sleep */

/* Messages */

int raw_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd);
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

void raw_send(int socket, uint16_t type, const void *body, size_t size)
{
    struct clo_control_header header = {.magic = CLO_CONTROL_MAGIC,
                                        .abi_major = CLO_ABI_MAJOR,
                                        .type = type,
                                        .size = (uint32_t)size};
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)(uintptr_t)body, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    assert_int_equal(sendmsg(socket, &message, MSG_NOSIGNAL), sizeof header + size);
}

int raw_receive(int socket, void *body, size_t room, int got[2])
{
    struct clo_control_header header;
    struct iovec parts[2] = {{&header, sizeof header}, {body, room}};
    union {
        struct cmsghdr aligned;
        uint8_t bytes[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = parts,
                             .msg_iovlen = 2,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (n < (ssize_t)sizeof header)
        return -1;
    const struct cmsghdr *first = CMSG_FIRSTHDR(&message);
    if (got && first)
        memcpy(got, CMSG_DATA(first), 2 * sizeof(int));
    return header.status;
}

int raw_ask(int socket, uint16_t type, const void *request, size_t size, void *body, size_t room)
{
    raw_send(socket, type, request, size);
    return raw_receive(socket, body, room, NULL);
}

void raw_ask_for_channel(int socket, const char *module, uint32_t arena_size)
{
    struct clo_open_request request = {.arena_size = arena_size};
    (void)snprintf((char *)request.module, sizeof request.module, "%s", module);
    raw_send(socket, CLO_CONTROL_OPEN, &request, sizeof request);
}

/* Channels */

static void map(struct raw_channel *channel)
{
    uint8_t *memory =
        mmap(NULL, channel->size, PROT_READ | PROT_WRITE, MAP_SHARED, channel->memfd, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    channel->header = (void *)memory;
    channel->submissions = (void *)(memory + CLO_SUBMISSIONS_OFFSET);
    channel->completions = (void *)(memory + CLO_COMPLETIONS_OFFSET);
    channel->arena = memory + CLO_ARENA_OFFSET;
}

int raw_channel_open(struct raw_channel *channel, const char *path, const char *module,
                     uint32_t arena_size)
{
    struct clo_open_reply reply;
    int got[2] = {-1, -1};
    *channel = (struct raw_channel){.socket = raw_connect(path), .memfd = -1, .doorbell = -1};
    assert_true(channel->socket >= 0);
    raw_ask_for_channel(channel->socket, module, arena_size);
    int status = raw_receive(channel->socket, &reply, sizeof reply, got);
    if (status != CLOISTER_OK) {
        raw_channel_close(channel);
        return status;
    }
    channel->memfd = got[0];
    channel->doorbell = got[1];
    channel->size = reply.size;
    channel->arena_size = reply.arena_size;
    map(channel);
    return CLOISTER_OK;
}

void raw_channel_close(struct raw_channel *channel)
{
    if (channel->header)
        (void)munmap(channel->header, channel->size);
    (void)close(channel->socket);
    if (channel->memfd >= 0)
        (void)close(channel->memfd);
    if (channel->doorbell >= 0)
        (void)close(channel->doorbell);
    channel->header = NULL;
}

struct clo_submission *raw_entry(const struct raw_channel *channel)
{
    return &channel->submissions[channel->submitted % CLO_RING_SIZE];
}

void raw_ring(const struct raw_channel *channel)
{
    uint64_t one = 1;
    (void)!write(channel->doorbell, &one, sizeof one);
}

void raw_publish(struct raw_channel *channel)
{
    struct clo_submission *entry = raw_entry(channel);
    channel->submitted++;
    __atomic_store_n(&entry->turn, channel->submitted, __ATOMIC_RELEASE);
    raw_ring(channel);
}

void raw_submit(struct raw_channel *channel, const struct clo_submission *submission)
{
    size_t skipped = sizeof submission->turn;
    memcpy((uint8_t *)raw_entry(channel) + skipped, (const uint8_t *)submission + skipped,
           sizeof *submission - skipped);
    raw_publish(channel);
}

static bool over(const struct raw_channel *channel)
{
    return __atomic_load_n(&channel->header->state, __ATOMIC_ACQUIRE) != CLO_CHANNEL_LIVE;
}

bool raw_wait(struct raw_channel *channel, struct clo_completion *completion)
{
    const struct clo_completion *entry = &channel->completions[channel->completed % CLO_RING_SIZE];
    for (unsigned i = 0; i < POLLS; i++) {
        if (__atomic_load_n(&entry->turn, __ATOMIC_ACQUIRE) == channel->completed + 1) {
            memcpy(completion, entry, sizeof *completion);
            channel->completed++;
            return true;
        }
        if (over(channel))
            return false;
        if (i > POLLS_BUSY)
            (void)usleep(POLL_US);
    }
    fail_msg("no completion %u in %u s", channel->completed + 1, PATIENCE_S);
    return false;
}

int raw_call(struct raw_channel *channel, const struct clo_submission *submission)
{
    struct clo_completion completion;
    raw_submit(channel, submission);
    return raw_wait(channel, &completion) ? completion.status : -1;
}

uint32_t raw_wait_broken(const struct raw_channel *channel)
{
    for (unsigned i = 0; i < POLLS && !over(channel); i++)
        (void)usleep(POLL_US);
    assert_int_equal(channel->header->state, CLO_CHANNEL_BROKEN);
    return channel->header->reason;
}

/* Submissions */

struct clo_submission raw_plain(uint16_t method, uint16_t session)
{
    return (struct clo_submission){.method = method, .session = session};
}

struct clo_submission raw_echo(const struct raw_channel *channel, uint16_t session, uint32_t size)
{
    struct clo_submission submission = raw_plain(WITNESS_ECHO, session);
    submission.kinds = CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4;
    submission.parameter[0] = (struct clo_parameter){.a = 0, .b = size};
    submission.parameter[1] = (struct clo_parameter){.a = channel->arena_size / 2, .b = size};
    return submission;
}

struct clo_submission raw_slow(uint16_t session, uint64_t us)
{
    struct clo_submission submission = raw_plain(WITNESS_SLOW, session);
    submission.kinds = CLO_PARAM_IN;
    submission.parameter[0].a = us;
    return submission;
}

int raw_channel_open_soon(struct raw_channel *channel, const char *path, uint32_t arena_size)
{
    int status = raw_channel_open(channel, path, "witness", arena_size);
    for (unsigned i = 0; status == CLOISTER_BUSY && i < 5000; i++) {
        (void)usleep(1000);
        status = raw_channel_open(channel, path, "witness", arena_size);
    }
    return status;
}

void raw_channel_ready(struct raw_channel *channel, const char *path)
{
    struct clo_submission open = raw_plain(CLO_METHOD_OPEN, 0);
    assert_int_equal(raw_channel_open_soon(channel, path, 2 * WITNESS_MOST), CLOISTER_OK);
    assert_int_equal(raw_call(channel, &open), CLOISTER_OK);
}

/*
 * A VMM and a guest in one process: see played_guest.h.
 */
#include "tests/e2e/played_guest.h"

#include "cloister/status.h"
#include "tests/modules/witness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_S 20
#define POLL_US 100
#define POLLS (PATIENCE_S * 1000000u / POLL_US)

int played_guest_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd);
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

/* One message of the protocol; its descriptor, or -1, goes to `fd`. */
static bool take(int socket, int64_t *value, int *fd)
{
    struct iovec part = {value, sizeof *value};
    union {
        struct cmsghdr aligned;
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control.bytes};
    *fd = -1;
    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL) != sizeof *value)
        return false;
    const struct cmsghdr *first = CMSG_FIRSTHDR(&message);
    if (first)
        memcpy(fd, CMSG_DATA(first), sizeof *fd);
    return true;
}

static bool take_vectors(int socket, int64_t id, int fds[CLO_GUEST_VECTORS])
{
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++) {
        int64_t value;
        if (!take(socket, &value, &fds[i]))
            return false;
        assert_int_equal(value, id);
        assert_true(fds[i] >= 0);
    }
    return true;
}

static void map(struct played_guest *guest)
{
    struct stat st;
    assert_int_equal(fstat(guest->memfd, &st), 0);
    guest->size = (size_t)st.st_size;
    uint8_t *memory = mmap(NULL, guest->size, PROT_READ | PROT_WRITE, MAP_SHARED, guest->memfd, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    guest->header = (void *)memory;
    guest->lanes = (void *)(memory + CLO_GUEST_LANES_OFFSET);
}

bool played_guest_greeted(struct played_guest *guest, int socket)
{
    int64_t value;
    int none;
    *guest = (struct played_guest){.socket = socket, .memfd = -1};
    if (!take(socket, &value, &none))
        return false;
    assert_int_equal(value, 0);
    assert_int_equal(none, -1);
    assert_true(take(socket, &guest->id, &none));
    assert_int_equal(none, -1);
    assert_in_range(guest->id, 1, 65535);
    assert_true(take(socket, &value, &guest->memfd));
    assert_int_equal(value, -1);
    assert_true(guest->memfd >= 0);
    assert_true(take_vectors(socket, 0, guest->doorbell));
    assert_true(take_vectors(socket, guest->id, guest->interrupt));
    map(guest);
    return true;
}

void played_guest_start(struct played_guest *guest, const char *path,
                        const struct clo_guest_measured *measured)
{
    int socket = played_guest_connect(path);
    assert_true(socket >= 0);
    assert_true(played_guest_greeted(guest, socket));
    if (measured)
        assert_int_equal(send(socket, measured, sizeof *measured, MSG_NOSIGNAL), sizeof *measured);
}

void played_guest_end(struct played_guest *guest)
{
    (void)munmap(guest->header, guest->size);
    (void)close(guest->socket);
    (void)close(guest->memfd);
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++) {
        (void)close(guest->doorbell[i]);
        (void)close(guest->interrupt[i]);
    }
}

/* Lanes */

void played_guest_ring(const struct played_guest *guest)
{
    uint64_t one = 1;
    (void)!write(guest->doorbell[CLO_GUEST_VECTOR_REQUEST], &one, sizeof one);
}

bool played_guest_answered(const struct played_guest *guest, unsigned lane)
{
    const struct clo_lane *at = &guest->lanes[lane];
    return __atomic_load_n(&at->reply, __ATOMIC_ACQUIRE) == at->request;
}

void played_guest_send(const struct played_guest *guest, unsigned lane, uint16_t type,
                       const void *body, size_t size)
{
    struct clo_lane *at = &guest->lanes[lane];
    struct clo_control_header header = {.magic = CLO_CONTROL_MAGIC,
                                        .abi_major = CLO_ABI_MAJOR,
                                        .type = type,
                                        .size = (uint32_t)size};
    memcpy(at->message, &header, sizeof header);
    if (size > 0)
        memcpy(at->message + sizeof header, body, size);
    at->request_size = (uint32_t)(sizeof header + size);
    __atomic_store_n(&at->request, at->request + 1, __ATOMIC_SEQ_CST);
    played_guest_ring(guest);
}

int played_guest_receive(const struct played_guest *guest, unsigned lane, void *body, size_t room,
                         size_t *got)
{
    const struct clo_lane *at = &guest->lanes[lane];
    struct clo_control_header header;
    for (unsigned i = 0; i < POLLS && !played_guest_answered(guest, lane); i++)
        (void)usleep(POLL_US);
    if (!played_guest_answered(guest, lane))
        fail_msg("no answer in lane %u within %u s", lane, PATIENCE_S);
    memcpy(&header, at->message, sizeof header);
    assert_int_equal(header.magic, CLO_CONTROL_MAGIC);
    assert_int_equal(at->reply_size, sizeof header + header.size);
    if (body)
        memcpy(body, at->message + sizeof header, header.size < room ? header.size : room);
    if (got)
        *got = header.size;
    return header.status;
}

int played_guest_ask(const struct played_guest *guest, unsigned lane, uint16_t type,
                     const void *request, size_t size, void *body, size_t room)
{
    played_guest_send(guest, lane, type, request, size);
    return played_guest_receive(guest, lane, body, room, NULL);
}

/* Channels */

static void attach(const struct played_guest *guest, const struct clo_guest_open_reply *reply,
                   struct raw_channel *channel)
{
    assert_true(reply->offset >= CLO_GUEST_CHANNELS_OFFSET);
    assert_true(reply->offset <= guest->size && reply->open.size <= guest->size - reply->offset);
    assert_in_range(reply->vector, 1, CLO_GUEST_VECTORS - 1);
    uint8_t *memory = mmap(NULL, reply->open.size, PROT_READ | PROT_WRITE, MAP_SHARED, guest->memfd,
                           (off_t)reply->offset);
    assert_ptr_not_equal(memory, MAP_FAILED);
    *channel = (struct raw_channel){.socket = -1,
                                    .memfd = -1,
                                    .doorbell = dup(guest->doorbell[reply->vector]),
                                    .size = reply->open.size,
                                    .arena_size = reply->open.arena_size,
                                    .header = (void *)memory,
                                    .submissions = (void *)(memory + CLO_SUBMISSIONS_OFFSET),
                                    .completions = (void *)(memory + CLO_COMPLETIONS_OFFSET),
                                    .arena = memory + CLO_ARENA_OFFSET};
}

int played_guest_open(const struct played_guest *guest, unsigned lane, const char *module,
                      uint32_t arena_size, struct raw_channel *channel)
{
    struct clo_open_request request = {.arena_size = arena_size};
    struct clo_guest_open_reply reply;
    (void)snprintf((char *)request.module, sizeof request.module, "%s", module);
    int status = played_guest_ask(guest, lane, CLO_CONTROL_OPEN, &request, sizeof request, &reply,
                                  sizeof reply);
    if (status == CLOISTER_OK)
        attach(guest, &reply, channel);
    return status;
}

void played_guest_ready(const struct played_guest *guest, unsigned lane,
                        struct raw_channel *channel)
{
    struct clo_submission open = raw_plain(CLO_METHOD_OPEN, 0);
    int status = CLOISTER_BUSY;
    for (unsigned i = 0; status == CLOISTER_BUSY && i < 1000; i++) {
        status = played_guest_open(guest, lane, "witness", 2 * WITNESS_MOST, channel);
        if (status == CLOISTER_BUSY)
            (void)usleep(10000);
    }
    assert_int_equal(status, CLOISTER_OK);
    assert_int_equal(raw_call(channel, &open), CLOISTER_OK);
}

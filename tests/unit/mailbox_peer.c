/*
 * Speaks the server's side of the ivshmem protocol on a socket.
 */
#include "tests/unit/mailbox_peer.h"

#include <endian.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

void mailbox_peer_create(struct mailbox_peer *peer, int socket, size_t size, unsigned seals)
{
    *peer = (struct mailbox_peer){.socket = socket, .size = size};
    peer->memory = memfd_create("peer", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(peer->memory >= 0);
    assert_int_equal(ftruncate(peer->memory, (off_t)size), 0);
    peer->header = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, peer->memory, 0);
    assert_ptr_not_equal(peer->header, MAP_FAILED);
    peer->header->magic = CLO_GUEST_MAGIC;
    peer->header->abi_major = CLO_ABI_MAJOR;
    peer->header->size = (uint32_t)size;
    peer->header->lanes = CLO_GUEST_LANES;
    peer->header->number = 1;
    assert_int_equal(fcntl(peer->memory, F_ADD_SEALS, seals), 0);
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++) {
        peer->doorbell[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        peer->completion[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        assert_true(peer->doorbell[i] >= 0 && peer->completion[i] >= 0);
    }
}

void mailbox_peer_destroy(struct mailbox_peer *peer)
{
    (void)munmap(peer->header, peer->size);
    (void)close(peer->memory);
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++) {
        (void)close(peer->doorbell[i]);
        (void)close(peer->completion[i]);
    }
    if (peer->socket >= 0)
        (void)close(peer->socket);
}

void mailbox_peer_say(const struct mailbox_peer *peer, int64_t value, int fd, unsigned descriptors)
{
    uint64_t raw = htole64((uint64_t)value);
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(8 * sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = &raw, .iov_len = sizeof raw};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptors > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
        for (unsigned i = 0; i < descriptors; i++)
            memcpy(CMSG_DATA(head) + i * sizeof fd, &fd, sizeof fd);
    }
    assert_int_equal(sendmsg(peer->socket, &message, MSG_NOSIGNAL), sizeof raw);
}

void mailbox_peer_greet(const struct mailbox_peer *peer)
{
    mailbox_peer_say(peer, 0, -1, 0);
    mailbox_peer_say(peer, PEER_ID, -1, 0);
    mailbox_peer_say(peer, -1, peer->memory, 1);
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++)
        mailbox_peer_say(peer, 0, peer->doorbell[i], 1);
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++)
        mailbox_peer_say(peer, PEER_ID, peer->completion[i], 1);
}

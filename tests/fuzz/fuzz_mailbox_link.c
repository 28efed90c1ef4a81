/*
 * Fuzzes what a world says to a guest VMM: the ivshmem-server protocol and the memory's header. The
 * input is a list of messages, each a value and what descriptors come with it.
 */
#include "vmm/guest/mailbox_link.h"

#include "base/cursor.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGES_MAX 64u
#define DESCRIPTORS_MAX 8u

struct message {
    int64_t value;
    uint8_t descriptors; /* how many, and in the upper half of what kind */
    uint8_t size;        /* bytes of the value that are sent, minus 8 */
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int memory_with(struct cursor *cursor)
{
    struct clo_guest_header header = {.magic = CLO_GUEST_MAGIC,
                                      .abi_major = CLO_ABI_MAJOR,
                                      .size = CLO_GUEST_SIZE_MIN,
                                      .lanes = CLO_GUEST_LANES};
    uint8_t change[2] = {0};
    int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        abort();
    if (cursor_copy(cursor, change, sizeof change))
        ((uint8_t *)&header)[change[0] % 32] ^= change[1];
    off_t size = change[1] == 0xff ? 4096 : CLO_GUEST_SIZE_MIN;
    if (ftruncate(fd, size) != 0 || write(fd, &header, sizeof header) != sizeof header ||
        fcntl(fd, F_ADD_SEALS, change[0] & 0x80 ? F_SEAL_GROW : F_SEAL_GROW | F_SEAL_SHRINK) != 0)
        abort();
    return fd;
}

static void say(int socket, const struct message *message, const int *kinds)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)&message->value,
                         .iov_len = 8 - (message->size & 7u)};
    struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1};
    unsigned count = message->descriptors & 7u;
    int fd = kinds[message->descriptors >> 4 & 1];
    if (count > 0) {
        head.msg_control = control.bytes;
        head.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&head);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(count * sizeof(int));
        for (unsigned i = 0; i < count; i++)
            memcpy(CMSG_DATA(rights) + i * sizeof fd, &fd, sizeof fd);
    }
    (void)!sendmsg(socket, &head, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder))
        count++;
    if (folder)
        (void)closedir(folder);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct clo_guest_measured measured = {.magic = CLO_GUEST_MEASURED_MAGIC};
    struct cursor cursor = cursor_over(bytes, size);
    struct mailbox_link link;
    struct message message = {0};
    struct reason why;
    int pair[2];
    unsigned before = open_descriptors();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        abort();
    const int kinds[] = {memory_with(&cursor), eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    for (unsigned i = 0; i < MESSAGES_MAX; i++) {
        if (!cursor_copy(&cursor, &message.value, sizeof message.value) ||
            !cursor_copy(&cursor, &message.descriptors, 1) ||
            !cursor_copy(&cursor, &message.size, 1))
            break;
        say(pair[1], &message, kinds);
    }
    (void)shutdown(pair[1], SHUT_WR);
    if (mailbox_link_open(pair[0], &measured, &link, &why) == CLOISTER_OK) {
        /* What is accepted keeps these promises. */
        if (link.id == 0 || link.id > 65535 || link.size < CLO_GUEST_SIZE_MIN ||
            (link.size & (link.size - 1)) != 0)
            abort();
        mailbox_link_destroy(&link);
    }
    (void)close(pair[1]);
    (void)close(kinds[0]);
    (void)close(kinds[1]);
    if (open_descriptors() != before)
        abort();
    return 0;
}

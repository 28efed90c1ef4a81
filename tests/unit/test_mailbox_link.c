/*
 * The client side of the ivshmem-server protocol against a peer that keeps to it, and peers that do
 * not.
 */
#include "tests/unit/mailbox_peer.h"
#include "vmm/guest/mailbox_link.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#ifndef MFD_HUGE_2MB
#define MFD_HUGE_2MB (21u << 26)
#endif

#define SIZE CLO_GUEST_SIZE_MIN
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static struct mailbox_peer peer;
static struct mailbox_link link_of;
static struct reason why;
static int ours;
static const struct clo_guest_measured measured = {.magic = CLO_GUEST_MEASURED_MAGIC,
                                                   .kernel = {1, 2, 3}};

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    (void)closedir(folder);
    return count;
}

static unsigned before;

static void meet(size_t size, unsigned seals)
{
    int pair[2];
    before = open_descriptors();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ours = pair[0];
    mailbox_peer_create(&peer, pair[1], size, seals);
}

static void part(void)
{
    mailbox_peer_destroy(&peer);
    assert_int_equal(open_descriptors(), before);
}

/* What has been said so far is refused, with this in the line, and nothing stays open. */
static void expect_refusal(cloister_status status, const char *said)
{
    (void)shutdown(peer.socket, SHUT_WR);
    cloister_status got = mailbox_link_open(ours, &measured, &link_of, &why);
    if (got != status || !strstr(why.text, said))
        fail_msg("status %d, '%s'", got, why.text);
    part();
}

static void world_that_keeps_to_the_protocol_is_accepted(void **state)
{
    struct clo_guest_measured heard;
    (void)state;
    meet(SIZE, SEALS);
    mailbox_peer_greet(&peer);
    assert_int_equal(mailbox_link_open(ours, &measured, &link_of, &why), CLOISTER_OK);
    assert_int_equal(link_of.id, PEER_ID);
    assert_int_equal(link_of.size, SIZE);
    peer.header->interrupts = 77;
    assert_int_equal(((struct clo_guest_header *)link_of.bytes)->interrupts, 77);
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++) {
        uint64_t count = i + 1;
        assert_int_equal(write(link_of.doorbell[i], &count, sizeof count), sizeof count);
        assert_int_equal(read(peer.doorbell[i], &count, sizeof count), sizeof count);
        assert_int_equal(count, i + 1);
    }
    assert_int_equal(recv(peer.socket, &heard, sizeof heard, MSG_WAITALL), sizeof heard);
    assert_memory_equal(&heard, &measured, sizeof heard);
    mailbox_link_destroy(&link_of);
    part();
}

static void memory_descriptor_is_not_kept(void **state)
{
    (void)state;
    meet(SIZE, SEALS);
    mailbox_peer_greet(&peer);
    unsigned met = open_descriptors();
    assert_int_equal(mailbox_link_open(ours, &measured, &link_of, &why), CLOISTER_OK);
    assert_int_equal(open_descriptors(), met + 2 * CLO_GUEST_VECTORS);
    mailbox_link_destroy(&link_of);
    part();
}

static void other_version_is_refused(void **state)
{
    (void)state;
    meet(SIZE, SEALS);
    mailbox_peer_say(&peer, 1, -1, 0);
    expect_refusal(CLOISTER_BAD_FORMAT, "as its version");
}

static void descriptor_where_none_belongs_is_refused(void **state)
{
    (void)state;
    meet(SIZE, SEALS);
    mailbox_peer_say(&peer, 0, peer.memory, 1);
    expect_refusal(CLOISTER_BAD_FORMAT, "with a descriptor");
}

static void two_descriptors_in_a_message_are_refused(void **state)
{
    (void)state;
    meet(SIZE, SEALS);
    mailbox_peer_say(&peer, 0, -1, 0);
    mailbox_peer_say(&peer, PEER_ID, -1, 0);
    mailbox_peer_say(&peer, -1, peer.memory, 2);
    expect_refusal(CLOISTER_BAD_FORMAT, "2 descriptors");
}

static void crowd_of_descriptors_is_refused_and_closed(void **state)
{
    (void)state;
    meet(SIZE, SEALS);
    mailbox_peer_say(&peer, 0, peer.memory, 8);
    expect_refusal(CLOISTER_BAD_FORMAT, "descriptors");
}

static void numbers_that_no_guest_has_are_refused(void **state)
{
    static const int64_t numbers[] = {0, -1, 65536, INT64_MAX, INT64_MIN};
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        meet(SIZE, SEALS);
        mailbox_peer_say(&peer, 0, -1, 0);
        mailbox_peer_say(&peer, numbers[i], -1, 0);
        expect_refusal(CLOISTER_BAD_FORMAT, "the number");
    }
}

static void say_memory(void)
{
    mailbox_peer_say(&peer, 0, -1, 0);
    mailbox_peer_say(&peer, PEER_ID, -1, 0);
    mailbox_peer_say(&peer, -1, peer.memory, 1);
}

static void memory_that_could_shrink_or_grow_is_refused(void **state)
{
    (void)state;
    meet(SIZE, F_SEAL_GROW);
    say_memory();
    expect_refusal(CLOISTER_BAD_FORMAT, "not sealed");
    meet(SIZE, F_SEAL_SHRINK);
    say_memory();
    expect_refusal(CLOISTER_BAD_FORMAT, "not sealed");
}

static void memory_that_is_no_memfd_is_refused(void **state)
{
    (void)state;
    meet(SIZE, SEALS);
    mailbox_peer_say(&peer, 0, -1, 0);
    mailbox_peer_say(&peer, PEER_ID, -1, 0);
    mailbox_peer_say(&peer, -1, peer.doorbell[0], 1);
    expect_refusal(CLOISTER_BAD_FORMAT, "not sealed");
}

/* Sealed it is, but its pages can be taken away. */
static void memory_of_huge_pages_is_refused(void **state)
{
    (void)state;
    int huge = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_HUGE_2MB);
    if (huge < 0) {
        print_message("no huge pages: %s\n", strerror(errno));
        skip();
    }
    assert_int_equal(ftruncate(huge, SIZE), 0);
    assert_int_equal(fcntl(huge, F_ADD_SEALS, SEALS), 0);
    meet(SIZE, SEALS);
    mailbox_peer_say(&peer, 0, -1, 0);
    mailbox_peer_say(&peer, PEER_ID, -1, 0);
    mailbox_peer_say(&peer, -1, huge, 1);
    (void)close(huge);
    before--;
    expect_refusal(CLOISTER_BAD_FORMAT, "ordinary");
}

static void memory_of_a_wrong_size_is_refused(void **state)
{
    static const size_t sizes[] = {4096, SIZE / 2, SIZE + 4096, 2ull * CLO_GUEST_SIZE_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        meet(sizes[i], SEALS);
        say_memory();
        expect_refusal(CLOISTER_BAD_FORMAT, "a power of two");
    }
}

static void memory_with_a_wrong_header_is_refused(void **state)
{
    (void)state;
    meet(SIZE, SEALS);
    peer.header->magic++;
    say_memory();
    expect_refusal(CLOISTER_BAD_FORMAT, "magic");
    meet(SIZE, SEALS);
    peer.header->abi_major++;
    say_memory();
    expect_refusal(CLOISTER_BAD_FORMAT, "version");
    meet(SIZE, SEALS);
    peer.header->lanes--;
    say_memory();
    expect_refusal(CLOISTER_BAD_FORMAT, "lanes");
    meet(SIZE, SEALS);
    peer.header->size *= 2;
    say_memory();
    expect_refusal(CLOISTER_BAD_FORMAT, "says it has");
}

static void doorbells_and_completions_of_others_are_refused(void **state)
{
    (void)state;
    meet(SIZE, SEALS);
    say_memory();
    for (unsigned i = 0; i < CLO_GUEST_VECTORS - 1; i++)
        mailbox_peer_say(&peer, 0, peer.doorbell[i], 1);
    mailbox_peer_say(&peer, PEER_ID, peer.completion[0], 1);
    expect_refusal(CLOISTER_BAD_FORMAT, "as a doorbell");
    meet(SIZE, SEALS);
    say_memory();
    for (unsigned i = 0; i < CLO_GUEST_VECTORS; i++)
        mailbox_peer_say(&peer, 0, peer.doorbell[i], 1);
    mailbox_peer_say(&peer, PEER_ID + 1, peer.completion[0], 1);
    expect_refusal(CLOISTER_BAD_FORMAT, "as a completion");
    meet(SIZE, SEALS);
    say_memory();
    mailbox_peer_say(&peer, 0, -1, 0);
    expect_refusal(CLOISTER_BAD_FORMAT, "without a descriptor");
}

static void world_that_hangs_up_anywhere_is_named(void **state)
{
    (void)state;
    for (unsigned said = 0; said < 3 + 2 * CLO_GUEST_VECTORS; said++) {
        meet(SIZE, SEALS);
        for (unsigned i = 0; i < said; i++) {
            if (i == 0)
                mailbox_peer_say(&peer, 0, -1, 0);
            else if (i == 1)
                mailbox_peer_say(&peer, PEER_ID, -1, 0);
            else if (i == 2)
                mailbox_peer_say(&peer, -1, peer.memory, 1);
            else if (i < 3 + CLO_GUEST_VECTORS)
                mailbox_peer_say(&peer, 0, peer.doorbell[i - 3], 1);
            else
                mailbox_peer_say(&peer, PEER_ID, peer.completion[i - 3 - CLO_GUEST_VECTORS], 1);
        }
        expect_refusal(CLOISTER_DEAD, "hung up");
    }
}

static void part_of_a_message_is_refused(void **state)
{
    (void)state;
    meet(SIZE, SEALS);
    assert_int_equal(send(peer.socket, "abc", 3, 0), 3);
    expect_refusal(CLOISTER_BAD_FORMAT, "3 bytes");
}

static void silent_world_times_out(void **state)
{
    (void)state;
    meet(SIZE, SEALS);
    assert_int_equal(mailbox_link_open(ours, &measured, &link_of, &why), CLOISTER_TIMEOUT);
    part();
}

static void path_that_is_no_socket_is_refused(void **state)
{
    char path[200];
    int fd;
    (void)state;
    assert_int_equal(mailbox_link_connect("/nowhere/socket", &fd, &why), CLOISTER_NOT_FOUND);
    assert_int_equal(mailbox_link_connect("/etc/passwd", &fd, &why), CLOISTER_DEAD);
    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_int_equal(mailbox_link_connect(path, &fd, &why), CLOISTER_TOO_BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(world_that_keeps_to_the_protocol_is_accepted),
        cmocka_unit_test(memory_descriptor_is_not_kept),
        cmocka_unit_test(other_version_is_refused),
        cmocka_unit_test(descriptor_where_none_belongs_is_refused),
        cmocka_unit_test(two_descriptors_in_a_message_are_refused),
        cmocka_unit_test(crowd_of_descriptors_is_refused_and_closed),
        cmocka_unit_test(numbers_that_no_guest_has_are_refused),
        cmocka_unit_test(memory_that_could_shrink_or_grow_is_refused),
        cmocka_unit_test(memory_that_is_no_memfd_is_refused),
        cmocka_unit_test(memory_of_huge_pages_is_refused),
        cmocka_unit_test(memory_of_a_wrong_size_is_refused),
        cmocka_unit_test(memory_with_a_wrong_header_is_refused),
        cmocka_unit_test(doorbells_and_completions_of_others_are_refused),
        cmocka_unit_test(world_that_hangs_up_anywhere_is_named),
        cmocka_unit_test(part_of_a_message_is_refused),
        cmocka_unit_test(silent_world_times_out),
        cmocka_unit_test(path_that_is_no_socket_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

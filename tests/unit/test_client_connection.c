/*
 * The client library against a world whose replies are wrong in one thing each. A thread plays the
 * world: it answers each request of one connection after the other with the next prepared reply.
 */
#include "cloister/client.h"

#include "abi/guest.h"

#include "base/bytes.h"
#include "base/scope.h"
#include "normal-world/client/connection.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#ifndef MFD_HUGE_2MB
#define MFD_HUGE_2MB (21u << 26)
#endif

#define ARENA 65536u
#define CHANNEL_SIZE (CLO_ARENA_OFFSET + ARENA)
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define REPLY_MAX 70000
#define CONNECTIONS 4
#define DEADLINE_US 2000u
#define GUARD_S 20 /* what takes so long waits for ever */

/* What the world answers to the next request. */
struct fake {
    char folder[64];
    char path[108];
    int listen;
    pthread_t thread;
    struct clo_control_header header;
    uint8_t body[REPLY_MAX];
    size_t body_size;
    size_t cut; /* bytes of the reply that are not sent */
    bool silent_end;
    int descriptor[4];
    unsigned descriptor_count;
    unsigned descriptors_before;
};

static void send_answer(int fd, struct fake *fake)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof fake->descriptor)];
    } control = {0};
    static uint8_t packet[sizeof fake->header + REPLY_MAX];
    memcpy(packet, &fake->header, sizeof fake->header);
    memcpy(packet + sizeof fake->header, fake->body, fake->body_size);
    struct iovec part = {packet, sizeof fake->header + fake->body_size - fake->cut};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fake->descriptor_count > 0) {
        size_t size = fake->descriptor_count * sizeof(int);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(size);
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(c), fake->descriptor, size);
    }
    (void)sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* Answers one request; false: the connection is over. */
static bool serve(int fd, struct fake *fake)
{
    uint8_t request[4096];
    if (recv(fd, request, sizeof request, 0) <= 0 || fake->silent_end)
        return false;
    send_answer(fd, fake);
    return true;
}

static void *play_world(void *context)
{
    struct fake *fake = context;
    struct pollfd watched[CONNECTIONS + 1];
    nfds_t count = 1;
    watched[0] = (struct pollfd){.fd = fake->listen, .events = POLLIN};
    while (poll(watched, count, -1) > 0 && !(watched[0].revents & POLLHUP)) {
        for (nfds_t i = count - 1; i > 0; i--) {
            if (watched[i].revents == 0 || serve(watched[i].fd, fake))
                continue;
            (void)close(watched[i].fd);
            watched[i] = watched[--count];
        }
        if (watched[0].revents == 0 || count == CONNECTIONS + 1)
            continue;
        watched[count].fd = accept4(fake->listen, NULL, NULL, SOCK_CLOEXEC);
        watched[count++].events = POLLIN;
    }
    return NULL;
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return 0;
    while (readdir(directory))
        count++;
    (void)closedir(directory);
    return count;
}

/* The other ends of our connections are in this process too, and close a little later. */
static void expect_no_leak(const struct fake *fake)
{
    for (int i = 0; i < 200 && open_descriptors() != fake->descriptors_before; i++)
        (void)usleep(10000);
    assert_int_equal(open_descriptors(), fake->descriptors_before);
}

static void answer_with(struct fake *fake, uint16_t type, const void *body, size_t size)
{
    fake->header = (struct clo_control_header){
        .magic = CLO_CONTROL_MAGIC,
        .abi_major = CLO_ABI_MAJOR,
        .type = type,
        .size = (uint32_t)size,
    };
    if (size > 0)
        memcpy(fake->body, body, size);
    fake->body_size = size;
}

static int set_up(void **state)
{
    struct fake *fake = calloc(1, sizeof *fake);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!fake)
        return -1;
    (void)snprintf(fake->folder, sizeof fake->folder, "/tmp/cloister-test.XXXXXX");
    if (!mkdtemp(fake->folder))
        return -1;
    (void)snprintf(fake->path, sizeof fake->path, "%s/w.sock", fake->folder);
    memcpy(address.sun_path, fake->path, sizeof address.sun_path);
    fake->listen = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fake->listen < 0 ||
        bind(fake->listen, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fake->listen, 8) != 0 || pthread_create(&fake->thread, NULL, play_world, fake) != 0)
        return -1;
    fake->descriptors_before = open_descriptors();
    *state = fake;
    return 0;
}

static int tear_down(void **state)
{
    struct fake *fake = *state;
    (void)shutdown(fake->listen, SHUT_RDWR);
    (void)pthread_join(fake->thread, NULL);
    (void)close(fake->listen);
    (void)unlink(fake->path);
    (void)rmdir(fake->folder);
    free(fake);
    return 0;
}

/* World facts */

static struct clo_world_info good_world(void)
{
    return (struct clo_world_info){
        .name = "w",
        .pid = 1,
        .state = CLO_WORLD_SERVING,
        .kvm = "pvm",
        .isolation = CLO_ISOLATION_UNREACHABLE,
        .module_count = 1,
    };
}

static cloister_status ask_world(struct fake *fake)
{
    cloister_world *world;
    struct clo_world_info info;
    assert_int_equal(cloister_world_open(fake->path, &world), CLOISTER_OK);
    cloister_status status = cloister_world_info(world, &info);
    cloister_world_close(world);
    return status;
}

static void answer_world(struct fake *fake)
{
    struct clo_world_info info = good_world();
    answer_with(fake, CLO_CONTROL_WORLD, &info, sizeof info);
}

static void good_reply_is_taken(void **state)
{
    answer_world(*state);
    assert_int_equal(ask_world(*state), CLOISTER_OK);
}

static void refusal_comes_back_as_its_status(void **state)
{
    struct fake *fake = *state;
    answer_with(fake, CLO_CONTROL_WORLD, NULL, 0);
    fake->header.status = CLOISTER_DENIED;
    fake->header.origin = CLOISTER_ORIGIN_WORLD;
    assert_int_equal(ask_world(fake), CLOISTER_DENIED);
}

static void expect_protocol(struct fake *fake)
{
    assert_int_equal(ask_world(fake), CLOISTER_PROTOCOL);
}

static void wrong_magic_is_refused(void **state)
{
    struct fake *fake = *state;
    answer_world(fake);
    fake->header.magic++;
    expect_protocol(fake);
}

static void other_abi_is_unsupported(void **state)
{
    struct fake *fake = *state;
    answer_world(fake);
    fake->header.abi_major++;
    assert_int_equal(ask_world(fake), CLOISTER_UNSUPPORTED);
}

static void answer_to_another_question_is_refused(void **state)
{
    struct fake *fake = *state;
    answer_world(fake);
    fake->header.type = CLO_CONTROL_MODULE;
    expect_protocol(fake);
}

static void unknown_origin_is_refused(void **state)
{
    struct fake *fake = *state;
    answer_world(fake);
    fake->header.origin = CLOISTER_ORIGIN_MODULE + 1;
    expect_protocol(fake);
}

static void size_that_is_not_the_packets_is_refused(void **state)
{
    struct fake *fake = *state;
    answer_world(fake);
    fake->header.size--;
    expect_protocol(fake);
}

static void every_cut_reply_is_refused(void **state)
{
    struct fake *fake = *state;
    for (size_t cut = 1; cut < sizeof fake->header + sizeof(struct clo_world_info); cut++) {
        answer_world(fake);
        fake->cut = cut;
        expect_protocol(fake);
    }
}

static void reply_too_long_is_refused(void **state)
{
    struct fake *fake = *state;
    answer_world(fake);
    fake->body_size = 2000;
    fake->header.size = 2000;
    expect_protocol(fake);
}

static void refusal_with_a_body_is_refused(void **state)
{
    struct fake *fake = *state;
    answer_world(fake);
    fake->header.status = CLOISTER_DENIED;
    expect_protocol(fake);
}

static void world_that_hangs_up_is_dead(void **state)
{
    struct fake *fake = *state;
    fake->silent_end = true;
    assert_int_equal(ask_world(fake), CLOISTER_DEAD);
}

static void descriptors_nobody_asked_for_are_closed(void **state)
{
    struct fake *fake = *state;
    answer_world(fake);
    for (unsigned i = 0; i < 4; i++)
        fake->descriptor[i] = STDIN_FILENO;
    for (fake->descriptor_count = 1; fake->descriptor_count <= 4; fake->descriptor_count++)
        expect_protocol(fake);
    expect_no_leak(fake);
}

static void unsound_world_facts_are_refused(void **state)
{
    struct clo_world_info bad[8];
    for (size_t i = 0; i < 8; i++)
        bad[i] = good_world();
    bad[0].name[0] = 0;
    bad[1].name[0] = '\033';
    memset(bad[2].name, 'x', sizeof bad[2].name);
    bad[3].state = CLO_WORLD_STOPPING + 1;
    memset(bad[4].kvm, 'x', sizeof bad[4].kvm);
    bad[5].isolation = 0;
    bad[6].debug = 2;
    bad[7].module_count = CLO_MODULES_MAX + 1;
    for (size_t i = 0; i < 8; i++) {
        answer_with(*state, CLO_CONTROL_WORLD, &bad[i], sizeof bad[i]);
        expect_protocol(*state);
    }
}

/* Module facts */

static struct clo_module_info good_module(void)
{
    return (struct clo_module_info){
        .name = "echo",
        .version = "1.0.0",
        .state = CLO_MODULE_SERVING,
        .method_count = 1,
        .method[0] = {.name = "echo",
                      .kinds = CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4,
                      .size_max = {100, 100}},
    };
}

static void expect_module(struct fake *fake, const struct clo_module_info *answer,
                          cloister_status status)
{
    cloister_world *world;
    struct clo_module_info info;
    answer_with(fake, CLO_CONTROL_MODULE, answer, sizeof *answer);
    assert_int_equal(cloister_world_open(fake->path, &world), CLOISTER_OK);
    assert_int_equal(cloister_world_module(world, 0, &info), status);
    cloister_world_close(world);
}

static void good_module_facts_are_taken(void **state)
{
    struct clo_module_info good = good_module();
    expect_module(*state, &good, CLOISTER_OK);
}

static void unsound_module_facts_are_refused(void **state)
{
    struct clo_module_info bad[15];
    size_t count = sizeof bad / sizeof *bad;
    for (size_t i = 0; i < count; i++)
        bad[i] = good_module();
    bad[0].name[0] = '/';
    memset(bad[1].version, '1', sizeof bad[1].version);
    bad[2].state = CLO_MODULE_ENDED + 1;
    bad[3].index = 1;
    bad[4].method_count = CLO_METHODS_MAX + 1;
    bad[5].reserved[0] = 1;
    bad[6].abi_minor = UINT16_MAX + 1;
    bad[7].method[0].name[0] = 0;
    bad[8].method[0].kinds = 4;
    bad[9].method[0].kinds = CLO_PARAM_BUFFER_IN | CLO_PARAM_INLINE;
    bad[10].method[0].kinds = CLO_PARAM_BUFFER_OUT << 4;
    bad[11].method[0].size_min[0] = 101;
    bad[12].method[0].size_max[2] = 1;
    memcpy(bad[13].end, "a\nb", 3);
    bad[14].method[0].size_max[1] = CLO_ARENA_MAX + 1; /* a caller makes room for so many */
    for (size_t i = 0; i < count; i++)
        expect_module(*state, &bad[i], CLOISTER_PROTOCOL);
}

/* Guests */

static struct clo_guests_info good_guests(void)
{
    struct clo_guest_info one = {.caller = {.kind = CLO_CALLER_GUEST, .id = 3},
                                 .memory = CLO_GUEST_SIZE_MIN};
    struct clo_guest_info other = one;
    other.caller.id = 4;
    other.memory = CLO_GUEST_SIZE_MAX;
    other.channels = CLO_GUEST_LANES;
    other.measured = 1;
    other.kernel[0] = 1;
    return (struct clo_guests_info){.socket = "/g", .count = 2, .guest = {one, other}};
}

static void expect_guests(struct fake *fake, const struct clo_guests_info *answer, size_t size,
                          cloister_status status)
{
    cloister_world *world;
    struct clo_guests_info info;
    answer_with(fake, CLO_CONTROL_GUESTS, answer, size);
    assert_int_equal(cloister_world_open(fake->path, &world), CLOISTER_OK);
    assert_int_equal(cloister_world_guests(world, &info), status);
    cloister_world_close(world);
    if (status != CLOISTER_OK)
        return;
    assert_memory_equal(&info, answer, size);
    assert_true(bytes_are_zero((const uint8_t *)&info + size, sizeof info - size));
}

static void good_lists_of_guests_are_taken(void **state)
{
    struct clo_guests_info good = good_guests();
    expect_guests(*state, &good, CLO_GUESTS_INFO_SIZE(2), CLOISTER_OK);
    good.count = 0;
    expect_guests(*state, &good, CLO_GUESTS_INFO_SIZE(0), CLOISTER_OK);
    memset(good.socket, 0, sizeof good.socket);
    expect_guests(*state, &good, CLO_GUESTS_INFO_SIZE(0), CLOISTER_OK);
    good = good_guests();
    good.count = CLO_GUESTS_MAX;
    for (unsigned i = 2; i < CLO_GUESTS_MAX; i++) {
        good.guest[i] = good.guest[1];
        good.guest[i].caller.id = 1 + good.guest[i - 1].caller.id;
    }
    expect_guests(*state, &good, sizeof good, CLOISTER_OK);
}

static void lists_of_guests_of_another_size_are_refused(void **state)
{
    struct clo_guests_info good = good_guests();
    static const size_t sizes[] = {0,
                                   1,
                                   CLO_GUESTS_INFO_SIZE(0) - 1,
                                   CLO_GUESTS_INFO_SIZE(0),
                                   CLO_GUESTS_INFO_SIZE(1),
                                   CLO_GUESTS_INFO_SIZE(2) - 1,
                                   CLO_GUESTS_INFO_SIZE(2) + 1,
                                   CLO_GUESTS_INFO_SIZE(3),
                                   sizeof good};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        expect_guests(*state, &good, sizes[i], CLOISTER_PROTOCOL);
    good.count = CLO_GUESTS_MAX + 1;
    expect_guests(*state, &good, sizeof good, CLOISTER_PROTOCOL);
    good.count = UINT32_MAX;
    expect_guests(*state, &good, sizeof good, CLOISTER_PROTOCOL);
}

static void unsound_lists_of_guests_are_refused(void **state)
{
    struct clo_guests_info bad[14];
    size_t count = sizeof bad / sizeof *bad;
    for (size_t i = 0; i < count; i++)
        bad[i] = good_guests();
    memset(bad[0].socket, 0, sizeof bad[0].socket);
    memset(bad[1].socket, 'x', sizeof bad[1].socket);
    bad[2].socket[1] = '\033';
    bad[3].socket[100] = 'x';
    bad[4].reserved = 1;
    bad[5].guest[1].caller.id = 3;
    bad[6].guest[0].caller.id = 0;
    bad[7].guest[0].caller.kind = CLO_CALLER_PROCESS;
    bad[8].guest[0].memory = CLO_GUEST_SIZE_MIN - 1;
    bad[9].guest[1].memory = CLO_GUEST_SIZE_MAX + 1;
    bad[10].guest[1].channels = CLO_GUEST_LANES + 1;
    bad[11].guest[1].measured = 2;
    bad[12].guest[0].command_line[47] = 1;
    bad[13].guest[1].reserved = 1;
    for (size_t i = 0; i < count; i++)
        expect_guests(*state, &bad[i], CLO_GUESTS_INFO_SIZE(2), CLOISTER_PROTOCOL);
}

/* Sessions */

struct offer {
    struct clo_open_reply reply;
    int memory;
    int doorbell;
    int seals;
    uint32_t size; /* of the memfd */
    struct clo_channel_header header;
};

static struct offer good_offer(void)
{
    return (struct offer){
        .reply = {.size = CHANNEL_SIZE, .arena_size = ARENA, .module = good_module()},
        .memory = memfd_create("channel", MFD_CLOEXEC | MFD_ALLOW_SEALING),
        .doorbell = eventfd(1, EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK),
        .seals = SEALS,
        .size = CHANNEL_SIZE,
        /* Dead from the start: nobody answers CLO_METHOD_OPEN here. */
        .header = {.magic = CLO_CHANNEL_MAGIC,
                   .abi_major = CLO_ABI_MAJOR,
                   .ring_size = CLO_RING_SIZE,
                   .arena_offset = CLO_ARENA_OFFSET,
                   .arena_size = ARENA,
                   .state = CLO_CHANNEL_DEAD},
    };
}

static void answer_open(struct fake *fake, const struct offer *offer)
{
    assert_int_equal(ftruncate(offer->memory, offer->size), 0);
    assert_int_equal(pwrite(offer->memory, &offer->header, sizeof offer->header, 0),
                     sizeof offer->header);
    assert_int_equal(fcntl(offer->memory, F_ADD_SEALS, offer->seals), 0);
    answer_with(fake, CLO_CONTROL_OPEN, &offer->reply, sizeof offer->reply);
    fake->descriptor[0] = offer->memory;
    fake->descriptor[1] = offer->doorbell;
    fake->descriptor_count = 2;
}

static void expect_session(struct fake *fake, struct offer *offer, cloister_status status)
{
    cloister_world *world;
    cloister_session *session = NULL;
    answer_open(fake, offer);
    assert_int_equal(cloister_world_open(fake->path, &world), CLOISTER_OK);
    assert_int_equal(cloister_session_open(world, "echo", 0, &session), status);
    assert_null(session);
    cloister_world_close(world);
    (void)close(offer->memory);
    (void)close(offer->doorbell);
    expect_no_leak(fake);
}

static void dead_module_gives_no_session(void **state)
{
    struct offer offer = good_offer();
    expect_session(*state, &offer, CLOISTER_DEAD);
}

static void memory_that_can_shrink_is_refused(void **state)
{
    static const int missing[] = {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_SEAL};
    for (size_t i = 0; i < 3; i++) {
        struct offer offer = good_offer();
        offer.seals = SEALS & ~missing[i];
        expect_session(*state, &offer, CLOISTER_PROTOCOL);
    }
}

static void memory_of_another_size_is_refused(void **state)
{
    struct offer smaller = good_offer();
    smaller.size = CHANNEL_SIZE - 4096;
    expect_session(*state, &smaller, CLOISTER_PROTOCOL);
    struct offer larger = good_offer();
    larger.size = CHANNEL_SIZE + 4096;
    expect_session(*state, &larger, CLOISTER_PROTOCOL);
}

static void memory_that_is_no_memfd_is_refused(void **state)
{
    struct fake *fake = *state;
    struct offer offer = good_offer();
    assert_int_equal(ftruncate(offer.memory, CHANNEL_SIZE), 0);
    answer_with(fake, CLO_CONTROL_OPEN, &offer.reply, sizeof offer.reply);
    fake->descriptor[0] = offer.doorbell;
    fake->descriptor[1] = offer.memory;
    fake->descriptor_count = 2;
    cloister_world *world;
    cloister_session *session;
    assert_int_equal(cloister_world_open(fake->path, &world), CLOISTER_OK);
    assert_int_equal(cloister_session_open(world, "echo", 0, &session), CLOISTER_PROTOCOL);
    cloister_world_close(world);
    (void)close(offer.memory);
    (void)close(offer.doorbell);
}

/* Nothing to take, with a descriptor that would make a read wait; more than one at a time. */
static void doorbell_of_which_one_cannot_be_taken_is_refused(void **state)
{
    const int doorbells[] = {eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC), eventfd(2, EFD_CLOEXEC)};
    ((struct fake *)*state)->descriptors_before += 2;
    (void)alarm(GUARD_S);
    for (size_t i = 0; i < 2; i++) {
        struct offer offer = good_offer();
        (void)close(offer.doorbell);
        offer.doorbell = doorbells[i];
        ((struct fake *)*state)->descriptors_before--;
        expect_session(*state, &offer, CLOISTER_PROTOCOL);
    }
    (void)alarm(0);
}

/* One can be taken from each of these; but a pipe, a socket or a file has locks. */
static void doorbell_that_is_no_eventfd_is_refused(void **state)
{
    const uint64_t one = 1;
    int ends[2][2];
    assert_int_equal(pipe2(ends[0], O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends[1]),
                     0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(write(ends[i][1], &one, sizeof one), sizeof one);
        (void)close(ends[i][1]);
    }
    int file = memfd_create("file", MFD_CLOEXEC);
    assert_int_equal(pwrite(file, &one, sizeof one, 0), sizeof one);
    const int other[] = {ends[0][0], ends[1][0], file};
    ((struct fake *)*state)->descriptors_before += 3;
    for (size_t i = 0; i < 3; i++) {
        struct offer offer = good_offer();
        (void)close(offer.doorbell);
        offer.doorbell = other[i];
        ((struct fake *)*state)->descriptors_before--;
        expect_session(*state, &offer, CLOISTER_PROTOCOL);
    }
}

/* What a world does to the doorbell after the client has looked at it. */

/* The module's one answer is there before it is asked: the session opens, and nobody is at the
   other end any more. */
static cloister_session *open_silent(struct fake *fake, struct offer *offer, cloister_world *world)
{
    const struct clo_completion opened = {.turn = 1, .submission = 1};
    cloister_session *session;
    offer->header.state = CLO_CHANNEL_LIVE;
    answer_open(fake, offer);
    assert_int_equal(pwrite(offer->memory, &opened, sizeof opened, CLO_COMPLETIONS_OFFSET),
                     sizeof opened);
    assert_int_equal(cloister_session_open(world, "echo", 0, &session), CLOISTER_OK);
    return session;
}

static void sleep_as_module(const struct offer *offer)
{
    const uint32_t parked = 1;
    assert_int_equal(pwrite(offer->memory, &parked, sizeof parked,
                            offsetof(struct clo_channel_header, module_parked)),
                     sizeof parked);
}

static void expect_deadline_to_hold(cloister_session *session, const struct offer *offer)
{
    uint8_t byte = 0;
    cloister_parameter parameters[4] = {cloister_in(&byte, 1), cloister_out(&byte, 1)};
    sleep_as_module(offer);
    (void)alarm(GUARD_S);
    cloister_result result = cloister_call(session, "echo", parameters, DEADLINE_US);
    (void)alarm(0);
    assert_int_equal(result.status, CLOISTER_TIMEOUT);
    assert_int_equal(result.origin, CLOISTER_ORIGIN_CLIENT);
}

static void fill_and_block(int doorbell)
{
    assert_int_equal(fcntl(doorbell, F_SETFL, O_NONBLOCK), 0);
    for (uint64_t part = 1ull << 63; part > 0; part /= 2)
        (void)!write(doorbell, &part, sizeof part);
    assert_int_equal(fcntl(doorbell, F_SETFL, 0), 0);
}

static void expect_rung_once(int full)
{
    const uint64_t one = 1;
    assert_int_equal(fcntl(full, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(write(full, &one, sizeof one), sizeof one);
    assert_int_equal(write(full, &one, sizeof one), -1);
    assert_int_equal(fcntl(full, F_SETFL, 0), 0);
}

static void world_that_makes_the_doorbell_block_holds_nobody_up(void **state)
{
    struct fake *fake = *state;
    struct offer offer = good_offer();
    cloister_world *world;
    assert_int_equal(cloister_world_open(fake->path, &world), CLOISTER_OK);
    cloister_session *session = open_silent(fake, &offer, world);
    assert_int_equal(fcntl(offer.doorbell, F_SETFL, 0), 0);
    expect_deadline_to_hold(session, &offer); /* empty: the one has been taken at the start */
    fill_and_block(offer.doorbell);
    expect_deadline_to_hold(session, &offer);
    expect_rung_once(offer.doorbell);
    sleep_as_module(&offer);
    (void)alarm(GUARD_S);
    cloister_session_close(session);
    (void)alarm(0);
    cloister_world_close(world);
    (void)close(offer.memory);
    (void)close(offer.doorbell);
    expect_no_leak(fake);
}

/* The world could take its pages away and leave none for the client. */
static void memory_of_huge_pages_is_refused(void **state)
{
    const uint32_t huge = 2u << 20;
    struct fake *fake = *state;
    struct offer offer = good_offer();
    cloister_world *world;
    cloister_session *session;
    AUTO_FD int memory =
        memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_HUGE_2MB);
    if (memory >= 0) {
        assert_int_equal(ftruncate(memory, huge), 0);
        assert_int_equal(fcntl(memory, F_ADD_SEALS, SEALS), 0);
        offer.reply.size = huge;
        offer.reply.arena_size = huge - CLO_ARENA_OFFSET;
        answer_with(fake, CLO_CONTROL_OPEN, &offer.reply, sizeof offer.reply);
        fake->descriptor[0] = memory;
        fake->descriptor[1] = offer.doorbell;
        fake->descriptor_count = 2;
        assert_int_equal(cloister_world_open(fake->path, &world), CLOISTER_OK);
        assert_int_equal(cloister_session_open(world, "echo", 0, &session), CLOISTER_PROTOCOL);
        cloister_world_close(world);
    }
    (void)close(offer.memory);
    (void)close(offer.doorbell);
    if (memory < 0) {
        print_message("no huge pages: %s\n", strerror(errno));
        skip();
    }
}

static void arena_that_is_not_as_promised_is_refused(void **state)
{
    struct offer offer = good_offer();
    offer.reply.arena_size = ARENA - 4096;
    expect_session(*state, &offer, CLOISTER_PROTOCOL);
}

static void channel_of_another_abi_is_unsupported(void **state)
{
    struct offer offer = good_offer();
    offer.header.abi_major++;
    expect_session(*state, &offer, CLOISTER_UNSUPPORTED);
}

static void missing_descriptor_is_refused(void **state)
{
    struct fake *fake = *state;
    struct offer offer = good_offer();
    answer_with(fake, CLO_CONTROL_OPEN, &offer.reply, sizeof offer.reply);
    fake->descriptor[0] = offer.memory;
    fake->descriptor_count = 1;
    cloister_world *world;
    cloister_session *session;
    assert_int_equal(cloister_world_open(fake->path, &world), CLOISTER_OK);
    assert_int_equal(cloister_session_open(world, "echo", 0, &session), CLOISTER_PROTOCOL);
    cloister_world_close(world);
    (void)close(offer.memory);
    (void)close(offer.doorbell);
    expect_no_leak(fake);
}

/* What is wrong with the question never reaches the world. */

static void wrong_arguments_are_refused(void **state)
{
    struct fake *fake = *state;
    cloister_world *world;
    cloister_session *session;
    uint8_t *report;
    size_t size;
    uint8_t nonce[CLO_NONCE_MAX + 1] = {0};
    assert_int_equal(cloister_world_open("no such name", &world), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(cloister_world_open("/nowhere/at/all", &world), CLOISTER_NOT_FOUND);
    assert_int_equal(cloister_world_open(fake->path, &world), CLOISTER_OK);
    assert_int_equal(cloister_session_open(world, "", 0, &session), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(cloister_session_open(world, "a/b", 0, &session), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(cloister_session_open(world, "echo", CLO_ARENA_MAX + 1, &session),
                     CLOISTER_TOO_BIG);
    assert_int_equal(cloister_world_report(world, "echo", nonce, CLO_NONCE_MIN - 1, &report, &size),
                     CLOISTER_BAD_ARGUMENT);
    assert_int_equal(cloister_world_report(world, "echo", nonce, CLO_NONCE_MAX + 1, &report, &size),
                     CLOISTER_BAD_ARGUMENT);
    assert_int_equal(cloister_world_report(world, "-", nonce, CLO_NONCE_MIN, &report, &size),
                     CLOISTER_BAD_ARGUMENT);
    cloister_world_close(world);
}

static void socket_of_a_dead_world_is_not_found(void **state)
{
    struct fake *fake = *state;
    char path[sizeof fake->path];
    cloister_world *world;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(path, sizeof path, "%.63s/dead.sock", fake->folder);
    memcpy(address.sun_path, path, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    (void)close(fd);
    assert_int_equal(cloister_world_open(path, &world), CLOISTER_NOT_FOUND);
    assert_int_equal(unlink(path), 0);
}

static void report_of_any_size_is_taken(void **state)
{
    struct fake *fake = *state;
    cloister_world *world;
    uint8_t nonce[CLO_NONCE_MIN] = {0};
    uint8_t *report;
    size_t size;
    size_t largest = CLO_CONTROL_MESSAGE_MAX;
    answer_with(fake, CLO_CONTROL_REPORT, NULL, 0);
    fake->body_size = largest;
    fake->header.size = (uint32_t)largest;
    assert_int_equal(cloister_world_open(fake->path, &world), CLOISTER_OK);
    assert_int_equal(cloister_world_report(world, "echo", nonce, sizeof nonce, &report, &size),
                     CLOISTER_OK);
    assert_int_equal(size, largest);
    free(report);
    fake->body_size = largest + 1;
    fake->header.size = (uint32_t)largest + 1;
    assert_int_equal(cloister_world_report(world, "echo", nonce, sizeof nonce, &report, &size),
                     CLOISTER_PROTOCOL);
    fake->body_size = 0;
    fake->header.size = 0;
    assert_int_equal(cloister_world_report(world, "echo", nonce, sizeof nonce, &report, &size),
                     CLOISTER_PROTOCOL);
    cloister_world_close(world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(good_reply_is_taken),
        TEST(refusal_comes_back_as_its_status),
        TEST(wrong_magic_is_refused),
        TEST(other_abi_is_unsupported),
        TEST(answer_to_another_question_is_refused),
        TEST(unknown_origin_is_refused),
        TEST(size_that_is_not_the_packets_is_refused),
        TEST(every_cut_reply_is_refused),
        TEST(reply_too_long_is_refused),
        TEST(refusal_with_a_body_is_refused),
        TEST(world_that_hangs_up_is_dead),
        TEST(descriptors_nobody_asked_for_are_closed),
        TEST(unsound_world_facts_are_refused),
        TEST(good_module_facts_are_taken),
        TEST(unsound_module_facts_are_refused),
        TEST(good_lists_of_guests_are_taken),
        TEST(lists_of_guests_of_another_size_are_refused),
        TEST(unsound_lists_of_guests_are_refused),
        TEST(dead_module_gives_no_session),
        TEST(memory_that_can_shrink_is_refused),
        TEST(memory_of_another_size_is_refused),
        TEST(memory_that_is_no_memfd_is_refused),
        TEST(doorbell_of_which_one_cannot_be_taken_is_refused),
        TEST(doorbell_that_is_no_eventfd_is_refused),
        TEST(world_that_makes_the_doorbell_block_holds_nobody_up),
        TEST(memory_of_huge_pages_is_refused),
        TEST(arena_that_is_not_as_promised_is_refused),
        TEST(channel_of_another_abi_is_unsupported),
        TEST(missing_descriptor_is_refused),
        TEST(wrong_arguments_are_refused),
        TEST(socket_of_a_dead_world_is_not_found),
        TEST(report_of_any_size_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * A running world from outside: what comes over its socket, from clients that keep no rule, and
 * what becomes of it when modules, clients, keepers and signals end things.
 */
#include "tests/e2e/started_world.h"
#include "tests/modules/misbehave.h"

#include "cloister/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define OPTIONS(...)                                                                               \
    (const char *const[])                                                                          \
    {                                                                                              \
        "--debug", __VA_ARGS__, NULL                                                               \
    }
#define ECHO "--module", "@modules/echo.mod"
#define MISBEHAVE "--module", "@tests/modules/misbehave.mod"
#define RSS_LIMIT_KIB 4096

static struct started_world world;

static int start_echo(void **state)
{
    (void)state;
    if (!started_world_impossible())
        started_world_start(&world, OPTIONS(ECHO));
    return 0;
}

static int start_both(void **state)
{
    (void)state;
    if (!started_world_impossible())
        started_world_start(&world, OPTIONS(ECHO, MISBEHAVE));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    if (world.folder[0])
        started_world_stop(&world);
    return 0;
}

/* Raw protocol */

static int raw_connect(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", world.socket);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

static struct clo_control_header header_of(uint16_t type, uint32_t size)
{
    return (struct clo_control_header){
        .magic = CLO_CONTROL_MAGIC, .abi_major = CLO_ABI_MAJOR, .type = type, .size = size};
}

static void raw_send(int fd, struct clo_control_header header, const void *body, size_t size)
{
    uint8_t packet[70000] = {0};
    memcpy(packet, &header, sizeof header);
    if (size > 0)
        memcpy(packet + sizeof header, body, size);
    assert_int_equal(send(fd, packet, sizeof header + size, MSG_NOSIGNAL),
                     (ssize_t)(sizeof header + size));
}

/* Status of the reply, or -1 if the connection is over. Descriptors go to `got`. */
static int raw_receive(int fd, void *body, size_t room, int got[2])
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
    ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (n <= 0)
        return -1;
    assert_true((size_t)n >= sizeof header);
    assert_int_equal(header.magic, CLO_CONTROL_MAGIC);
    assert_int_equal(header.size, (size_t)n - sizeof header);
    struct cmsghdr *first = CMSG_FIRSTHDR(&message);
    if (got && first)
        memcpy(got, CMSG_DATA(first), 2 * sizeof(int));
    return header.status;
}

static int raw_ask(int fd, uint16_t type, const void *request, size_t size, void *body, size_t room)
{
    raw_send(fd, header_of(type, (uint32_t)size), request, size);
    return raw_receive(fd, body, room, NULL);
}

static void assert_serves(void)
{
    struct clo_world_info info;
    int fd = raw_connect();
    assert_int_equal(raw_ask(fd, CLO_CONTROL_WORLD, NULL, 0, &info, sizeof info), CLOISTER_OK);
    (void)close(fd);
}

static void assert_over(int fd)
{
    uint8_t body[64];
    assert_int_equal(raw_receive(fd, body, sizeof body, NULL), -1);
    (void)close(fd);
    assert_serves();
}

static int open_channel(int fd, const char *module, uint32_t arena, uint32_t flags,
                        struct clo_open_reply *reply, int got[2])
{
    struct clo_open_request request = {.arena_size = arena, .flags = flags};
    (void)snprintf((char *)request.module, sizeof request.module, "%s", module);
    raw_send(fd, header_of(CLO_CONTROL_OPEN, sizeof request), &request, sizeof request);
    return raw_receive(fd, reply, sizeof *reply, got);
}

static void module_info(const char *name, struct clo_module_info *info)
{
    struct clo_module_query query = {0};
    int fd = raw_connect();
    (void)snprintf((char *)query.name, sizeof query.name, "%s", name);
    assert_int_equal(raw_ask(fd, CLO_CONTROL_MODULE, &query, sizeof query, info, sizeof *info),
                     CLOISTER_OK);
    (void)close(fd);
}

static void wait_for_channels(const char *name, uint32_t wanted)
{
    struct clo_module_info info;
    for (unsigned i = 0; i < 2000; i++) {
        module_info(name, &info);
        if (info.channels == wanted)
            return;
        (void)usleep(5000);
    }
    fail_msg("module %s has %u channels; expected %u", name, info.channels, wanted);
}

static void world_says_what_it_is(void **state)
{
    (void)state;
    struct clo_world_info info;
    started_world_or_skip();
    int fd = raw_connect();
    assert_int_equal(raw_ask(fd, CLO_CONTROL_WORLD, NULL, 0, &info, sizeof info), CLOISTER_OK);
    (void)close(fd);
    assert_string_equal((char *)info.name, "t");
    assert_int_equal(info.state, CLO_WORLD_SERVING);
    assert_int_equal(info.debug, 1);
    assert_int_equal(info.module_count, 1);
    assert_int_equal(info.keeper, (uint32_t)world.keeper);
    assert_in_range(info.isolation, CLO_ISOLATION_MAPPED, CLO_ISOLATION_UNREACHABLE);
}

static void wrong_magic_ends_the_connection(void **state)
{
    (void)state;
    uint8_t body[64];
    started_world_or_skip();
    int fd = raw_connect();
    struct clo_control_header header = header_of(CLO_CONTROL_WORLD, 0);
    header.magic ^= 0x100;
    raw_send(fd, header, NULL, 0);
    assert_int_equal(raw_receive(fd, body, sizeof body, NULL), CLOISTER_PROTOCOL);
    assert_over(fd);
}

static void trailing_bytes_end_the_connection(void **state)
{
    (void)state;
    uint8_t body[64];
    started_world_or_skip();
    int fd = raw_connect();
    raw_send(fd, header_of(CLO_CONTROL_WORLD, 0), "x", 1);
    assert_int_equal(raw_receive(fd, body, sizeof body, NULL), CLOISTER_PROTOCOL);
    assert_over(fd);
    fd = raw_connect();
    raw_send(fd, header_of(CLO_CONTROL_WORLD, 1), "x", 1);
    assert_int_equal(raw_receive(fd, body, sizeof body, NULL), CLOISTER_PROTOCOL);
    assert_over(fd);
}

static void oversized_packet_ends_the_connection(void **state)
{
    (void)state;
    static const uint8_t body[65000];
    started_world_or_skip();
    int fd = raw_connect();
    raw_send(fd, header_of(CLO_CONTROL_WORLD, sizeof body), body, sizeof body);
    assert_over(fd);
}

static void one_byte_ends_the_connection(void **state)
{
    (void)state;
    uint8_t body[64];
    started_world_or_skip();
    int fd = raw_connect();
    assert_int_equal(send(fd, "C", 1, 0), 1);
    assert_int_equal(raw_receive(fd, body, sizeof body, NULL), CLOISTER_PROTOCOL);
    assert_over(fd);
}

static void descriptors_of_a_client_are_not_taken(void **state)
{
    (void)state;
    started_world_or_skip();
    int fd = raw_connect();
    int sent = open("/dev/null", O_RDONLY);
    struct clo_control_header header = header_of(CLO_CONTROL_WORLD, 0);
    struct iovec part = {&header, sizeof header};
    union {
        struct cmsghdr aligned;
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *first = CMSG_FIRSTHDR(&message);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(sizeof sent);
    memcpy(CMSG_DATA(first), &sent, sizeof sent);
    ssize_t size = sendmsg(fd, &message, 0);
    (void)close(sent);
    if (size < 0 && errno == EPERM) {
        assert_serves();
        (void)close(fd);
        return;
    }
    assert_int_equal(size, sizeof header);
    assert_over(fd);
}

static void each_of_two_requests_is_answered(void **state)
{
    (void)state;
    struct clo_module_info info;
    struct clo_module_query query = {0};
    started_world_or_skip();
    int fd = raw_connect();
    raw_send(fd, header_of(CLO_CONTROL_WORLD, 0), NULL, 0);
    raw_send(fd, header_of(CLO_CONTROL_MODULE, sizeof query), &query, sizeof query);
    assert_int_equal(raw_receive(fd, &info, sizeof info, NULL), CLOISTER_OK);
    assert_int_equal(raw_receive(fd, &info, sizeof info, NULL), CLOISTER_OK);
    assert_string_equal((char *)info.name, "echo");
    (void)close(fd);
}

/* A client that asks and never reads fills its own buffer, and is dropped. */
static void client_that_never_reads_blocks_nobody(void **state)
{
    (void)state;
    struct clo_control_header header =
        header_of(CLO_CONTROL_MODULE, sizeof(struct clo_module_query));
    uint8_t packet[sizeof header + sizeof(struct clo_module_query)] = {0};
    started_world_or_skip();
    int fd = raw_connect();
    memcpy(packet, &header, sizeof header);
    for (unsigned i = 0; i < 5000; i++)
        if (send(fd, packet, sizeof packet, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            (void)usleep(10);
    assert_serves();
    (void)close(fd);
}

static void unknown_things_are_refused_and_the_connection_stays(void **state)
{
    (void)state;
    struct clo_open_reply reply;
    started_world_or_skip();
    int fd = raw_connect();
    assert_int_equal(raw_ask(fd, 99, NULL, 0, &reply, sizeof reply), CLOISTER_UNSUPPORTED);
    assert_int_equal(open_channel(fd, "nobody", 0, 0, &reply, NULL), CLOISTER_NOT_FOUND);
    assert_int_equal(open_channel(fd, "", 0, 0, &reply, NULL), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(open_channel(fd, "../echo", 0, 0, &reply, NULL), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(open_channel(fd, "echo", 0, 1, &reply, NULL), CLOISTER_BAD_ARGUMENT);
    assert_int_equal(open_channel(fd, "echo", CLO_ARENA_MAX + 1, 0, &reply, NULL),
                     CLOISTER_TOO_BIG);
    assert_int_equal(open_channel(fd, "echo", UINT32_MAX, 0, &reply, NULL), CLOISTER_TOO_BIG);
    assert_int_equal(raw_ask(fd, CLO_CONTROL_WORLD, NULL, 0, &reply, sizeof reply), CLOISTER_OK);
    (void)close(fd);
}

static void connection_has_one_channel_and_it_is_sealed(void **state)
{
    (void)state;
    struct clo_open_reply reply;
    int got[2] = {-1, -1};
    started_world_or_skip();
    int fd = raw_connect();
    assert_int_equal(open_channel(fd, "echo", 65536, 0, &reply, got), CLOISTER_OK);
    assert_int_equal(reply.arena_size, 65536);
    assert_int_equal(ftruncate(got[0], 4096), -1);
    assert_int_equal(ftruncate(got[0], 1 << 20), -1);
    assert_true(fcntl(got[1], F_GETFL) & O_NONBLOCK);
    struct clo_channel_header *header =
        mmap(NULL, reply.size, PROT_READ | PROT_WRITE, MAP_SHARED, got[0], 0);
    assert_true(header != MAP_FAILED);
    assert_int_equal(header->magic, CLO_CHANNEL_MAGIC);
    assert_int_equal(header->generation, 1);
    assert_int_equal(open_channel(fd, "echo", 0, 0, &reply, NULL), CLOISTER_BAD_STATE);
    wait_for_channels("echo", 1);
    (void)close(fd);
    wait_for_channels("echo", 0);
    assert_int_equal(header->state, CLO_CHANNEL_CLOSED);
    (void)munmap(header, reply.size);
    (void)close(got[0]);
    (void)close(got[1]);
}

/* The header is the client's memory too: it may write there what it likes. */
static void client_that_scribbles_harms_itself_alone(void **state)
{
    (void)state;
    started_world_or_skip();
    for (unsigned round = 0; round < 8; round++) {
        struct clo_open_reply reply;
        int got[2] = {-1, -1};
        uint64_t much = (1ull << 63) - 2; /* the doorbell is half full (docs/abi.md) */
        int fd = raw_connect();
        assert_int_equal(open_channel(fd, "echo", 4096, 0, &reply, got), CLOISTER_OK);
        uint8_t *memory = mmap(NULL, reply.size, PROT_READ | PROT_WRITE, MAP_SHARED, got[0], 0);
        assert_true(memory != MAP_FAILED);
        memset(memory, (int)(0x11 * round), reply.size);
        (void)fcntl(got[1], F_SETFL, 0); /* the flag is shared: nobody may rely on it */
        (void)!write(got[1], &much, sizeof much);
        (void)fallocate(got[0], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, reply.size);
        assert_serves();
        (void)munmap(memory, reply.size);
        (void)close(fd);
        (void)close(got[0]);
        (void)close(got[1]);
    }
    wait_for_channels("echo", 0);
}

static void channels_run_out_and_come_back(void **state)
{
    (void)state;
    static int fd[CLO_CHANNELS_MAX + 1];
    struct clo_open_reply reply;
    started_world_or_skip();
    for (unsigned round = 0; round < 3; round++) {
        unsigned count = 0;
        int status = CLOISTER_OK;
        while (status == CLOISTER_OK) {
            int got[2] = {-1, -1};
            assert_true(count <= CLO_CHANNELS_MAX);
            fd[count] = raw_connect();
            status = open_channel(fd[count++], "echo", 0, 0, &reply, got);
            (void)close(got[0]);
            (void)close(got[1]);
        }
        assert_int_equal(status, CLOISTER_BUSY);
        assert_in_range(count, 2, CLO_CHANNELS_MAX + 1);
        while (count > 0)
            (void)close(fd[--count]);
        wait_for_channels("echo", 0);
    }
}

static unsigned descriptors_of(pid_t pid)
{
    char path[64];
    unsigned count = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    for (; folder && readdir(folder); count++)
        ;
    if (folder)
        (void)closedir(folder);
    return count;
}

static void thousand_connections_leave_no_descriptor(void **state)
{
    (void)state;
    started_world_or_skip();
    assert_serves();
    unsigned before = descriptors_of(world.host);
    for (unsigned i = 0; i < 1000; i++) {
        struct clo_open_reply reply;
        int got[2] = {-1, -1};
        int fd = raw_connect();
        int status = i % 2 == 0 ? open_channel(fd, "echo", 4096, 0, &reply, got) : CLOISTER_OK;
        /* The ones before it may still be leaving. */
        assert_true(status == CLOISTER_OK || status == CLOISTER_BUSY);
        (void)close(fd);
        (void)close(got[0]);
        (void)close(got[1]);
    }
    wait_for_channels("echo", 0);
    /* The last connections may still be on their way out. */
    for (unsigned i = 0; i < 1000 && descriptors_of(world.host) > before; i++)
        (void)usleep(5000);
    assert_true(descriptors_of(world.host) <= before);
}

static void silent_connections_keep_nobody_out(void **state)
{
    (void)state;
    static int fd[1200];
    struct rlimit limit = {4096, 4096};
    started_world_or_skip();
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    for (unsigned i = 0; i < 1200; i++)
        fd[i] = raw_connect();
    assert_serves();
    for (unsigned i = 0; i < 1200; i++)
        (void)close(fd[i]);
    assert_serves();
}

/* The child's status of a STOP request made as a user that is neither root nor the world's. */
static int stop_as_nobody(void)
{
    pid_t child = fork();
    if (child == 0) {
        uint8_t body[64];
        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(200);
        int fd = raw_connect();
        _exit(raw_ask(fd, CLO_CONTROL_STOP, NULL, 0, body, sizeof body));
    }
    int status = 0;
    (void)waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void stop_by_another_user_is_denied(void **state)
{
    (void)state;
    char runtime[128];
    started_world_or_skip();
    if (geteuid() != 0) {
        print_message("skipped: only root can act as another user\n");
        skip();
    }
    (void)snprintf(runtime, sizeof runtime, "%s/run", world.folder);
    assert_int_equal(chmod(world.folder, 0755), 0);
    assert_int_equal(chmod(runtime, 0755), 0);
    assert_int_equal(chmod(world.socket, 0666), 0);
    assert_int_equal(stop_as_nobody(), CLOISTER_DENIED);
    assert_serves();
}

static void name_is_held_by_one_world(void **state)
{
    (void)state;
    struct started_world second = world;
    started_world_or_skip();
    assert_int_equal(started_world_try(&second, OPTIONS(ECHO)), 1);
    assert_non_null(strstr(started_world_log(&world), "a world named t is running"));
    assert_serves();
}

static void world_host_is_small(void **state)
{
    (void)state;
    char path[64];
    char line[128];
    unsigned long rss = 0;
    started_world_or_skip();
#ifdef CLOISTER_SANITIZED
    print_message("skipped: sanitizers need memory of their own\n");
    skip();
#endif
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)world.host);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %lu", &rss) == 1)
            break;
    if (file)
        (void)fclose(file);
    print_message("world host: %lu KiB resident\n", rss);
    assert_in_range(rss, 1, RSS_LIMIT_KIB);
}

/* Times that the kernel has switched to a thread of the world host. */
static unsigned long switches(void)
{
    char path[128];
    char line[128];
    unsigned long sum = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)world.host);
    DIR *tasks = opendir(path);
    assert_non_null(tasks);
    for (struct dirent *task; (task = readdir(tasks));) {
        unsigned long count;
        (void)snprintf(path, sizeof path, "/proc/%d/task/%.16s/status", (int)world.host,
                       task->d_name);
        FILE *file = task->d_name[0] == '.' ? NULL : fopen(path, "re");
        while (file && fgets(line, sizeof line, file))
            if (sscanf(line, "voluntary_ctxt_switches: %lu", &count) == 1)
                sum += count;
        if (file)
            (void)fclose(file);
    }
    (void)closedir(tasks);
    return sum;
}

static void idle_world_sleeps(void **state)
{
    (void)state;
    unsigned long before, after = 0;
    started_world_or_skip();
    assert_serves();
    /* A timer that was set before the module parked fires once; then nothing does any more. */
    for (unsigned i = 0; i < 10; i++) {
        before = switches();
        (void)usleep(1500000);
        after = switches();
        if (after == before)
            return;
    }
    fail_msg("the idle world was woken %lu times in 1.5 s", after - before);
}

static void stop_request_ends_the_world_cleanly(void **state)
{
    (void)state;
    uint8_t body[64];
    struct clo_open_reply reply;
    int got[2] = {-1, -1};
    started_world_or_skip();
    int client = raw_connect();
    assert_int_equal(open_channel(client, "echo", 0, 0, &reply, got), CLOISTER_OK);
    struct clo_channel_header *header =
        mmap(NULL, reply.size, PROT_READ | PROT_WRITE, MAP_SHARED, got[0], 0);
    int fd = raw_connect();
    assert_int_equal(raw_ask(fd, CLO_CONTROL_STOP, NULL, 0, body, sizeof body), CLOISTER_OK);
    assert_int_equal(started_world_wait(&world), 0);
    assert_int_equal(header->state, CLO_CHANNEL_CLOSED);
    assert_int_equal(access(world.socket, F_OK), -1);
    (void)munmap(header, reply.size);
    (void)close(got[0]);
    (void)close(got[1]);
    (void)close(client);
    (void)close(fd);
}

/* Modules that end */

static cloister_result ask_to(enum misbehave how)
{
    cloister_world *connection;
    cloister_session *session;
    cloister_parameter parameters[4] = {cloister_value(how, 0)};
    assert_int_equal(cloister_world_open(world.socket, &connection), CLOISTER_OK);
    assert_int_equal(cloister_session_open(connection, "misbehave", 0, &session), CLOISTER_OK);
    cloister_result result = cloister_call(session, "misbehave", parameters, 0);
    cloister_session_close(session);
    cloister_world_close(connection);
    return result;
}

static void assert_echo_works(void)
{
    cloister_world *connection;
    cloister_session *session;
    char out[16];
    cloister_parameter parameters[4] = {cloister_in("still here", 10),
                                        cloister_out(out, sizeof out)};
    assert_int_equal(cloister_world_open(world.socket, &connection), CLOISTER_OK);
    assert_int_equal(cloister_session_open(connection, "echo", 0, &session), CLOISTER_OK);
    cloister_result result = cloister_call(session, "echo", parameters, 0);
    assert_int_equal(result.status, CLOISTER_OK);
    assert_memory_equal(out, "still here", 10);
    cloister_session_close(session);
    cloister_world_close(connection);
}

static void assert_ends_alone(enum misbehave how, uint32_t wanted, const char *because)
{
    struct clo_module_info info;
    struct clo_open_reply reply;
    started_world_or_skip();
    cloister_result result = ask_to(how);
    assert_int_equal(result.status, CLOISTER_DEAD);
    module_info("misbehave", &info);
    assert_int_equal(info.state, wanted);
    if (!strstr((char *)info.end, because))
        fail_msg("\"%s\" does not say \"%s\"", (char *)info.end, because);
    int fd = raw_connect();
    assert_int_equal(open_channel(fd, "misbehave", 0, 0, &reply, NULL), CLOISTER_DEAD);
    (void)close(fd);
    assert_echo_works();
}

#define FAULT_TEST(name, how, because)                                                             \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        assert_ends_alone(how, CLO_MODULE_DEAD, because);                                          \
    }

FAULT_TEST(null_read_ends_the_module, MISBEHAVE_READ_NULL, "page fault (vector 14)")
FAULT_TEST(write_to_text_ends_the_module, MISBEHAVE_WRITE_TEXT, "not permitted")
FAULT_TEST(write_to_constants_ends_the_module, MISBEHAVE_WRITE_CONSTANT, "not permitted")
FAULT_TEST(data_cannot_be_run, MISBEHAVE_RUN_DATA, "executing")
FAULT_TEST(division_error_ends_the_module, MISBEHAVE_DIVIDE, "division error")
FAULT_TEST(privileged_instruction_ends_the_module, MISBEHAVE_HALT, "general protection fault")
FAULT_TEST(other_port_ends_the_module, MISBEHAVE_PORT, "general protection fault")
FAULT_TEST(undefined_instruction_ends_the_module, MISBEHAVE_UNDEFINED, "undefined instruction")
FAULT_TEST(non_canonical_address_ends_the_module, MISBEHAVE_NON_CANONICAL, "fault")
FAULT_TEST(monitor_pages_are_out_of_reach, MISBEHAVE_READ_MONITOR, "not permitted")
FAULT_TEST(endless_call_ends_the_module, MISBEHAVE_LOOP, "max_call_us")
FAULT_TEST(panic_ends_the_module, MISBEHAVE_PANIC, "asked to \\x1b[2J")
FAULT_TEST(endless_recursion_ends_the_module, MISBEHAVE_RECURSE, "page fault")

static void exit_ends_the_module(void **state)
{
    (void)state;
    assert_ends_alone(MISBEHAVE_EXIT, CLO_MODULE_ENDED, "exit(3)");
}

static void symbol_of_a_fault_is_named(void **state)
{
    (void)state;
    assert_ends_alone(MISBEHAVE_READ_NULL, CLO_MODULE_DEAD, "fault+0x");
}

static unsigned lines_with(const char *text, const char *word)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, word)); at++)
        count++;
    return count;
}

static void log_flood_is_cut_and_escaped(void **state)
{
    (void)state;
    started_world_or_skip();
    assert_int_equal(ask_to(MISBEHAVE_FLOOD).status, CLOISTER_OK);
    const char *log = started_world_log(&world);
    assert_in_range(lines_with(log, "flood"), 1, 50);
    assert_null(strchr(log, '\x1b'));
    assert_null(strstr(log, "\nforged"));
    assert_echo_works();
}

/* In a child, where an assertion would go on as a second test runner: whatever becomes of it. */
__attribute__((noreturn)) static void ask_and_exit(enum misbehave how)
{
    cloister_world *connection;
    cloister_session *session;
    cloister_parameter parameters[4] = {cloister_value(how, 0)};
    if (cloister_world_open(world.socket, &connection) == CLOISTER_OK &&
        cloister_session_open(connection, "misbehave", 0, &session) == CLOISTER_OK)
        (void)cloister_call(session, "misbehave", parameters, 0);
    _exit(0);
}

static void client_killed_in_a_call_leaves_the_module_alone(void **state)
{
    (void)state;
    struct clo_module_info info;
    started_world_or_skip();
    for (unsigned i = 0; i < 5; i++) {
        pid_t child = fork();
        if (child == 0)
            ask_and_exit(MISBEHAVE_SLOW);
        wait_for_channels("misbehave", 1);
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
        wait_for_channels("misbehave", 0);
    }
    module_info("misbehave", &info);
    assert_int_equal(info.state, CLO_MODULE_SERVING);
    assert_int_equal(ask_to(MISBEHAVE_NOT).status, CLOISTER_OK);
    assert_echo_works();
}

static void caller_deadline_does_not_end_the_module(void **state)
{
    (void)state;
    cloister_world *connection;
    cloister_session *session;
    cloister_parameter parameters[4] = {cloister_value(MISBEHAVE_SLOW, 0)};
    struct clo_module_info info;
    started_world_or_skip();
    assert_int_equal(cloister_world_open(world.socket, &connection), CLOISTER_OK);
    assert_int_equal(cloister_session_open(connection, "misbehave", 0, &session), CLOISTER_OK);
    assert_int_equal(cloister_call(session, "misbehave", parameters, 1000).status,
                     CLOISTER_TIMEOUT);
    parameters[0] = cloister_value(MISBEHAVE_NOT, 0);
    assert_int_equal(cloister_call(session, "misbehave", parameters, 0).status, CLOISTER_OK);
    module_info("misbehave", &info);
    assert_int_equal(info.state, CLO_MODULE_SERVING);
    cloister_session_close(session);
    cloister_world_close(connection);
}

/* Worlds that end */

static void world_ends_with_its_keeper(void **state)
{
    (void)state;
    started_world_or_skip();
    started_world_start(&world, OPTIONS(ECHO));
    assert_int_equal(kill(world.keeper, SIGKILL), 0);
    assert_int_equal(started_world_wait(&world), 128 + SIGKILL);
    for (unsigned i = 0; i < 1000 && access(world.socket, F_OK) == 0; i++)
        (void)usleep(10000);
    started_world_stop(&world);
}

static void killed_world_leaves_nothing_that_is_in_the_way(void **state)
{
    (void)state;
    started_world_or_skip();
    started_world_start(&world, OPTIONS(ECHO));
    assert_int_equal(kill(world.host, SIGKILL), 0);
    assert_int_not_equal(started_world_wait(&world), 0);
    assert_int_equal(started_world_try(&world, OPTIONS(ECHO)), -1);
    assert_echo_works();
    started_world_stop(&world);
}

static void world_in_an_endless_call_stops(void **state)
{
    (void)state;
    started_world_or_skip();
    started_world_start(&world, OPTIONS(ECHO, MISBEHAVE));
    pid_t child = fork();
    if (child == 0)
        ask_and_exit(MISBEHAVE_LOOP);
    wait_for_channels("misbehave", 1);
    started_world_stop(&world);
    (void)waitpid(child, NULL, 0);
}

static void start_that_fails_says_why(void **state)
{
    (void)state;
    started_world_or_skip();
    started_world_prepare(&world);
    assert_int_equal(started_world_try(&world, OPTIONS("--module", "/nonexistent.mod")), 4);
    assert_non_null(strstr(started_world_log(&world), "/nonexistent.mod"));
    assert_int_equal(started_world_try(&world, OPTIONS("--module", "/etc/passwd")), 7);
    assert_int_equal(started_world_try(&world, OPTIONS(ECHO, ECHO)), 7);
    assert_non_null(strstr(started_world_log(&world), "two modules are named echo"));
    assert_int_equal(started_world_try(&world, OPTIONS(ECHO, "--spin", "x")), 2);
    assert_int_equal(started_world_try(
                         &world, OPTIONS(MISBEHAVE, ECHO, "--module", "@modules/vault.mod",
                                         "--module", "@modules/digest.mod", "--window", "1044480")),
                     2);
    started_world_stop(&world);
}

static void production_world_refuses_unsigned_modules(void **state)
{
    (void)state;
    started_world_or_skip();
    started_world_prepare(&world);
    assert_int_equal(started_world_try(&world, (const char *const[]){ECHO, NULL}), 3);
    assert_int_equal(access(world.socket, F_OK), -1);
    started_world_stop(&world);
}

#define IN_ECHO(test) cmocka_unit_test(test)
#define IN_BOTH(test) cmocka_unit_test_setup_teardown(test, start_both, stop)

int main(void)
{
    const struct CMUnitTest socket_tests[] = {
        IN_ECHO(world_says_what_it_is),
        IN_ECHO(wrong_magic_ends_the_connection),
        IN_ECHO(trailing_bytes_end_the_connection),
        IN_ECHO(oversized_packet_ends_the_connection),
        IN_ECHO(one_byte_ends_the_connection),
        IN_ECHO(descriptors_of_a_client_are_not_taken),
        IN_ECHO(each_of_two_requests_is_answered),
        IN_ECHO(client_that_never_reads_blocks_nobody),
        IN_ECHO(unknown_things_are_refused_and_the_connection_stays),
        IN_ECHO(connection_has_one_channel_and_it_is_sealed),
        IN_ECHO(client_that_scribbles_harms_itself_alone),
        IN_ECHO(channels_run_out_and_come_back),
        IN_ECHO(thousand_connections_leave_no_descriptor),
        IN_ECHO(silent_connections_keep_nobody_out),
        IN_ECHO(stop_by_another_user_is_denied),
        IN_ECHO(name_is_held_by_one_world),
        IN_ECHO(world_host_is_small),
        IN_ECHO(idle_world_sleeps),
        IN_ECHO(stop_request_ends_the_world_cleanly),
    };
    const struct CMUnitTest module_tests[] = {
        IN_BOTH(null_read_ends_the_module),
        IN_BOTH(write_to_text_ends_the_module),
        IN_BOTH(write_to_constants_ends_the_module),
        IN_BOTH(data_cannot_be_run),
        IN_BOTH(division_error_ends_the_module),
        IN_BOTH(privileged_instruction_ends_the_module),
        IN_BOTH(other_port_ends_the_module),
        IN_BOTH(undefined_instruction_ends_the_module),
        IN_BOTH(non_canonical_address_ends_the_module),
        IN_BOTH(monitor_pages_are_out_of_reach),
        IN_BOTH(endless_call_ends_the_module),
        IN_BOTH(panic_ends_the_module),
        IN_BOTH(endless_recursion_ends_the_module),
        IN_BOTH(exit_ends_the_module),
        IN_BOTH(symbol_of_a_fault_is_named),
        IN_BOTH(log_flood_is_cut_and_escaped),
        IN_BOTH(client_killed_in_a_call_leaves_the_module_alone),
        IN_BOTH(caller_deadline_does_not_end_the_module),
    };
    const struct CMUnitTest end_tests[] = {
        cmocka_unit_test(world_ends_with_its_keeper),
        cmocka_unit_test(killed_world_leaves_nothing_that_is_in_the_way),
        cmocka_unit_test(world_in_an_endless_call_stops),
        cmocka_unit_test(start_that_fails_says_why),
        cmocka_unit_test(production_world_refuses_unsigned_modules),
    };
    int failed = cmocka_run_group_tests(socket_tests, start_echo, stop);
    failed += cmocka_run_group_tests(module_tests, NULL, NULL);
    failed += cmocka_run_group_tests(end_tests, NULL, NULL);
    return failed;
}

/*
 * The world's side of a guest's memory, played by a thread: see guest_world.h.
 */
#include "tests/unit/guest_world.h"

#include "normal-world/client/shared_word.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUIET UINT32_MAX /* in the doorbell: it has not rung */
#define ARENA 262144u
#define CHANNEL_SIZE ((uint32_t)CLO_ARENA_OFFSET + ARENA)

static void require(bool fine, const char *what)
{
    if (!fine) {
        perror(what);
        abort();
    }
}

struct clo_guest_header *guest_world_header(struct guest_world *world)
{
    return (struct clo_guest_header *)(void *)world->memory;
}

struct clo_lane *guest_world_lane(struct guest_world *world, unsigned n)
{
    return (struct clo_lane *)(void *)(world->memory + CLO_GUEST_LANES_OFFSET +
                                       (size_t)n * CLO_GUEST_LANE_SIZE);
}

/* Requests */

static struct clo_module_info echo_module(void)
{
    return (struct clo_module_info){
        .name = "echo",
        .version = "1.0.0",
        .state = CLO_MODULE_SERVING,
        .method_count = 1,
        .method[0] = {.name = "echo",
                      .kinds = CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4,
                      .size_max = {131072, 131072}},
    };
}

static void start_channel(struct guest_world_channel *channel, uint8_t *bytes)
{
    struct clo_channel_header *header = (struct clo_channel_header *)(void *)bytes;
    memset(bytes, 0, CHANNEL_SIZE);
    *header = (struct clo_channel_header){.magic = CLO_CHANNEL_MAGIC,
                                          .abi_major = CLO_ABI_MAJOR,
                                          .ring_size = CLO_RING_SIZE,
                                          .arena_offset = CLO_ARENA_OFFSET,
                                          .arena_size = ARENA,
                                          .module_parked = 1};
    *channel = (struct guest_world_channel){.live = true, .bytes = bytes};
}

static unsigned open_channel(struct guest_world *world, unsigned n, void *body)
{
    struct clo_guest_open_reply *reply = body;
    if (n >= GUEST_WORLD_CHANNELS || world->channel[n].live)
        return CLOISTER_BUSY;
    *reply = (struct clo_guest_open_reply){
        .offset = CLO_GUEST_CHANNELS_OFFSET + n * CHANNEL_SIZE,
        .vector = n + 1,
        .open = {.size = CHANNEL_SIZE, .arena_size = ARENA, .module = echo_module()},
    };
    start_channel(&world->channel[n], world->memory + reply->offset);
    world->working++;
    return CLOISTER_OK;
}

static void close_channel(struct guest_world *world, unsigned n)
{
    world->closes++;
    if (n >= GUEST_WORLD_CHANNELS || !world->channel[n].live)
        return;
    world->channel[n].live = false;
    world->working--;
}

/* Writes the body of the reply; its size in *size. */
static unsigned answer(struct guest_world *world, unsigned n, uint16_t type, void *body,
                       uint32_t *size)
{
    unsigned status = CLOISTER_OK;
    *size = 0;
    switch (type) {
    case CLO_CONTROL_CLOSE:
        close_channel(world, n);
        return CLOISTER_OK;
    case CLO_CONTROL_OPEN:
        status = open_channel(world, n, body);
        *size = status == CLOISTER_OK ? sizeof(struct clo_guest_open_reply) : 0;
        return status;
    case CLO_CONTROL_WORLD:
        *(struct clo_world_info *)body = (struct clo_world_info){.name = "played",
                                                                 .state = CLO_WORLD_SERVING,
                                                                 .kvm = "other",
                                                                 .isolation = CLO_ISOLATION_MAPPED,
                                                                 .module_count = 1};
        *size = sizeof(struct clo_world_info);
        return CLOISTER_OK;
    case CLO_CONTROL_MODULE:
        *(struct clo_module_info *)body = echo_module();
        *size = sizeof(struct clo_module_info);
        return CLOISTER_OK;
    case CLO_CONTROL_REPORT:
        *size = CLO_GUEST_LANE_SIZE - 128 - sizeof(struct clo_control_header);
        memset(body, 'r', *size);
        return CLOISTER_OK;
    default:
        return CLOISTER_UNSUPPORTED;
    }
}

static void serve_lane(struct guest_world *world, unsigned n)
{
    struct clo_lane *lane = guest_world_lane(world, n);
    uint32_t number = shared_read(&lane->request);
    struct clo_control_header header;
    if (number == shared_peek(&lane->reply))
        return;
    world->requests++;
    memcpy(&header, lane->message, sizeof header);
    require(lane->request_size == sizeof header + header.size, "request_size");
    require(header.magic == CLO_CONTROL_MAGIC && header.abi_major == CLO_ABI_MAJOR, "header");
    uint8_t *body = lane->message + sizeof header;
    header.status = (uint16_t)answer(world, n, header.type, body, &header.size);
    memcpy(lane->message, &header, sizeof header);
    lane->reply_size = (uint32_t)sizeof header + header.size;
    void (*spoil)(struct clo_lane *, void *) = world->spoil;
    uint32_t before = shared_peek(&lane->reply);
    if (spoil)
        spoil(lane, body);
    if (shared_peek(&lane->reply) == before)
        shared_publish(&lane->reply, number);
}

/* Calls */

static void echo_large(uint8_t *arena, const struct clo_submission *in, struct clo_completion *out)
{
    uint64_t size = in->parameter[0].b;
    memcpy(arena + in->parameter[1].a, arena + in->parameter[0].a, size);
    out->parameter[1].b = size;
}

static void wake_client(struct guest_world *world, struct clo_channel_header *header)
{
    uint32_t one = 1;
    if (shared_read(&header->client_parked) != 1)
        return;
    world->parked++;
    shared_set(&header->client_parked, 0);
    shared_publish(&header->client_wake, header->client_wake + 1);
    guest_world_header(world)->interrupts++;
    if (world->uio >= 0)
        require(write(world->uio, &one, sizeof one) == sizeof one, "uio");
}

static void answer_call(struct guest_world *world, struct guest_world_channel *channel)
{
    uint8_t *bytes = channel->bytes;
    unsigned at = channel->answered % CLO_RING_SIZE * 128;
    const struct clo_submission *in =
        (const struct clo_submission *)(const void *)(bytes + CLO_SUBMISSIONS_OFFSET + at);
    struct clo_completion *out =
        (struct clo_completion *)(void *)(bytes + CLO_COMPLETIONS_OFFSET + at);
    out->submission = channel->answered + 1;
    out->status = CLOISTER_OK;
    out->origin = CLOISTER_ORIGIN_MODULE;
    out->inline_out = in->inline_in;
    out->reserved = 0;
    memcpy(out->data, in->data, in->inline_in);
    if (in->method == 0 && in->inline_in == 0)
        echo_large(bytes + CLO_ARENA_OFFSET, in, out);
    channel->answered++;
    /* So that a client that wants to sleep comes to it. */
    if (world->uio >= 0)
        (void)usleep(2000);
    shared_publish(&out->turn, channel->answered);
    wake_client(world, (struct clo_channel_header *)(void *)bytes);
}

static bool has_call(const struct guest_world_channel *channel)
{
    const struct clo_submission *in =
        (const struct clo_submission *)(const void *)(channel->bytes + CLO_SUBMISSIONS_OFFSET +
                                                      channel->answered % CLO_RING_SIZE * 128);
    return shared_read(&in->turn) == channel->answered + 1;
}

static void serve_channel(struct guest_world *world, struct guest_world_channel *channel)
{
    struct clo_channel_header *header = (struct clo_channel_header *)(void *)channel->bytes;
    while (channel->live && has_call(channel)) {
        answer_call(world, channel);
        shared_publish(&header->module_parked, 1);
    }
}

/* The world */

static void serve(struct guest_world *world)
{
    for (unsigned n = 0; n < CLO_GUEST_LANES; n++)
        if (!(world->silent >> n & 1))
            serve_lane(world, n);
    for (unsigned n = 0; n < GUEST_WORLD_CHANNELS && !world->deaf; n++)
        serve_channel(world, &world->channel[n]);
}

static void *play(void *context)
{
    struct guest_world *world = context;
    bool pending = false;
    for (unsigned round = 0; !world->stop; round++) {
        uint32_t vector = __atomic_exchange_n(world->doorbell, QUIET, __ATOMIC_SEQ_CST);
        if (vector != QUIET) {
            require(vector < CLO_GUEST_VECTORS, "doorbell");
            world->rung |= 1u << vector;
            pending = true;
        }
        if (pending)
            serve(world);
        pending = pending && (world->silent || world->deaf);
        if (round % 64 == 0 && !world->heartless)
            guest_world_header(world)->beat++;
        (void)usleep(100);
    }
    return NULL;
}

/* Files */

static void path_of(struct guest_world *world, const char *address, const char *file, char *path,
                    size_t size)
{
    int length = snprintf(path, size, "%s/%s", world->folder, address);
    require(mkdir(path, 0755) == 0 || access(path, F_OK) == 0, path);
    (void)snprintf(path + length, size - (size_t)length, "/%s", file);
}

void guest_world_write(struct guest_world *world, const char *address, const char *file,
                       const char *text)
{
    char path[160];
    path_of(world, address, file, path, sizeof path);
    FILE *out = fopen(path, "w");
    require(out && fputs(text, out) >= 0 && fclose(out) == 0, path);
}

static int make_memory(struct guest_world *world, const char *file, size_t size, uint8_t **bytes)
{
    char path[160];
    path_of(world, GUEST_WORLD_ADDRESS, file, path, sizeof path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    require(fd >= 0 && ftruncate(fd, (off_t)size) == 0, path);
    *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    require(*bytes != MAP_FAILED, path);
    return fd;
}

static void make_device(struct guest_world *world, unsigned register_offset)
{
    char text[128];
    (void)snprintf(text, sizeof text, "0x%016x 0x%016x 0x0000000000040200\n",
                   0xfebf1000u + register_offset, 0xfebf1000u + register_offset + 255);
    guest_world_write(world, GUEST_WORLD_ADDRESS, "vendor", "0x1af4\n");
    guest_world_write(world, GUEST_WORLD_ADDRESS, "device", "0x1110\n");
    guest_world_write(world, GUEST_WORLD_ADDRESS, "resource", text);
    world->memory_file = make_memory(world, "resource2", GUEST_WORLD_SIZE, &world->memory);
    require(close(make_memory(world, "resource0", CLO_PAGE_SIZE, &world->registers)) == 0, "close");
    world->doorbell = (uint32_t *)(void *)(world->registers + register_offset + CLO_GUEST_DOORBELL);
    *world->doorbell = QUIET;
    *guest_world_header(world) = (struct clo_guest_header){
        .magic = CLO_GUEST_MAGIC,
        .abi_major = CLO_ABI_MAJOR,
        .size = GUEST_WORLD_SIZE,
        .lanes = CLO_GUEST_LANES,
        .generation = 0x1234567887654321,
        .state = CLO_GUEST_LIVE,
    };
}

void guest_world_start(struct guest_world *world, unsigned register_offset)
{
    memset(world, 0, sizeof *world);
    (void)snprintf(world->folder, sizeof world->folder, "/tmp/cloister-guest.XXXXXX");
    require(mkdtemp(world->folder) && chmod(world->folder, 0755) == 0, world->folder);
    (void)snprintf(world->nodes, sizeof world->nodes, "%s/nodes", world->folder);
    require(mkdir(world->nodes, 0755) == 0, world->nodes);
    world->places = (struct sysfs_places){.devices = world->folder, .nodes = world->nodes};
    world->uio = -1;
    make_device(world, register_offset);
    require(pthread_create(&world->thread, NULL, play, world) == 0, "thread");
}

void guest_world_bind_uio(struct guest_world *world)
{
    char path[160];
    path_of(world, GUEST_WORLD_ADDRESS "/uio", "", path, sizeof path);
    path_of(world, GUEST_WORLD_ADDRESS "/uio/uio3", "", path, sizeof path);
    path_of(world, GUEST_WORLD_ADDRESS, "config", path, sizeof path);
    int config = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    const uint8_t command[6] = {0xf4, 0x1a, 0x10, 0x11, 0x03, 0x05};
    require(write(config, command, sizeof command) == sizeof command && close(config) == 0, path);
    (void)snprintf(path, sizeof path, "%s/uio3", world->nodes);
    require(mkfifo(path, 0644) == 0, path);
    world->uio = open(path, O_RDWR | O_CLOEXEC);
    require(world->uio >= 0, path);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void guest_world_stop(struct guest_world *world)
{
    world->stop = true;
    require(pthread_join(world->thread, NULL) == 0, "join");
    (void)munmap(world->memory, GUEST_WORLD_SIZE);
    (void)munmap(world->registers, CLO_PAGE_SIZE);
    (void)close(world->memory_file);
    if (world->uio >= 0)
        (void)close(world->uio);
    (void)nftw(world->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

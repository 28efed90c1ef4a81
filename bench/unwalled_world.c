/*
 * Puts the world host's parts together in its own order, around memory that is no machine's.
 */
#include "bench/unwalled_world.h"

#include "bench/pin.h"
#include "bench/unwalled_module.h"
#include "bench/workplace.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/scope.h"
#include "vmm/guest_socket.h"
#include "vmm/module_thread.h"
#include "vmm/server.h"
#include "vmm/world_socket.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#define NAME "bench-unwalled"
#define MONITOR_SIZE (1u << 20)
#define WINDOW_SIZE (32u << 20)

static struct {
    cloister_world *client;
    struct world world;
    int keeper[2]; /* the link: the world ends when the first end is closed */
    struct server server;
    struct guests guests;
    struct world_socket socket;
    struct guest_socket guest_socket;
    pthread_t thread;
    bool serves;
} host;

/* Memory and tables as a machine's, that no vCPU ever uses. */

static cloister_status make_machine(struct machine *machine, struct reason *why)
{
    uint8_t *memory = mmap(NULL, MONITOR_SIZE + WINDOW_SIZE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return refuse_errno(why, "no memory for a world without a machine");
    *machine = (struct machine){.kvm_fd = -1,
                                .vm_fd = -1,
                                .monitor = memory,
                                .monitor_size = MONITOR_SIZE,
                                .window = memory + MONITOR_SIZE,
                                .window_size = WINDOW_SIZE,
                                .window_gpa = {MONITOR_SIZE}};
    host.world.machine_created = true;
    return CLOISTER_OK;
}

static cloister_status place_module(struct module *module, struct reason *why)
{
    struct placement *placement = &module->placement;
    struct machine *machine = &host.world.machine;
    struct gpa unused;
    placement->machine = machine;
    cloister_status status = pagetable_create(machine, &placement->table);
    placement->control =
        machine_monitor_pages(machine, sizeof *placement->control / CLO_PAGE_SIZE, &unused);
    placement->mailbox[0] =
        machine_monitor_pages(machine, sizeof *placement->mailbox[0] / CLO_PAGE_SIZE, &unused);
    if (status != CLOISTER_OK || !placement->control || !placement->mailbox[0] ||
        !extents_create(&module->extents, WINDOW_SIZE / CLO_PAGE_SIZE))
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for a module without a machine");
    return module_thread_create(&module->thread[0], why);
}

static cloister_status make_module(struct reason *why)
{
    struct world *world = &host.world;
    struct module_file file = {
        .name = "echo", .image = -1, .source = -1, .record.manifest = unwalled_module_manifest};
    world->module = calloc(1, sizeof *world->module);
    if (!world->module)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for a module");
    world->module_count = 1;
    cloister_status status = module_create(&world->module[0], world, 0, &file, why);
    return status == CLOISTER_OK ? place_module(&world->module[0], why) : status;
}

static cloister_status make_world(struct reason *why)
{
    struct world *world = &host.world;
    world->debug = true;
    world->owner = geteuid();
    world->changed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (world->changed < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, host.keeper) != 0)
        return refuse_errno(why, "cannot make the descriptors of a world");
    keeper_link_open(&world->keeper, host.keeper[1]);
    if (!name_set(world->name, sizeof world->name, NAME))
        return CLOISTER_INTERNAL;
    cloister_status status = make_machine(&world->machine, why);
    return status == CLOISTER_OK ? make_module(why) : status;
}

/* The module's thread */

static cloister_status hypercall(uint32_t number, uint64_t argument)
{
    struct module *module = &host.world.module[0];
    if (number == CLO_HC_NOTIFY)
        return channel_notify(&module->thread[0], argument);
    (void)module_thread_wait(&module->thread[0], argument);
    return atomic_load(&module->leaving) ? CLOISTER_CLOSED : CLOISTER_OK;
}

static cloister_status start_module(const struct row_plan *plan, uint32_t spin_us,
                                    struct reason *why)
{
    struct module *module = &host.world.module[0];
    const struct placement *placement = &module->placement;
    const struct unwalled_place place = {.control = placement->control,
                                         .mailbox = placement->mailbox[0],
                                         .window = host.world.machine.window,
                                         .window_size = WINDOW_SIZE,
                                         .spin_us = spin_us,
                                         .ns_per_tick = plan->ns_per_tick,
                                         .cpu = plan->server_cpu,
                                         .hypercall = hypercall};
    cloister_status status = unwalled_module_start(&place, &module->thread[0].pthread, why);
    module->thread[0].created = status == CLOISTER_OK;
    return status;
}

/* The main thread */

static void *serve_clients(void *context)
{
    struct reason why = {0};
    (void)context;
    server_block_signals(); /* the heart's thread has them blocked, too */
    pin_nowhere();
    /* Of this thread alone: without it only root may shut the heart in. */
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (host.server.guests && guests_start(&host.guests, &why) != CLOISTER_OK) {
        log_error("%s", why.text);
        return NULL;
    }
    while (server_run(&host.server, &why) == SERVER_STARTED)
        ;
    return NULL;
}

static cloister_status add_guests(const char *guest_socket, struct reason *why)
{
    if (!guest_socket)
        return CLOISTER_OK;
    cloister_status status = guest_socket_open(guest_socket, &host.guest_socket, why);
    if (status == CLOISTER_OK)
        status = guests_create(&host.guests, &host.world, &host.guest_socket,
                               CLO_GUEST_SIZE_DEFAULT, why);
    return status == CLOISTER_OK ? server_add_guests(&host.server, &host.guests, why) : status;
}

static cloister_status start_server(const char *guest_socket, struct reason *why)
{
    cloister_status status = world_socket_open(NAME, &host.socket, why);
    if (status == CLOISTER_OK)
        status = server_create(&host.server, &host.world, host.socket.listen, why);
    /* Signals are the measuring program's. */
    if (status == CLOISTER_OK &&
        epoll_ctl(host.server.epoll, EPOLL_CTL_DEL, host.server.signals, NULL) != 0)
        status = refuse_errno(why, "cannot leave signals alone");
    if (status == CLOISTER_OK)
        status = add_guests(guest_socket, why);
    if (status == CLOISTER_OK && pthread_create(&host.thread, NULL, serve_clients, NULL) != 0)
        status = refuse(why, CLOISTER_NO_MEMORY, "cannot start a thread");
    host.serves = status == CLOISTER_OK;
    return status;
}

static void begin(void)
{
    memset(&host, 0, sizeof host);
    host.keeper[0] = host.keeper[1] = -1;
    host.world.machine = (struct machine){.kvm_fd = -1, .vm_fd = -1};
    host.world.runtime.memfd = host.world.changed = host.world.processes = -1;
    host.server.epoll = host.server.signals = -1;
    host.socket = (struct world_socket){.folder = -1, .lock = -1, .listen = -1};
    host.guest_socket = (struct guest_socket){.folder = -1, .listen = -1};
    log_start("cloister-bench", LOG_LEVEL_WARNING);
}

cloister_status unwalled_world_start(const struct row_plan *plan, uint32_t spin_us,
                                     const char *guest_socket, cloister_world **world,
                                     struct reason *why)
{
    begin();
    cloister_status status = workplace_open(why);
    if (status == CLOISTER_OK)
        status = make_world(why);
    if (status == CLOISTER_OK)
        status = start_module(plan, spin_us, why);
    if (status == CLOISTER_OK)
        status = start_server(guest_socket, why);
    if (status == CLOISTER_OK && cloister_world_open(NAME, &host.client) != CLOISTER_OK)
        status = refuse(why, CLOISTER_INTERNAL, "a world in this process cannot be reached");
    *world = host.client;
    return status;
}

void unwalled_world_stop(void)
{
    cloister_world_close(host.client);
    scope_close(&host.keeper[0]);
    if (host.serves)
        (void)pthread_join(host.thread, NULL);
    bool runs =
        host.world.module && host.world.module->thread && host.world.module->thread[0].created;
    if (runs && !world_stop(&host.world))
        abort();
    unwalled_module_free();
    if (host.world.guests)
        guests_destroy(&host.guests);
    server_destroy(&host.server);
    guest_socket_close(&host.guest_socket);
    world_socket_close(&host.socket);
    world_destroy(&host.world);
    scope_close(&host.keeper[1]);
}

/*
 * The world host. Reads its options, makes the world, shuts itself in, serves until it is told to
 * stop. Order of start: docs/architecture.md.
 */
#include "base/exit_status.h"
#include "vmm/exec.h"
#include "vmm/guest_signal.h"
#include "vmm/guest_socket.h"
#include "vmm/module_thread.h"
#include "vmm/options.h"
#include "vmm/probe.h"
#include "vmm/probe_cache.h"
#include "vmm/sandbox.h"
#include "vmm/server.h"
#include "vmm/world_launch.h"
#include "vmm/world_socket.h"

#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DESCRIPTORS_WANTED 8192

static char program_name[64] = "cloister-world";

/* Nothing that happened to be open in whoever started us stays open in a process with modules. */
static void close_strangers(const struct options *options)
{
    int keeper = options->mode == OPTIONS_WORLD ? CLO_KEEPER_DESCRIPTOR : STDERR_FILENO;
    int ready = options->ready_fd;
    if (ready > keeper) {
        if (ready > keeper + 1)
            (void)syscall(SYS_close_range, (unsigned)keeper + 1, (unsigned)ready - 1, 0);
        (void)syscall(SYS_close_range, (unsigned)ready + 1, ~0u, 0);
    } else {
        (void)syscall(SYS_close_range, (unsigned)keeper + 1, ~0u, 0);
    }
}

/* Standard descriptors that are closed would be taken by a machine or a channel. */
static cloister_status open_standard(struct reason *why)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            return refuse_errno(why, "cannot open /dev/null in place of descriptor %d", fd);
    return CLOISTER_OK;
}

/* Each channel takes two descriptors. Fewer is no reason not to start. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= DESCRIPTORS_WANTED)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_WANTED ? limit.rlim_max : DESCRIPTORS_WANTED;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_debug("only %llu descriptors are possible", (unsigned long long)limit.rlim_cur);
}

static cloister_status prepare(const struct options *options, struct reason *why)
{
    cloister_status status = sandbox_prepare(why);
    if (status == CLOISTER_OK)
        status = open_standard(why);
    if (status != CLOISTER_OK)
        return status;
    close_strangers(options);
    raise_descriptor_limit();
    if (options->mode != OPTIONS_WORLD)
        return CLOISTER_OK;
    if (fcntl(CLO_KEEPER_DESCRIPTOR, F_SETFD, FD_CLOEXEC) != 0)
        return refuse(why, CLOISTER_BAD_ARGUMENT,
                      "no keeper at descriptor %d; worlds are started by 'cloister world run'",
                      CLO_KEEPER_DESCRIPTOR);
    /* A keeper that is killed takes its world along. */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
        return refuse_errno(why, "cannot ask for the keeper's end");
    server_block_signals();
    return module_thread_signals(why);
}

/* A production world does not start where a mechanism that protects it fails. */
static cloister_status check_mechanisms(const struct options *options, struct reason *why)
{
    if (options->debug || probe_cache_passed())
        return CLOISTER_OK;
    cloister_status status = probe_required(why);
    if (status == CLOISTER_OK)
        probe_cache_store();
    return status;
}

static void say_ready(int fd)
{
    if (fd < 0)
        return;
    if (write(fd, "1", 1) != 1)
        log_debug("nobody waits for the world to serve");
    (void)close(fd);
}

static cloister_status serve(struct world *world, struct server *server,
                             const struct options *options, struct reason *why)
{
    for (;;) {
        switch (server_run(server, why)) {
        case SERVER_STARTED: {
            const struct module *dead = world_dead_module(world);
            if (dead)
                return refuse(why, CLOISTER_DEAD, "module %s ended before it served: %s",
                              dead->file.name, dead->end);
            log_info("serves %u module%s", world->module_count,
                     world->module_count == 1 ? "" : "s");
            say_ready(options->ready_fd);
            break;
        }
        case SERVER_STOP:
            return CLOISTER_OK;
        case SERVER_ORPHANED:
            log_info("the keeper is gone: the world stops");
            return CLOISTER_OK;
        case SERVER_FAILED:
            return CLOISTER_IO;
        }
    }
}

static cloister_status run_sandboxed(struct world *world, struct server *server,
                                     struct sandbox_files *files, const struct options *options,
                                     struct reason *why)
{
    struct reason later = {0};
    files->processes = world->processes = sandbox_open_processes(files);
    cloister_status status = world_start_threads(world, why);
    if (status == CLOISTER_OK && server->guests)
        status = guests_start(server->guests, why);
    if (status == CLOISTER_OK)
        status = sandbox_enter(SANDBOX_MAIN, files, why);
    if (status == CLOISTER_OK)
        status = world_launch_wait(world, why);
    if (status != CLOISTER_OK)
        atomic_store(&world->failed, true);
    cloister_status opened = world_open_gate(world, &later);
    if (status == CLOISTER_OK && opened != CLOISTER_OK) {
        *why = later;
        status = opened;
    }
    if (status == CLOISTER_OK)
        status = serve(world, server, options, why);
    if (!world_stop(world)) {
        log_error("a module thread does not leave its vCPU; the kernel frees its memory");
        _exit(EXIT_FAILED);
    }
    return status;
}

/* Before any thread of a module prepares. */
static void prepare_signals(void)
{
    if (!guest_signal_start())
        log_warning("no asynchronous I/O (io_setup): guests get no interrupts, they must poll");
    guest_signal_prepare();
}

static cloister_status run_with_guests(struct world *world, struct server *server,
                                       struct sandbox_files *files, const struct options *options,
                                       struct reason *why)
{
    struct guest_socket at;
    struct guests guests;
    cloister_status status = guest_socket_open(options->guest_socket, &at, why);
    if (status != CLOISTER_OK)
        return status;
    prepare_signals();
    status = guests_create(&guests, world, &at, options->guest_memory, why);
    if (status == CLOISTER_OK)
        status = server_add_guests(server, &guests, why);
    files->guest_folder = at.folder;
    if (status == CLOISTER_OK)
        status = run_sandboxed(world, server, files, options, why);
    guests_destroy(&guests);
    guest_socket_close(&at);
    return status;
}

static cloister_status run_at(struct world *world, const struct options *options,
                              struct reason *why)
{
    struct world_socket at;
    struct server server;
    cloister_status status = world_socket_open(options->name, &at, why);
    if (status != CLOISTER_OK)
        return status;
    /* What reading the modules took goes back first: calloc touches no page that is fresh. */
    memory_give_back();
    struct sandbox_files files = {.folder = at.folder, .guest_folder = -1};
    status = server_create(&server, world, at.listen, why);
    if (status == CLOISTER_OK)
        status = options->guest_socket ? run_with_guests(world, &server, &files, options, why)
                                       : run_sandboxed(world, &server, &files, options, why);
    server_destroy(&server);
    world_socket_close(&at);
    return status;
}

static cloister_status run_world(const struct options *options, struct reason *why)
{
    struct world world;
    cloister_status status = check_mechanisms(options, why);
    if (status == CLOISTER_OK)
        status = world_create(&world, options, why);
    if (status != CLOISTER_OK)
        return status;
    status = run_at(&world, options, why);
    world_destroy(&world);
    if (status == CLOISTER_OK)
        log_info("ended; memory is wiped");
    return status;
}

static int fail(cloister_status status, const struct reason *why)
{
    log_error("%s", why->text[0] ? why->text : cloister_status_text(status));
    return exit_status_of(status);
}

static int probe(const struct options *options)
{
    return probe_print(options->json) ? EXIT_OK : EXIT_UNAVAILABLE;
}

int main(int argc, char **argv)
{
    struct options options;
    struct reason why = {0};
    log_start(program_name, LOG_LEVEL_INFO);
    memory_be_small();
    if (options_parse(argc, argv, &options, &why) != CLOISTER_OK) {
        log_error("%s; see --help", why.text);
        return EXIT_USAGE;
    }
    if (options.mode == OPTIONS_HELP)
        return fputs(options_help, stdout) < 0 ? EXIT_IO : EXIT_OK;
    if (options.name)
        (void)snprintf(program_name, sizeof program_name, "cloister-world %.31s", options.name);
    log_start(program_name, options.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
    cloister_status status = prepare(&options, &why);
    if (status == CLOISTER_OK && options.mode == OPTIONS_EXEC)
        return exec_run(&options);
    if (status == CLOISTER_OK && options.mode == OPTIONS_PROBE)
        return probe(&options);
    if (status == CLOISTER_OK)
        status = run_world(&options, &why);
    return status == CLOISTER_OK ? EXIT_OK : fail(status, &why);
}

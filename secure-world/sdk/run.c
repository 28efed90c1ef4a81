/*
 * From started to serving: private memory for each thread, the module's own init, then the loop.
 */
#include "arguments.h"

#define ALIGN 64u

static uint8_t *memory; /* of all threads, one after the other */

static size_t round_up(size_t size)
{
    return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static size_t thread_size(void)
{
    return round_up(sizeof(struct server)) +
           round_up(arguments_scratch_size(&cloister_manifest_note.manifest));
}

void server_prepare(void)
{
    memory = sdk_memory(thread_size() * sdk_boot()->threads);
    if (!memory)
        cloister_panic(
            "heap_size is too small for the buffers that the methods declare, for each thread");
    if (cloister_module_init() != CLOISTER_OK)
        cloister_panic("the module's init failed");
}

void server_run(uint32_t thread)
{
    const struct clo_boot *boot = sdk_boot();
    uint8_t *mine = memory + thread * thread_size();
    struct server *server = (struct server *)(void *)mine;
    server->manifest = &cloister_manifest_note.manifest;
    server->handlers = cloister_handlers;
    server->control = sdk_control();
    server->mailbox = sdk_mailbox();
    server->window = sdk_window();
    server->window_size = boot->window_size;
    server->thread = thread;
    server->spin_us = boot->spin_us;
    server->spin_ticks = boot->spin_us * boot->tsc_khz / 1000;
    server->service = service_time_start(boot->tsc_khz);
    server->scratch = mine + round_up(sizeof *server);
    server->scratch_size = arguments_scratch_size(server->manifest);
    server_plan(server);
    serve(server);
}

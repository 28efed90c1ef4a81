/*
 * Fills the SDK's server as its run.c does, and lets it serve.
 */
#include "bench/unwalled_module.h"

#include "bench/pin.h"

#include "secure-world/sdk/arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct clo_manifest unwalled_module_manifest = {
    .abi_minor = CLO_ABI_MINOR,
    .version = "1.0.0",
    .threads = 1,
    .channels_max = CLO_CHANNELS_MAX,
    .method_count = 1,
    .method = {{.name = "echo",
                .kinds = CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4,
                .size_max = {UNWALLED_MODULE_BYTES_MAX, UNWALLED_MODULE_BYTES_MAX}}}};

static struct {
    struct unwalled_place place;
    struct server server;
} module;

static cloister_status echo(cloister_call *call)
{
    const cloister_argument *in = &call->argument[0];
    cloister_argument *out = &call->argument[1];
    if (in->size > out->capacity)
        return CLOISTER_TOO_BIG;
    memcpy(out->out, in->in, in->size);
    out->size = in->size;
    return CLOISTER_OK;
}

static const cloister_handler handlers[] = {echo};

/* What the SDK asks of the world, and of its module. */

cloister_status sdk_hypercall(uint32_t number, uint64_t a0, uint64_t a1, uint64_t a2)
{
    (void)a1, (void)a2;
    cloister_status status = module.place.hypercall(number, a0);
    if (status == CLOISTER_CLOSED)
        pthread_exit(NULL);
    return status;
}

void cloister_panic(const char *text)
{
    (void)fprintf(stderr, "cloister-bench: the module panics: %s\n", text);
    abort();
}

cloister_status cloister_session_opened(cloister_call *call)
{
    (void)call;
    return CLOISTER_OK;
}

void cloister_session_closed(unsigned channel, unsigned session)
{
    (void)channel, (void)session;
}

/* The thread */

static cloister_status fill_server(const struct unwalled_place *place, struct reason *why)
{
    struct server *server = &module.server;
    double ticks_per_us = 1000 / place->ns_per_tick;
    memset(server, 0, sizeof *server);
    server->manifest = &unwalled_module_manifest;
    server->handlers = handlers;
    server->control = place->control;
    server->mailbox = place->mailbox;
    server->window = place->window;
    server->window_size = place->window_size;
    server->spin_us = place->spin_us;
    server->spin_ticks = (uint64_t)(place->spin_us * ticks_per_us);
    server->service = service_time_start((uint64_t)(ticks_per_us * 1000));
    server->scratch_size = arguments_scratch_size(server->manifest);
    server->scratch =
        aligned_alloc(CLO_ARENA_ALIGN, server->scratch_size); /* as sdk_memory gives */
    server_plan(server);
    if (!server->scratch)
        return refuse(why, CLOISTER_NO_MEMORY, "no memory for a module's copies");
    memset(server->scratch, 0, server->scratch_size);
    return CLOISTER_OK;
}

static void *run(void *context)
{
    struct reason why;
    (void)context;
    if (pin_self(module.place.cpu, &why) == CLOISTER_OK)
        serve(&module.server);
    return NULL;
}

cloister_status unwalled_module_start(const struct unwalled_place *place, pthread_t *thread,
                                      struct reason *why)
{
    module.place = *place;
    cloister_status status = fill_server(place, why);
    if (status == CLOISTER_OK && pthread_create(thread, NULL, run, NULL) != 0)
        status = refuse(why, CLOISTER_NO_MEMORY, "cannot start a thread");
    return status;
}

void unwalled_module_free(void)
{
    free(module.server.scratch);
    module.server.scratch = NULL;
}

/*
 * The SDK's end of a channel in a thread. What the world host is to a module are three functions
 * here: WAIT and NOTIFY are futexes.
 */
#include "bench/unwalled_module.h"

#include "bench/pin.h"

#include "secure-world/sdk/arguments.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BUFFERS (CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4)

const struct clo_manifest unwalled_module_manifest = {
    .method_count = 1,
    .method = {{.name = "echo",
                .kinds = BUFFERS,
                .size_max = {UNWALLED_MODULE_BYTES_MAX, UNWALLED_MODULE_BYTES_MAX}}}};

static struct {
    pthread_t thread;
    int cpu;
    uint32_t bell;  /* futex; counts doorbells */
    uint32_t heard; /* bells that WAIT has returned for */
    bool stopping;
    struct clo_control control;
    struct clo_mailbox mailbox;
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

static void ring(uint32_t *word)
{
    (void)__atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
    (void)syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void wait_for_bell(void)
{
    uint32_t rung;
    while ((rung = __atomic_load_n(&module.bell, __ATOMIC_SEQ_CST)) == module.heard)
        (void)syscall(SYS_futex, &module.bell, FUTEX_WAIT, rung, NULL, NULL, 0);
    module.heard = rung;
    if (__atomic_load_n(&module.stopping, __ATOMIC_SEQ_CST))
        pthread_exit(NULL);
}

cloister_status sdk_hypercall(uint32_t number, uint64_t a0, uint64_t a1, uint64_t a2)
{
    struct clo_channel_header *header = (void *)module.server.window;
    (void)a0, (void)a1, (void)a2;
    if (number == CLO_HC_NOTIFY)
        ring(&header->client_wake);
    else
        wait_for_bell();
    return CLOISTER_OK;
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

static void fill_header(void *memory, uint32_t size)
{
    struct clo_channel_header *header = memory;
    memset(memory, 0, size);
    header->magic = CLO_CHANNEL_MAGIC;
    header->abi_major = CLO_ABI_MAJOR;
    header->ring_size = CLO_RING_SIZE;
    header->arena_offset = CLO_ARENA_OFFSET;
    header->arena_size = size - (uint32_t)CLO_ARENA_OFFSET;
    header->module_parked = 1;
}

static cloister_status fill_server(void *memory, uint32_t size, uint32_t spin_us,
                                   double ns_per_tick, struct reason *why)
{
    struct server *server = &module.server;
    module.control.slot[0] =
        (struct clo_channel_slot){.state = CLO_SLOT_LIVE, .generation = 1, .size = size};
    module.control.slots = module.control.epoch = 1;
    server->manifest = &unwalled_module_manifest;
    server->handlers = handlers;
    server->control = &module.control;
    server->mailbox = &module.mailbox;
    server->window = memory;
    server->window_size = size;
    server->spin_us = spin_us;
    server->spin_ticks = (uint64_t)(spin_us * 1000.0 / ns_per_tick);
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
    if (pin_self(module.cpu, &why) == CLOISTER_OK)
        serve(&module.server);
    return NULL;
}

cloister_status unwalled_module_start(void *memory, uint32_t size, int cpu, uint32_t spin_us,
                                      double ns_per_tick, struct reason *why)
{
    memset(&module, 0, sizeof module);
    module.cpu = cpu;
    fill_header(memory, size);
    cloister_status status = fill_server(memory, size, spin_us, ns_per_tick, why);
    if (status == CLOISTER_OK && pthread_create(&module.thread, NULL, run, NULL) != 0)
        status = refuse(why, CLOISTER_NO_MEMORY, "cannot start a thread");
    return status;
}

void unwalled_module_wake(void)
{
    ring(&module.bell);
}

/* It may be polling still: it looks when it has fallen asleep. */
void unwalled_module_stop(void)
{
    __atomic_store_n(&module.stopping, true, __ATOMIC_SEQ_CST);
    unwalled_module_wake();
    (void)pthread_join(module.thread, NULL);
    free(module.server.scratch);
}

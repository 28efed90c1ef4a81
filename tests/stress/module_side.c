/*
 * Module side of the stress tests: see module_side.h.
 */
/* Of what the fences order ThreadSanitizer needs nothing: the turns carry all that is shared. */
#if defined(__SANITIZE_THREAD__)
#pragma GCC diagnostic ignored "-Wtsan"
#endif

#include "secure-world/sdk/arguments.c"
#include "secure-world/sdk/call.c"
#include "secure-world/sdk/cancelled.c"
#include "secure-world/sdk/channel.c"
#include "secure-world/sdk/pair.c"
#include "secure-world/sdk/serve.c"
#include "secure-world/sdk/service_time.c"
#include "secure-world/sdk/submission.c"

#include "tests/stress/module_side.h"
#include "tests/stress/one_process.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS_MAX 4u
#define BUFFERS (CLO_PARAM_BUFFER_IN | CLO_PARAM_BUFFER_OUT << 4)

struct module_thread {
    pthread_t thread;
    struct server server;
    struct clo_mailbox mailbox;
    uint32_t bell;  /* futex; counts doorbells */
    uint32_t heard; /* bells that WAIT has returned for */
    uint64_t random;
};

static struct module_thread threads[THREADS_MAX];
static unsigned thread_count;
static uint32_t stopping;
static _Thread_local struct module_thread *self;

/* Methods */

static cloister_status echo(cloister_call *call)
{
    const cloister_argument *in = &call->argument[0];
    cloister_argument *out = &call->argument[1];
    if (in->size > out->capacity)
        return CLOISTER_TOO_BIG;
    for (size_t i = 0; i < in->size; i++)
        out->out[i] = in->in[i] ^ 0x5a;
    out->size = in->size;
    return CLOISTER_OK;
}

static cloister_status slow(cloister_call *call)
{
    for (unsigned i = 0; i < 200; i++) {
        if (cloister_call_cancelled(call))
            return CLOISTER_CANCELLED;
        __builtin_ia32_pause();
    }
    return echo(call);
}

static const cloister_handler handlers[] = {echo, echo, slow, echo};

#define METHOD(text, most) .name = text, .kinds = BUFFERS, .size_max = {most, most}

const struct clo_manifest module_side_manifest = {
    .method_count = 4,
    .method = {
        [PROCESS_SMALL] = {METHOD("small", CLO_INLINE_SIZE)},
        [PROCESS_LARGE] = {METHOD("large", PROCESS_MOST)},
        [PROCESS_SLOW] = {METHOD("slow", PROCESS_MOST)},
        [PROCESS_ZERO] = {METHOD("zero", PROCESS_MOST),
                          .flags = CLO_METHOD_ZERO_COPY(0) | CLO_METHOD_ZERO_COPY(1)},
    }};

/* Hypercalls and hooks */

void module_side_ring(uint32_t *word)
{
    (void)__atomic_add_fetch(word, 1, __ATOMIC_SEQ_CST);
    (void)syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Now and then it returns for no reason, as it may. */
static void wait_for_bell(void)
{
    uint32_t rung;
    if (process_random(&self->random) % 16 == 0)
        return;
    while ((rung = __atomic_load_n(&self->bell, __ATOMIC_SEQ_CST)) == self->heard)
        (void)syscall(SYS_futex, &self->bell, FUTEX_WAIT, rung, NULL, NULL, 0);
    self->heard = rung;
}

cloister_status sdk_hypercall(uint32_t number, uint64_t a0, uint64_t a1, uint64_t a2)
{
    (void)a1;
    (void)a2;
    if (number == CLO_HC_NOTIFY)
        module_side_notify((unsigned)a0);
    else
        wait_for_bell();
    return CLOISTER_OK;
}

void cloister_panic(const char *text)
{
    (void)fprintf(stderr, "panic: %s\n", text);
    abort();
}

cloister_status cloister_session_opened(cloister_call *call)
{
    (void)call;
    return CLOISTER_OK;
}

void cloister_session_closed(unsigned channel, unsigned session)
{
    (void)channel;
    (void)session;
}

/* Threads */

static void *run(void *context)
{
    self = context;
    struct server *server = &self->server;
    while (!__atomic_load_n(&stopping, __ATOMIC_SEQ_CST)) {
        server->spin_us = process_random(&self->random) % 3;
        server->spin_ticks = process_random(&self->random) % 20000;
        if (!spin(server))
            serve_park(server);
    }
    return NULL;
}

void module_side_start(unsigned count, const struct clo_control *control, uint8_t *window,
                       uint64_t window_size)
{
    static const struct module_thread fresh;
    thread_count = count;
    __atomic_store_n(&stopping, 0, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < count; i++) {
        struct module_thread *thread = &threads[i];
        struct server *server = &thread->server;
        *thread = fresh;
        thread->random = i + 1;
        server->manifest = &module_side_manifest;
        server->handlers = handlers;
        server->control = control;
        server->mailbox = &thread->mailbox;
        server->window = window;
        server->window_size = window_size;
        server->thread = i;
        server->scratch_size = arguments_scratch_size(server->manifest);
        server->scratch = calloc(1, server->scratch_size);
        server_plan(server);
        if (!server->scratch || pthread_create(&thread->thread, NULL, run, thread) != 0)
            abort();
    }
}

void module_side_stop(void)
{
    __atomic_store_n(&stopping, 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < thread_count; i++) {
        module_side_wake(i);
        (void)pthread_join(threads[i].thread, NULL);
        free(threads[i].server.scratch);
    }
}

void module_side_wake(unsigned thread)
{
    module_side_ring(&threads[thread].bell);
}

bool module_side_has_seen(unsigned thread, uint32_t epoch)
{
    uint32_t seen = __atomic_load_n(&threads[thread].mailbox.epoch, __ATOMIC_ACQUIRE);
    return (int32_t)(seen - epoch) >= 0;
}

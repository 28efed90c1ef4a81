/*
 * A module with four threads and no libc: the end-to-end tests look at which thread serves whom.
 */
#include <cloister/module.h>

#include "threads.h"

static unsigned opened; /* session entry points so far, of all threads */
static unsigned closed;

/* Each thread runs on a stack of its own. */
static uint64_t this_thread(void)
{
    uint64_t stack = (uint64_t)(uintptr_t)__builtin_frame_address(0);
    return stack < CLO_VA_WINDOW ? (stack - CLO_VA_STACK) / CLO_STACK_STRIDE : 0;
}

static void spin(uint64_t us)
{
    uint64_t khz = ((const struct clo_boot *)(uintptr_t)CLO_VA_BOOT)->tsc_khz;
    uint64_t end = __builtin_ia32_rdtsc() + us * khz / 1000;
    while (__builtin_ia32_rdtsc() < end)
        __builtin_ia32_pause();
}

/* In: how long the call takes, in us. Out: thread, calls of this thread so far. */
static cloister_status work(cloister_call *call)
{
    static uint64_t calls[CLO_THREADS_MAX];
    uint64_t thread = this_thread();
    spin(call->argument[0].a);
    call->argument[1].a = thread;
    call->argument[1].b = ++calls[thread];
    return CLOISTER_OK;
}

static cloister_status sessions(cloister_call *call)
{
    call->argument[0].a = __atomic_load_n(&opened, __ATOMIC_RELAXED);
    call->argument[0].b = __atomic_load_n(&closed, __ATOMIC_RELAXED);
    return CLOISTER_OK;
}

/* Who calls, as the world host says. */
static cloister_status caller(cloister_call *call)
{
    const struct clo_caller *who = call->caller;
    call->argument[0].a = who->kind;
    call->argument[0].b = who->uid;
    call->argument[1].a = who->gid;
    call->argument[1].b = who->pid;
    call->argument[2].a = who->start_time;
    call->argument[2].b = who->id;
    return CLOISTER_OK;
}

/* In: 1 refuses all sessions from now on but those of this channel, 0 admits them again. */
static unsigned refusing;
static cloister_status refuse_sessions(cloister_call *call)
{
    __atomic_store_n(&refusing, (unsigned)call->argument[0].a, __ATOMIC_RELAXED);
    return CLOISTER_OK;
}

cloister_status cloister_session_opened(cloister_call *call)
{
    (void)call;
    if (__atomic_load_n(&refusing, __ATOMIC_RELAXED))
        return THREADS_REFUSED;
    (void)__atomic_add_fetch(&opened, 1, __ATOMIC_RELAXED);
    return CLOISTER_OK;
}

void cloister_session_closed(unsigned channel, unsigned session)
{
    (void)channel;
    (void)session;
    (void)__atomic_add_fetch(&closed, 1, __ATOMIC_RELAXED);
}

CLOISTER_MODULE(.name = "threads", .version = "1.0.0", .svn = 1, .heap_size = 1 << 20,
                .stack_size = 16 << 10, .threads = THREADS_COUNT, .channels_max = CLO_CHANNELS_MAX,
                .max_call_us = 5000000, .method_count = 4,
                .method = {CLOISTER_METHOD("work", CLOISTER_VALUE_IN, CLOISTER_VALUE_OUT),
                           CLOISTER_METHOD("sessions", CLOISTER_VALUE_OUT),
                           CLOISTER_METHOD("caller", CLOISTER_VALUE_OUT, CLOISTER_VALUE_OUT,
                                           CLOISTER_VALUE_OUT),
                           CLOISTER_METHOD("refuse", CLOISTER_VALUE_IN)});
CLOISTER_HANDLERS(work, sessions, caller, refuse_sessions);

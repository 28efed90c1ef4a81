/*
 * Runs a vCPU. The time limit is a timer of the thread's own whose signal makes vcpu_run return. It
 * is set when the thread is about to enter the vCPU and left alone when it parks, because most park
 * for less than it; the first time it fires on a thread that is parked outside a call it is
 * switched off, so that an idle world has no timer and takes no time.
 */
#include "vmm/module_thread.h"

#include "vmm/fault.h"
#include "vmm/guest_signal.h"
#include "vmm/hypercall.h"
#include "vmm/sandbox.h"
#include "vmm/world.h"

#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id /* as glibc spells timer_create(2) */
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define KICK_SIGNAL SIGRTMIN
#define STACK_SIZE (128u << 10)
#define DOORBELLS_AT_ONCE 16
#define TIMEOUT_MAX_US 3600000000ull

/* The thread that runs here: for the signal handler. */
static __thread struct module_thread *current;

static void on_kick(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    if (!current)
        return;
    if (info->si_code == SI_TIMER)
        current->expired = 1;
    vcpu_kick(&current->vcpu);
}

cloister_status module_thread_signals(struct reason *why)
{
    struct sigaction action = {.sa_sigaction = on_kick, .sa_flags = SA_SIGINFO | SA_RESTART};
    (void)sigfillset(&action.sa_mask);
    if (sigaction(KICK_SIGNAL, &action, NULL) != 0)
        return refuse_errno(why, "cannot install the handler of signal %d", KICK_SIGNAL);
    return CLOISTER_OK;
}

static cloister_status watch_control(struct module_thread *thread, struct reason *why)
{
    /* Edge-triggered like the doorbells: a write is an event, nothing needs to be read. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = CLO_WAKE_CONTROL};
    if (epoll_ctl(thread->epoll, EPOLL_CTL_ADD, thread->control, &event) != 0)
        return refuse_errno(why, "cannot watch an eventfd");
    return CLOISTER_OK;
}

cloister_status module_thread_create(struct module_thread *thread, struct reason *why)
{
    thread->epoll = epoll_create1(EPOLL_CLOEXEC);
    thread->control = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (thread->epoll < 0 || thread->control < 0)
        return refuse_errno(why, "cannot make the descriptors of a module thread");
    return watch_control(thread, why);
}

void module_thread_wake(struct module_thread *thread)
{
    uint64_t one = 1;
    if (write(thread->control, &one, sizeof one) < 0)
        return; /* the counter is full: the thread has plenty to see */
}

void module_thread_kick(struct module_thread *thread)
{
    if (thread->tid > 0)
        (void)syscall(SYS_tgkill, getpid(), thread->tid, KICK_SIGNAL);
}

/* Time limit */

static void arm(struct module_thread *thread)
{
    if (!thread->timed || thread->armed)
        return;
    uint64_t ns = thread->look_in_ns ? thread->look_in_ns : 1;
    /* It comes again: a kick that meets the vCPU while its page tables change may be lost. */
    struct timespec in = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    struct itimerspec when = {.it_value = in, .it_interval = in};
    if (timer_settime(thread->timer, 0, &when, NULL) == 0)
        thread->armed = true;
}

static void disarm(struct module_thread *thread)
{
    const struct itimerspec never = {0};
    if (thread->timed && timer_settime(thread->timer, 0, &never, NULL) == 0)
        thread->armed = false;
    thread->expired = 0;
}

static void look_at_time(struct module_thread *thread)
{
    struct module *module = thread->module;
    const struct clo_mailbox *mailbox = module->placement.mailbox[thread->index];
    uint64_t progress = __atomic_load_n(&mailbox->progress, __ATOMIC_RELAXED);
    enum time_verdict verdict =
        time_limit_look(&thread->limit, progress, world_now(), &thread->look_in_ns);
    if (verdict == TIME_CALL_EXCEEDED)
        module_end(module, CLO_MODULE_DEAD, 0, "a call took longer than max_call_us, %llu us",
                   (unsigned long long)(thread->limit.call_ns / 1000));
    if (verdict == TIME_START_EXCEEDED)
        module_end(module, CLO_MODULE_DEAD, 0, "it did not start to serve within %llu s",
                   (unsigned long long)(TIME_LIMIT_START_NS / 1000000000));
    if (thread->index == 0 && thread->limit.started)
        module_serves(module);
}

static void watch_time(struct module_thread *thread)
{
    if (thread->expired) {
        thread->expired = 0;
        thread->armed = false;
        look_at_time(thread);
    }
    arm(thread);
}

/* Entering and leaving */

/* Whoever changes the tables sets `pausing` before it looks at `inside`; the thread stores `inside`
   before it looks at `pausing`. So one of them sees the other. */
static void enter(struct module_thread *thread)
{
    struct module *module = thread->module;
    for (;;) {
        atomic_store(&thread->inside, true);
        if (!atomic_load(&module->pausing))
            return;
        atomic_store(&thread->inside, false);
        fair_lock_take(&module->world->memory);
        fair_lock_give(&module->world->memory);
    }
}

static void run(struct module_thread *thread, struct vcpu_exit *exit)
{
    enter(thread);
    /* Whoever wants the thread out sets `leaving` first and kicks second. */
    if (atomic_load(&thread->module->leaving))
        *exit = (struct vcpu_exit){.event = VCPU_KICKED};
    else
        vcpu_run(&thread->vcpu, exit);
    atomic_store(&thread->inside, false);
}

static void end_by_fault(struct module_thread *thread, const struct vcpu_exit *exit)
{
    struct module *module = thread->module;
    char text[MODULE_END_SIZE];
    fault_describe(exit, &module->file, module->placement.base, text, sizeof text);
    module_end(module, CLO_MODULE_DEAD, 128 + fault_signal(exit->vector), "%s", text);
}

void module_thread_run(struct module_thread *thread)
{
    struct module *module = thread->module;
    current = thread;
    thread->tid = gettid();
    while (!atomic_load(&module->leaving)) {
        struct vcpu_exit exit;
        watch_time(thread);
        run(thread, &exit);
        if (exit.event == VCPU_HYPERCALL)
            hypercall_serve(thread, exit.number);
        else if (exit.event == VCPU_FAULT)
            end_by_fault(thread, &exit);
        else if (exit.event == VCPU_BROKEN)
            module_end(module, CLO_MODULE_DEAD, 128 + SIGSEGV, "forbidden exit: %s", exit.text);
    }
}

/* The last thread that leaves wipes: all other vCPUs of the module stand still for good. */
static void leave(struct module_thread *thread)
{
    struct module *module = thread->module;
    struct reason why;
    if (atomic_fetch_sub(&module->running, 1) != 1)
        return;
    fair_lock_take(&module->world->memory); /* it takes pages for tables */
    cloister_status status = vcpu_wipe(&thread->vcpu, &why);
    fair_lock_give(&module->world->memory);
    if (status != CLOISTER_OK)
        log_error("module %s: its memory was not wiped: %s", module->file.name, why.text);
    else
        log_debug("module %s: its memory is wiped", module->file.name);
}

static void block_signals(int how)
{
    sigset_t kick;
    (void)sigemptyset(&kick);
    (void)sigaddset(&kick, KICK_SIGNAL);
    (void)pthread_sigmask(how, &kick, NULL);
}

static cloister_status prepare(struct module_thread *thread, struct reason *why)
{
    thread->tid = gettid();
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = KICK_SIGNAL};
    event.sigev_notify_thread_id = thread->tid;
    if (timer_create(CLOCK_MONOTONIC, &event, &thread->timer) != 0)
        return refuse_errno(why, "cannot make the timer of a module thread");
    thread->timed = true;
    guest_signal_prepare();
    return sandbox_enter(SANDBOX_VCPU, NULL, why);
}

static void *thread_main(void *argument)
{
    struct module_thread *thread = argument;
    struct world *world = thread->module->world;
    struct reason why;
    current = thread;
    if (prepare(thread, &why) != CLOISTER_OK) {
        log_error("module %s: %s", thread->module->file.name, why.text);
        atomic_store(&world->failed, true);
    }
    world_wait_at_gate(world);
    thread->limit = time_limit_of(thread->module->file.record.manifest.max_call_us, world_now());
    thread->limit.started = thread->index != 0; /* the first one starts the module, others wait */
    thread->expired = 1;                        /* the first look sets the timer */
    block_signals(SIG_UNBLOCK);
    module_thread_run(thread);
    block_signals(SIG_BLOCK);
    leave(thread);
    return NULL;
}

cloister_status module_thread_start(struct module_thread *thread, struct reason *why)
{
    pthread_attr_t attributes;
    (void)pthread_attr_init(&attributes);
#ifndef CLOISTER_SANITIZED
    (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
#endif
    /* The main thread has every signal blocked, and so the new one starts. */
    errno = pthread_create(&thread->pthread, &attributes, thread_main, thread);
    (void)pthread_attr_destroy(&attributes);
    if (errno != 0)
        return refuse_errno(why, "cannot start a module thread");
    thread->created = true;
    return CLOISTER_OK;
}

/* Waiting */

static uint64_t collect(const struct epoll_event *events, int count)
{
    uint64_t bits = 0;
    for (int i = 0; i < count; i++)
        bits |= events[i].data.u32;
    return bits;
}

static struct timespec *time_left(uint64_t until_ns, struct timespec *left)
{
    if (until_ns == 0)
        return NULL;
    uint64_t now = world_now();
    uint64_t ns = until_ns > now ? until_ns - now : 0;
    *left = (struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    return left;
}

/* The timer has fired. A call that waits, for another module or for time to pass, goes on taking
   time; a thread that has none needs no timer. */
static void look_while_parked(struct module_thread *thread)
{
    const struct clo_mailbox *mailbox = thread->module->placement.mailbox[thread->index];
    if (__atomic_load_n(&mailbox->progress, __ATOMIC_RELAXED) & 1)
        watch_time(thread);
    else
        disarm(thread);
}

static uint64_t park(struct module_thread *thread, uint64_t until_ns)
{
    struct epoll_event events[DOORBELLS_AT_ONCE];
    while (!atomic_load(&thread->module->leaving)) {
        struct timespec left;
        int count = (int)syscall(SYS_epoll_pwait2, thread->epoll, events, DOORBELLS_AT_ONCE,
                                 time_left(until_ns, &left), NULL, (size_t)0);
        if (count > 0)
            return collect(events, count);
        if (count == 0)
            return CLO_WAKE_TIMEOUT;
        if (errno != EINTR)
            break;
        if (thread->expired)
            look_while_parked(thread);
    }
    return CLO_WAKE_CONTROL;
}

uint64_t module_thread_wait(struct module_thread *thread, uint64_t timeout_us)
{
    uint64_t us = timeout_us < TIMEOUT_MAX_US ? timeout_us : TIMEOUT_MAX_US;
    uint64_t until_ns = us ? world_now() + us * 1000 : 0;
    if (thread->index == 0) {
        thread->limit.started = true;
        module_serves(thread->module);
    }
    atomic_store_explicit(&thread->parked, true, memory_order_relaxed);
    uint64_t bits = park(thread, until_ns);
    atomic_store_explicit(&thread->parked, false, memory_order_relaxed);
    return bits;
}

void module_thread_destroy(struct module_thread *thread)
{
    if (thread->timed)
        (void)timer_delete(thread->timer);
    if (thread->epoll >= 0)
        (void)close(thread->epoll);
    if (thread->control >= 0)
        (void)close(thread->control);
    vcpu_destroy(&thread->vcpu);
}

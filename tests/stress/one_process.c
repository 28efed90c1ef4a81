/*
 * Both sides of channels in one process: see one_process.h. Here are the world host and the
 * client's transport.
 */
#include "tests/stress/one_process.h"

#include "normal-world/client/session.h"
#include "normal-world/client/shared_word.h"
#include "normal-world/client/ticks.h"
#include "tests/stress/module_side.h"

#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHANNEL_SIZE ((uint32_t)CLO_ARENA_OFFSET + PROCESS_ARENA)

static struct {
    struct clo_control control;
    uint8_t *window;
    unsigned threads;
} process;

static struct clo_channel_header *header_of(unsigned channel)
{
    return (void *)(process.window + (size_t)channel * CHANNEL_SIZE);
}

void process_start(unsigned threads)
{
    size_t size = PROCESS_CHANNELS * (size_t)CHANNEL_SIZE;
    process.threads = threads;
    process.window = aligned_alloc(CLO_PAGE_SIZE, size);
    if (!process.window)
        abort();
    memset(&process.control, 0, sizeof process.control);
    module_side_start(threads, &process.control, process.window, size);
}

void process_stop(void)
{
    module_side_stop();
    free(process.window);
}

/* World host */

void module_side_notify(unsigned channel)
{
    module_side_ring(&header_of(channel)->client_wake);
}

static uint32_t changed(unsigned channel)
{
    uint32_t epoch = __atomic_add_fetch(&process.control.epoch, 1, __ATOMIC_RELEASE);
    module_side_wake(channel % process.threads);
    return epoch;
}

static void write_header(struct clo_channel_header *header)
{
    memset(header, 0, CHANNEL_SIZE);
    header->magic = CLO_CHANNEL_MAGIC;
    header->abi_major = CLO_ABI_MAJOR;
    header->ring_size = CLO_RING_SIZE;
    header->arena_offset = CLO_ARENA_OFFSET;
    header->arena_size = PROCESS_ARENA;
    header->module_parked = 1;
}

static void show(unsigned channel)
{
    struct clo_channel_slot *slot = &process.control.slot[channel];
    write_header(header_of(channel));
    slot->offset = channel * CHANNEL_SIZE;
    slot->size = CHANNEL_SIZE;
    slot->thread = channel % process.threads;
    __atomic_store_n(&slot->generation, slot->generation + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->state, CLO_SLOT_LIVE, __ATOMIC_RELEASE);
    uint32_t slots = __atomic_load_n(&process.control.slots, __ATOMIC_ACQUIRE);
    while (slots <= channel &&
           !__atomic_compare_exchange_n(&process.control.slots, &slots, channel + 1, false,
                                        __ATOMIC_RELEASE, __ATOMIC_ACQUIRE))
        ;
    (void)changed(channel);
}

static void withdraw(unsigned channel)
{
    __atomic_store_n(&process.control.slot[channel].state, CLO_SLOT_FREE, __ATOMIC_RELEASE);
    uint32_t epoch = changed(channel);
    while (!module_side_has_seen(channel % process.threads, epoch))
        (void)usleep(100);
}

/* Client */

static void ring_bell(void *context)
{
    const struct clo_channel_slot *slot = context;
    module_side_wake(slot->thread);
}

static void sleep_for_good(void *context, uint32_t *word, uint32_t value, uint64_t timeout_us)
{
    (void)context;
    (void)timeout_us;
    (void)syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static bool always_connected(void *context)
{
    (void)context;
    return true;
}

cloister_session *process_connect(unsigned channel)
{
    const struct ring_peer peer = {.doorbell = ring_bell,
                                   .sleep = sleep_for_good,
                                   .connected = always_connected,
                                   .context = &process.control.slot[channel]};
    cloister_session *session = calloc(1, sizeof *session);
    show(channel);
    if (!session || ring_attach(&session->ring, header_of(channel), CHANNEL_SIZE, PROCESS_ARENA,
                                &peer, ticks_per_us_since(ticks_moment_now())) != CLOISTER_OK)
        abort();
    session->module.method_count = module_side_manifest.method_count;
    session->module.abi_minor = CLO_ABI_MINOR;
    memcpy(session->module.method, module_side_manifest.method, sizeof module_side_manifest.method);
    session_plan(session);
    if (session_call_plain(session, CLO_METHOD_OPEN, 0).status != CLOISTER_OK)
        abort();
    return session;
}

void process_disconnect(unsigned channel, cloister_session *session)
{
    if (session_call_plain(session, CLO_METHOD_CLOSE, 0).status != CLOISTER_OK)
        abort();
    withdraw(channel);
    session_unshare(session);
    free(session);
}

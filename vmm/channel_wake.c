/*
 * Wakes the other ends of a module's channels. No lock on the way of a call: a channel that goes
 * waits for whoever is in here with its header (module_thread.notifying). No client can make a
 * thread wait here.
 */
#include "vmm/channel_parts.h"

#include "vmm/guest_signal.h"
#include "vmm/world.h"

#include "base/index.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A thread of another module, or a client: its futex sleeps on a counter in the shared memory. One
   sleeper a channel: waking a crowd of a hostile client's threads would take the time of the
   module's other clients. A guest's eventfd is what its VMM makes an interrupt of. */
void channel_wake_other(struct channel *channel, struct clo_channel_header *header)
{
    struct module_thread *other = atomic_load(&channel->other);
    if (other) {
        module_thread_wake(other);
        return;
    }
    (void)__atomic_fetch_add(&header->client_wake, 1, __ATOMIC_SEQ_CST);
    if (channel->interrupts) {
        (void)__atomic_fetch_add(channel->interrupts, 1, __ATOMIC_SEQ_CST);
        guest_signal(channel->interrupt);
        return;
    }
    (void)syscall(SYS_futex, &header->client_wake, FUTEX_WAKE, 1, NULL, NULL, 0);
}

cloister_status channel_notify(struct module_thread *thread, uint64_t slot)
{
    struct module *module = thread->module;
    if (slot >= module->channel_count)
        return CLOISTER_NOT_FOUND;
    struct channel *channel = &module->channel[index_clamp(slot, module->channel_count)];
    struct clo_channel_header *header = atomic_load(&channel->header);
    atomic_store(&thread->notifying, header);
    /* Only a header that is still there after it was announced is waited for by channel_close. */
    bool there = header && atomic_load(&channel->header) == header;
    if (there)
        channel_wake_other(channel, header);
    atomic_store(&thread->notifying, NULL);
    if (there)
        return CLOISTER_OK;
    /* The end that calls has no header to look after. */
    struct module_thread *other = atomic_load(&channel->other);
    if (other)
        module_thread_wake(other);
    return other ? CLOISTER_OK : CLOISTER_NOT_FOUND;
}

void channels_tell(struct module *module, uint32_t state)
{
    for (unsigned i = 0; i < module->channel_count; i++) {
        struct clo_channel_header *header = atomic_load(&module->channel[i].header);
        if (!header)
            continue;
        __atomic_store_n(&header->state, state, __ATOMIC_RELEASE);
        channel_wake_other(&module->channel[i], header);
    }
}

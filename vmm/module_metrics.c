/*
 * Adds up what the threads of a module count. The mailboxes are the module's: it can write anything
 * there at any time, so a number is read once, bounded, and believed by nobody.
 */
#include "vmm/module_metrics.h"

#include <string.h>

static uint64_t bounded(uint64_t value)
{
    return value < CLO_SERVICE_COUNT_MAX ? value : CLO_SERVICE_COUNT_MAX;
}

/* Both are bounded, so the sum cannot wrap. */
static void add_bounded(uint64_t *sum, const uint64_t *word)
{
    *sum = bounded(*sum + bounded(__atomic_load_n(word, __ATOMIC_RELAXED)));
}

static void add_thread(struct clo_module_metrics *metrics, const struct module_thread *thread,
                       const struct clo_mailbox *mailbox)
{
    metrics->exits += __atomic_load_n(&thread->vcpu.exits, __ATOMIC_RELAXED);
    add_bounded(&metrics->calls, &mailbox->calls);
    add_bounded(&metrics->service_ns, &mailbox->service_ns);
    for (unsigned i = 0; i < CLO_SERVICE_BUCKETS; i++)
        add_bounded(&metrics->service[i], &mailbox->service[i]);
}

void module_fill_metrics(struct module *module, struct clo_module_metrics *metrics)
{
    *metrics = (struct clo_module_metrics){.index = module->index,
                                           .threads = module->thread_count,
                                           .channels_max = module->channel_count,
                                           .generation = module->generation};
    memcpy(metrics->name, module->file.name, sizeof metrics->name);
    (void)pthread_mutex_lock(&module->lock);
    metrics->state = atomic_load(&module->state);
    metrics->channels = module->channels_live;
    (void)pthread_mutex_unlock(&module->lock);
    for (unsigned i = 0; i < module->thread_count; i++) {
        add_thread(metrics, &module->thread[i], module->placement.mailbox[i]);
        metrics->polling +=
            metrics->state <= CLO_MODULE_SERVING && !atomic_load(&module->thread[i].parked);
    }
}

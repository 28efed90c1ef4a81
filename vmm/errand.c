/*
 * A futex word per thread. A thread whose module must leave takes its errand back, unless the main
 * thread has begun with it.
 */
#include "vmm/errand.h"

#include "vmm/world.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NOTHING, ASKED, TAKEN, DONE };

#define LOOK_NS 20000000 /* between two looks whether the module must leave */

static void wait_for_change(_Atomic uint32_t *word, uint32_t value)
{
    const struct timespec look = {.tv_nsec = LOOK_NS};
    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, &look, NULL, 0);
}

static bool take_back(struct errand *errand)
{
    uint32_t asked = ASKED;
    return atomic_compare_exchange_strong(&errand->state, &asked, NOTHING);
}

cloister_status errand_run(struct module_thread *thread)
{
    struct errand *errand = &thread->errand;
    uint64_t one = 1;
    atomic_store(&errand->state, ASKED);
    (void)!write(thread->module->world->changed, &one, sizeof one); /* full: it has plenty to see */
    for (uint32_t state; (state = atomic_load(&errand->state)) != DONE;) {
        if (atomic_load(&thread->module->leaving) && take_back(errand))
            return CLOISTER_CLOSED;
        wait_for_change(&errand->state, state);
    }
    return errand->status;
}

static cloister_status perform(struct module_thread *thread, struct errand *errand)
{
    if (errand->kind == ERRAND_CLOSE)
        return channel_peer_close(thread->module, errand->slot);
    return channel_peer_open(thread, errand->callee, errand->arena_size, &errand->made,
                             &errand->why);
}

static void serve_thread(struct module_thread *thread)
{
    struct errand *errand = &thread->errand;
    uint32_t asked = ASKED;
    if (!atomic_compare_exchange_strong(&errand->state, &asked, TAKEN))
        return;
    errand->status = perform(thread, errand);
    atomic_store(&errand->state, DONE);
    (void)syscall(SYS_futex, &errand->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void errands_serve(struct world *world)
{
    channel_peer_bury(world);
    for (unsigned i = 0; i < world->module_count; i++)
        for (unsigned j = 0; j < world->module[i].thread_count; j++)
            serve_thread(&world->module[i].thread[j]);
}

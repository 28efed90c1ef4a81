/*
 * Runs one program: no keeper, no socket, no other thread. Signals keep their default actions: an
 * interrupt or a closed pipe ends the process, and with it the machine.
 */
#include "vmm/exec.h"

#include "vmm/module_thread.h"
#include "vmm/sandbox.h"
#include "vmm/world.h"

#include <stdio.h>
#include <unistd.h>

static int cannot_start(cloister_status status, const struct reason *why)
{
    (void)fprintf(stderr, "cloister exec: %s\n", why->text);
    switch (status) {
    case CLOISTER_NOT_FOUND:
        return EXEC_NOT_FOUND;
    case CLOISTER_DENIED:
    case CLOISTER_BAD_FORMAT:
    case CLOISTER_TOO_BIG:
        return EXEC_NOT_EXECUTABLE;
    default:
        return EXEC_FAILED;
    }
}

static cloister_status prepare(struct world *world, const struct options *options,
                               struct reason *why)
{
    cloister_status status = module_thread_signals(why);
    if (status == CLOISTER_OK)
        status = world_create_exec(world, options, environ, why);
    if (status != CLOISTER_OK)
        return status;
    status = sandbox_enter(SANDBOX_EXEC, NULL, why);
    if (status != CLOISTER_OK)
        world_destroy(world);
    return status;
}

int exec_run(const struct options *options)
{
    struct world world;
    struct reason why = {0};
    cloister_status status = prepare(&world, options, &why);
    if (status != CLOISTER_OK)
        return cannot_start(status, &why);
    struct module *module = &world.module[0];
    module_thread_run(&module->thread[0]);
    int code = module->exit_status;
    if (module->state == CLO_MODULE_DEAD)
        (void)fprintf(stderr, "cloister exec: %s: %s\n", options->program, module->end);
    if (vcpu_wipe(&module->thread[0].vcpu, &why) != CLOISTER_OK)
        (void)fprintf(stderr, "cloister exec: memory was not wiped: %s\n", why.text);
    world_destroy(&world);
    return code;
}

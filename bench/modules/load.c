/*
 * load: the module that the measurements call. Copies up to 16 KiB in and out, keeps a processor
 * busy for ever when asked to, and is 64 KiB large.
 */
#include <cloister/module.h>

#include <string.h>

#define MOST (16u << 10)
#define FILLER_SIZE (40u << 10) /* with the SDK's code a little less than 64 KiB of pages */

static const volatile uint8_t filler[FILLER_SIZE] = {1};

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

/* Never returns: who measures ends it. */
static cloister_status run_away(cloister_call *call)
{
    (void)call;
    while (filler[0])
        ;
    return CLOISTER_OK;
}

CLOISTER_MODULE(.name = "load", .version = "1.0.0", .svn = 1, .heap_size = 64 << 10,
                .stack_size = 16 << 10, .max_call_us = 20000, .method_count = 2,
                .method = {CLOISTER_METHOD("echo", CLOISTER_IN(0, MOST), CLOISTER_OUT(MOST)),
                           CLOISTER_METHOD("run_away")});
CLOISTER_HANDLERS(echo, run_away);

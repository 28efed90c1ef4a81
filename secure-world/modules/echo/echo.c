/*
 * echo: gives back what it is given. The smallest possible module, without a libc.
 */
#include <cloister/module.h>

#include <string.h>

#define MOST 4096

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

CLOISTER_MODULE(.name = "echo", .version = "1.0.0", .svn = 1, .heap_size = 64 << 10,
                .stack_size = 16 << 10, .method_count = 1,
                .method = {CLOISTER_METHOD("echo", CLOISTER_IN(0, MOST), CLOISTER_OUT(MOST))});
CLOISTER_HANDLERS(echo);

/*
 * A module that keeps a secret in its memory: made inside, of a seed, so that what lies in the
 * module has never been anywhere else.
 */
#include <cloister/module.h>

#include "keep.h"

static uint8_t secret[KEEP_SIZE];

static cloister_status keep(cloister_call *call)
{
    keep_fill(call->argument[0].a, secret, sizeof secret);
    return CLOISTER_OK;
}

/* a: how many bytes are still what they were. */
static cloister_status check(cloister_call *call)
{
    static uint8_t again[KEEP_SIZE];
    keep_fill(call->argument[0].a, again, sizeof again);
    call->argument[1].a = 0;
    for (unsigned i = 0; i < KEEP_SIZE; i++) {
        call->argument[1].a += secret[i] == again[i];
        again[i] = 0;
    }
    return CLOISTER_OK;
}

CLOISTER_MODULE(.name = "keep", .version = "1.0.0", .svn = 1, .method_count = 2,
                .method = {CLOISTER_METHOD("keep", CLOISTER_VALUE_IN),
                           CLOISTER_METHOD("check", CLOISTER_VALUE_IN, CLOISTER_VALUE_OUT)});
CLOISTER_HANDLERS(keep, check);

/*
 * vault: keeps secrets for whoever calls, without keeping anything. `put` seals a text, `get` opens
 * the blob again; between the two it lies wherever the caller likes.
 *
 * The policy is "same author": a later version of the vault by the same author opens what this one
 * sealed, an older one (SVN) and another author's module do not. A module in a debug world may be
 * unsigned and have no author: there only the very same code opens a blob.
 */
#include <cloister/module.h>

#define MOST (1 << 20)

static const char label[] = "vault";

static unsigned policy(void)
{
    return cloister_in_debug_world() ? CLO_POLICY_EXACT_CODE : CLO_POLICY_SAME_AUTHOR;
}

static cloister_status put(cloister_call *call)
{
    const cloister_argument *text = &call->argument[0];
    cloister_argument *blob = &call->argument[1];

    if (blob->capacity < text->size + CLOISTER_SEAL_OVERHEAD)
        return CLOISTER_TOO_BIG;
    return cloister_seal(policy(), label, sizeof label - 1, text->in, text->size, blob->out,
                         &blob->size);
}

static cloister_status get(cloister_call *call)
{
    const cloister_argument *blob = &call->argument[0];
    cloister_argument *text = &call->argument[1];

    if (text->capacity + CLOISTER_SEAL_OVERHEAD < blob->size)
        return CLOISTER_TOO_BIG;
    return cloister_unseal(blob->in, blob->size, text->out, &text->size);
}

CLOISTER_MODULE(.name = "vault", .version = "1.0.0", .svn = 1, .heap_size = 4 << 20,
                .hypercalls = CLOISTER_ALLOW(SEAL) | CLOISTER_ALLOW(UNSEAL), .method_count = 2,
                .method = {
                    CLOISTER_METHOD("put", CLOISTER_IN(0, MOST),
                                    CLOISTER_OUT(MOST + CLOISTER_SEAL_OVERHEAD)),
                    CLOISTER_METHOD("get", CLOISTER_IN(0, MOST + CLOISTER_SEAL_OVERHEAD),
                                    CLOISTER_OUT(MOST)),
                });
CLOISTER_HANDLERS(put, get);
